"""How the documentation is built.

    sphinx-build -W -n -b html docs docs/_build/html
    sphinx-build -W -b doctest docs docs/_build/doctest

Both run without a network: no other project's inventory is fetched.
"""

import doctest
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
    "accuracy",
    "annotations",
    "draw",
    "exports",
    "figures",
    "names",
    "reading",
    "speed",
]
exclude_patterns = ["_build"]
default_role = "name"  # `single backticks` in docstrings; see _ext/names.py

# Pages are Markdown.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Docstrings are in NumPy style; their types are prose ("array_like"), so they stay text.
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]

# Signatures show annotations as the source writes them (_ext/annotations.py); this does the
# same for properties and attributes.
autodoc_type_aliases = {
    "Float64Array": "Float64Array",
    "Int64Array": "Int64Array",
    "UInt8Array": "UInt8Array",
}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 72
python_display_short_literal_types = True

# A link that leads nowhere is an error, except to names that live in other projects:
# their inventories would have to come from the network.
nitpicky = True
nitpick_ignore_regex = [
    # Keras: networks, callbacks and histories.
    (r"py:class", r"keras\..+|History"),
    # Matplotlib: what pictures are drawn on.
    (r"py:class", r"matplotlib\..+|Axes|Figure"),
    # NumPy: its arrays, by the short names that mnistcnn gives them, and what becomes one.
    (r"py:class", r"numpy\..+|ArrayLike|U?(Int|Float)\d+Array|NDArray"),
    # What a picture may come as, and the standard library: paths and general collections.
    (r"py:class", r"PictureLike|PathLike|Path|Mapping|Sequence|Any|collections\.abc\..+|types\..+"),
]

# The text of an error is part of an example.
doctest_default_flags = doctest.ELLIPSIS | doctest.DONT_ACCEPT_TRUE_FOR_1
# Examples run in an empty folder of their own, so what they write is gone afterwards.
# One process makes dozens of small networks here, which TensorFlow would remark on.
doctest_global_setup = """
import logging as _logging, os as _os, tempfile as _tempfile
_logging.getLogger("tensorflow").setLevel("ERROR")
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
