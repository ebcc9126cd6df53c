"""The network as a scikit-learn estimator.

May import `training`, `models`, `evaluation` and what they import.
"""
