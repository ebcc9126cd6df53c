"""Figures of training histories, evaluations, layers and recognized pages, with Matplotlib.

May import `evaluation`, `ocr`, `models`, `data` and `utils`.
"""
