"""The pretrained weights, their model card and its figures."""
