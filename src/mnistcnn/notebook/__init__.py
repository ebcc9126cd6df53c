"""What a notebook shows: HTML of results, and progress without ipywidgets.

May import nothing of the package, and IPython only where a notebook has imported it.
"""
