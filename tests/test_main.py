"""The command ends quietly on Ctrl-C from its first import on."""

import os
import pathlib
import signal
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# The start of Python runs this module; it sends SIGINT when a module is about to be imported. What
# imported the module earlier, such as the measurement of coverage, must not prevent that.
SITECUSTOMIZE = """
import os, pathlib, signal, sys
class Finder:
    def find_spec(self, name, path, target=None):
        if name == os.environ["INTERRUPT_AT"]:
            pathlib.Path(os.environ["INTERRUPTED"]).touch()
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Finder())
sys.modules.pop(os.environ["INTERRUPT_AT"], None)
"""


@pytest.fixture
def interrupt_at(tmp_path):
    """Return a function that runs Python with arguments and, if named, SIGINT at a module's import."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    interrupted = tmp_path / "interrupted"

    def run(module, *arguments):
        result = subprocess.run(
            [sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False,
            env={
                **os.environ, "PYTHONPATH": path,
                "INTERRUPT_AT": module or "", "INTERRUPTED": str(interrupted),
            },
        )  # fmt: skip
        assert interrupted.exists() == (module is not None)
        interrupted.unlink(missing_ok=True)
        return result

    return run


@pytest.fixture
def script(tmp_path):
    """The script that installers write for the command."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        module, _, function = tomllib.load(file)["project"]["scripts"]["mnistcnn"].partition(":")
    path = tmp_path / "mnistcnn"
    path.write_text(f"import sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    return path


@pytest.mark.parametrize(
    "module",
    ["lazy_loader", "ast", "mnistcnn.cli", "argparse", "mnistcnn.cli.train"],
)
def test_an_interrupt_during_the_imports_ends_the_command_quietly(module, interrupt_at, script):
    for arguments in ([script, "--version"], ["-m", "mnistcnn", "--version"]):
        result = interrupt_at(module, *arguments)
        assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_an_interrupt_of_a_program_that_imports_the_package_is_raised(interrupt_at):
    result = interrupt_at("lazy_loader", "-c", "import mnistcnn")
    assert result.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in result.stderr


def test_the_script_runs_the_command(interrupt_at, script):
    result = interrupt_at(None, script, "--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("0.")
