"""Recognition of handwritten digits in images: from a page to text, boxes and confidences.

May import `data`, `weights` and `utils`; never Keras or TensorFlow.
"""
