"""The HTTP service ``mnistcnn serve``: recognition over the network, within limits.

May import ``ocr``, ``data``, ``weights``, ``images`` and ``utils``; never Keras or TensorFlow.
"""
