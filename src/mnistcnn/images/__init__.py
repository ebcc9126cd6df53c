"""Decoding of picture files to brightness, within limits of size and memory.

May import `utils`; never Keras or TensorFlow.
"""
