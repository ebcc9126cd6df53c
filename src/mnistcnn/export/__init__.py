"""Export of a model to the formats of other runtimes, each verified by running it.

May import `models`, `weights`, `data` and `utils`.
"""
