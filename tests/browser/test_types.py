"""The types in the comments of the drawing page's scripts, checked by TypeScript."""

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
    pytest.mark.skipif(not TSC.exists(), reason="TypeScript is not installed"),
]


def run_tsc(*arguments):
    return subprocess.run(
        [NODE, TSC, *arguments],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_scripts_pass_the_type_check():
    result = run_tsc("--project", FOLDER)
    assert result.returncode == 0, result.stdout


def test_type_check_detects_a_wrong_type(tmp_path):
    (tmp_path / "wrong.js").write_text("const recognize = createRecognizer(3, () => 1);\n")
    config = json.loads((FOLDER / "tsconfig.json").read_text())
    scripts = (FOLDER / config["include"].pop()).resolve()
    config["include"] = [str(scripts), "*.js"]
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    result = run_tsc("--project", tmp_path)
    assert "wrong.js(1,36): error" in result.stdout
