"""Plots of training histories, evaluations, layers, digits and recognized pages, with Matplotlib.

May import `evaluation`, `ocr`, `models`, `data` and `utils`.
"""
