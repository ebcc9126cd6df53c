"""The HTML report about a model.

May import `plotting`, `evaluation`, `data` and `utils`.
"""
