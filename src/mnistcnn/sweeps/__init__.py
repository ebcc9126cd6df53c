"""Training over many recipes and seeds, in several processes or on a Ray cluster.

May import `training`, `models`, `evaluation`, `data` and `utils`.
"""
