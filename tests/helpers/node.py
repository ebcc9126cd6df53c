"""Node, which runs the scripts of the page for drawing."""

import os
import pathlib
import shutil
import sys

import pytest

# That of the group `test` lies beside Python.
_PLACES = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
NODE = shutil.which("node", path=_PLACES)
needs_node = pytest.mark.skipif(NODE is None, reason="Node is not installed: it runs the scripts")
