"""Classification metrics with confidence intervals, and the comparison of two classifiers.

May import `data` and `utils`; `models` and `backend` only inside functions, to evaluate a Keras
model.
"""
