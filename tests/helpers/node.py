"""Node.js, in which the tests run the scripts of the drawing page."""

import os
import pathlib
import shutil
import sys

import pytest

# The dependency group `test` installs it next to Python.
_SEARCH_PATH = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
NODE = shutil.which("node", path=_SEARCH_PATH)
needs_node = pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
