"""Export of a model to the formats of other runtimes, each checked by running it.

May import `models`, `weights`, `data`, `ocr` and `utils`.
"""
