"""Validation, atomic file writes, bounded reads and environment settings.

Imports nothing from the package but `types` and `errors`; never Keras or TensorFlow.
"""
