"""Sphinx configuration of the documentation.

    sphinx-build -W -n -b html docs docs/_build/html
    sphinx-build -W -b doctest docs docs/_build/doctest

Both run offline: the inventories of other projects are in docs/inventories.
"""

import doctest
import os
import sys
from pathlib import Path

import mnistcnn

# If the package imports TensorFlow first, it suppresses its start-up messages.
from mnistcnn import train  # noqa: F401

HERE = Path(__file__).parent
BUILD = HERE / "_build"
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

import gallery  # noqa: E402  # in _ext
import inventories  # noqa: E402
import notebooks  # noqa: E402

project = "mnistcnn"
author = "The mnistcnn developers"
copyright = "the mnistcnn developers"  # noqa: A001  # the name that Sphinx expects
release = version = mnistcnn.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxext.opengraph",
    "annotations",
    "api_table",
    "approximate",
    "benchmark_tables",
    "draw",
    "names",
    "notebooks",
    "offline",
    "references",
    "search_terms",
    "source_modules",
]
exclude_patterns = ["_build"]
default_role = "name"  # `single backticks` in docstrings; see _ext/names.py

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3

# Types in NumPy-style docstrings are prose ("array_like"), so they are not linked.
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]

# _ext/annotations.py shows the annotations of signatures as in the source; this does the same
# for properties and attributes.
autodoc_type_aliases = {
    "Float32Array": "Float32Array",
    "Float64Array": "Float64Array",
    "Int64Array": "Int64Array",
    "UInt8Array": "UInt8Array",
}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 72
python_display_short_literal_types = True

# Broken links are errors, also links to other projects.
nitpicky = True
intersphinx_mapping = inventories.write_inventories(BUILD / "inventories")

# The gallery runs copies of the examples and shows their output and figures.
sphinx_gallery_conf = {
    "examples_dirs": gallery.copy_examples(BUILD / "examples"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "gallery.sort_key",
    "image_scrapers": ("gallery.scrape_figures",),
    "reset_modules": (),
    "abort_on_example_error": True,
    "capture_repr": (),
    # Run times would differ in each build.
    "min_reported_time": 3600,
    "write_computation_times": False,
    "download_all_examples": False,
    "first_notebook_cell": notebooks.FIRST_CELL,
    "show_signature": False,
    "inspect_global_variables": False,  # link functions only
    "remove_config_comments": True,
    "doc_module": ("mnistcnn",),
}

# The message of an error is part of an example.
doctest_default_flags = doctest.ELLIPSIS | doctest.DONT_ACCEPT_TRUE_FOR_1
# Examples run in a temporary folder. TensorFlow would warn about the many models in one process.
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
pygments_dark_style = "github-dark"
html_title = "mnistcnn"
html_favicon = "_static/favicon.png"
html_static_path = ["_static"]
html_extra_path = [str(notebooks.EXTRA)]
html_css_files = ["mnistcnn.css"]
html_show_copyright = False
# Pages link to their source, and names in the reference to their code.
html_copy_source = html_show_sourcelink = True
html_theme_options = {
    "top_of_page_buttons": ["view"],
    "light_logo": "logo.svg",
    "dark_logo": "logo.svg",
}

# Metadata for link previews. The image needs an absolute URL: set this variable to publish the
# pages.
html_baseurl = os.environ.get("MNISTCNN_DOCS_URL", "")
ogp_site_url = html_baseurl and html_baseurl.rstrip("/") + "/"
ogp_image = "_static/card.png"
ogp_image_alt = "mnistcnn reads handwritten digits"
ogp_social_cards = {"enable": False}
ogp_enable_meta_description = True
ogp_description_length = 150

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
