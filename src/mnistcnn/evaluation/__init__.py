"""Metrics of a classifier, their confidence intervals, and comparison of two classifiers.

May import `data` and `utils`; `models` only inside functions, when a Keras model is evaluated.
"""
