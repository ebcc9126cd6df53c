"""The HTML report of a model.

May import `plotting`, `evaluation`, `weights` and `utils`.
"""
