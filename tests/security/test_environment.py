"""The folder in which a command runs, and absurd settings, decide nothing."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

posix = pytest.mark.skipif(sys.platform == "win32", reason="FIFOs and scripts need POSIX")
MATPLOTLIBRC = """
text.usetex: True
figure.facecolor: red
savefig.dpi: 20
backend: module://stranger
"""


def run_python(*arguments):
    # Otherwise `python -m` would also import a stranger's modules.
    result = subprocess.run(
        [sys.executable, "-P", *arguments],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout


def plot(path):
    arguments = ["plot", "digits", "--data", "digits", "--max-images", "3", "--output", path]
    run_python("-m", "mnistcnn", *arguments)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@posix
def test_a_matplotlibrc_in_the_current_folder_starts_nothing_and_changes_nothing(monkeypatch):
    programs = Path("bin")
    programs.mkdir()
    for name in ("latex", "xelatex", "dvipng", "kpsewhich"):
        (programs / name).write_text(f"#!/bin/sh\ntouch {Path('started').absolute()}\nexit 1\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs.absolute()}{os.pathsep}{os.environ['PATH']}")
    expected = plot("before.png")
    Path("matplotlibrc").write_text(MATPLOTLIBRC)
    assert plot("after.png") == expected
    assert not Path("started").exists()


@posix
def test_a_fifo_as_matplotlibrc_is_not_opened():
    os.mkfifo("matplotlibrc")
    code = (
        "import os; from mnistcnn.utils.environment import import_matplotlib;"
        "print(import_matplotlib().__name__, os.getcwd())"
    )
    assert run_python("-c", code) == f"matplotlib {Path.cwd()}\n"


@posix
@pytest.mark.slow
def test_a_fifo_as_matplotlibrc_does_not_stop_a_sweep(tiny, write_npz):
    os.mkfifo("matplotlibrc")
    arguments = ["--data", str(write_npz(tiny)), "--seeds", "0", "--epochs", "1"]
    assert '"seed": 0' in run_python("-m", "mnistcnn", "sweep", *arguments, "--json")


@posix
def test_matplotlib_can_be_imported_in_a_folder_that_was_deleted():
    Path("gone").mkdir()
    code = (
        "import os; from mnistcnn.utils.environment import import_matplotlib;"
        "os.chdir('gone'); os.rmdir('../gone'); print(import_matplotlib().__name__)"
    )
    assert run_python("-c", code) == "matplotlib\n"
