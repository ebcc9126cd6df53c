"""Training a model by a recipe: the loop, data adapters, callbacks and augmentation.

May import `models`, `weights`, `recipes` and `utils`.
"""
