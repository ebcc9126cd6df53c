"""Printed forms for handwriting, and the data sets that photos of filled-in forms hold.

May import `images` and `data`; never Keras or TensorFlow.
"""
