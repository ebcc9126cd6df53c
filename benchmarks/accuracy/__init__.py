"""Accuracy and robustness of the recipes on MNIST, and the search for them."""
