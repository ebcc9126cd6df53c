"""How the documentation is built.

    sphinx-build -W -n -b html docs docs/_build/html
    sphinx-build -W -b doctest docs docs/_build/doctest

Both run without a network: no other project's inventory is fetched.
"""

import sys
from pathlib import Path

import mnistcnn

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "mnistcnn"
author = "The mnistcnn developers"
copyright = "the mnistcnn developers"  # noqa: A001  # Sphinx's own name
release = version = mnistcnn.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "annotations",
    "figures",
]
exclude_patterns = ["_build"]

# Pages are Markdown.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Docstrings are in NumPy style; their types are prose ("array_like"), so they stay text.
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_use_ivar = True

# Signatures show the annotations as the source writes them; see _ext/annotations.py.
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_type_aliases = {
    "ArrayLike": "ArrayLike",
    "Axes": "matplotlib.axes.Axes",
    "Figure": "matplotlib.figure.Figure",
    "Float32Array": "numpy.ndarray",
    "History": "keras.callbacks.History",
    "NDArray": "numpy.ndarray",
    "PathLike": "str | os.PathLike",
    "UInt8Array": "numpy.ndarray",
    "keras.Model": "keras.Model",
    "keras.Sequential": "keras.Sequential",
    "keras.callbacks.Callback": "keras.callbacks.Callback",
    "keras.callbacks.History": "keras.callbacks.History",
}
python_maximum_signature_line_length = 72
python_display_short_literal_types = True

# A link that leads nowhere is an error, except to names that live in other projects:
# their inventories would have to come from the network.
nitpicky = True
nitpick_ignore_regex = [
    # Keras and Matplotlib: what functions take and return.
    (r"py:.*", r"keras(\..+)?"),
    (r"py:.*", r"matplotlib(\..+)?"),
    # NumPy's array type, and the alias for whatever NumPy can make an array of.
    (r"py:.*", r"numpy\..+"),
    (r"py:class", r"ArrayLike"),
    # The standard library.
    (r"py:.*", r"os\.PathLike"),
    (r"py:.*", r"(collections\.abc|typing|types)\..+"),
    (r"py:class", r"(Any|Literal|Mapping|MappingProxyType|Sequence)"),
    (r"py:exc", r"(FileNotFoundError|KeyboardInterrupt|OSError|TypeError|ValueError)"),
]

# Examples run in an empty folder of their own, so what they write is gone afterwards.
doctest_global_setup = """
import os as _os, tempfile as _tempfile
_folder, _home = _tempfile.TemporaryDirectory(), _os.getcwd()
_os.chdir(_folder.name)
"""
doctest_global_cleanup = """
_os.chdir(_home)
_folder.cleanup()
"""

html_theme = "furo"
html_title = "mnistcnn"
html_static_path = ["_static"]
html_css_files = ["mnistcnn.css"]
html_show_copyright = False
html_copy_source = False
html_theme_options = {"top_of_page_buttons": []}

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
