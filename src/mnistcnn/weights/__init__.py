"""Network weights in files: arrays, manifests, pretrained weights, ONNX and Keras files.

May import `utils` and `recipes`; never Keras or TensorFlow.
"""
