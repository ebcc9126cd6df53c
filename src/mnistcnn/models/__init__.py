"""Keras models: building, loading and checking their architecture.

May import `utils` and `weights`.
"""
