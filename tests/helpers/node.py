"""Node.js, which runs the scripts of the drawing page."""

import os
import pathlib
import shutil
import sys

import pytest

# The dependency group `test` installs it beside Python.
_SEARCH_PATH = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
NODE = shutil.which("node", path=_SEARCH_PATH)
needs_node = pytest.mark.skipif(NODE is None, reason="Node is not installed: it runs the scripts")
