"""The types that the page's scripts have by their comments, checked by TypeScript."""

import json
import pathlib
import subprocess

import pytest

from tests.helpers.node import NODE, needs_node

FOLDER = pathlib.Path(__file__).parent
TSC = FOLDER / "node_modules/typescript/bin/tsc"

pytestmark = [
    pytest.mark.browser,
    needs_node,
    pytest.mark.skipif(not TSC.exists(), reason="TypeScript is not installed: types go unchecked"),
]


def checked(*arguments):
    return subprocess.run(
        [NODE, TSC, *arguments],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_scripts_keep_their_types():
    done = checked("--project", FOLDER)
    assert done.returncode == 0, done.stdout


def test_a_wrong_type_is_found(tmp_path):
    """So that the test above means something."""
    (tmp_path / "wrong.js").write_text("const read = makeReader(3);\n")
    settings = json.loads((FOLDER / "tsconfig.json").read_text())
    scripts = (FOLDER / settings["include"].pop()).resolve()
    settings["include"] = [str(scripts), "*.js"]
    (tmp_path / "tsconfig.json").write_text(json.dumps(settings))
    done = checked("--project", tmp_path)
    assert "wrong.js(1,25): error" in done.stdout
