"""Network weights in files (safetensors, ONNX, Keras), pretrained weights, and ONNX inference.

May import `utils` and `recipes`; never Keras or TensorFlow.
"""
