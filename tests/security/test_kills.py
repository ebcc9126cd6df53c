"""A process that is killed at any step of a write leaves the old file or the new one."""

import os
import signal
import sys
import warnings

import numpy as np
import pytest

import mnistcnn
from mnistcnn.cli import common
from mnistcnn.training.checkpoint import file_format
from mnistcnn.utils.atomic_write import atomic_write, atomic_write_directory
from mnistcnn.weights.arrays import to_safetensors
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.pretrained import load_pretrained_weights
from mnistcnn.weights.weights_file import read_weights_file

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forks")
MAX_STEPS = 60
EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}


def run_and_kill(write, folder, step):
    """Call `write` in a fork that is killed before it changes a file for that time.

    Return whether it was killed, and not at the end before.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL)
        return status != 0
    remaining = step

    def count():
        nonlocal remaining
        remaining -= 1
        if remaining == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event, arguments):
        if event in EVENTS and str(arguments[0]).startswith(str(folder)):
            count()

    def fsync(descriptor):
        count()
        flush(descriptor)

    try:
        flush, os.fsync = os.fsync, fsync
        sys.addaudithook(hook)
        write(folder)
    finally:
        os._exit(0 if sys.exc_info()[0] is None else 1)


def temporary(path):
    return path.name.startswith(".mnistcnn-")


def check_kills(write, folder, is_new):
    """Kill a write at each step; `is_new` returns whether the folder holds the new content."""
    outcomes = []
    for step in range(1, MAX_STEPS):
        was_killed = run_and_kill(write, folder, step)
        outcomes.append(is_new(folder))
        if not was_killed:
            break
    else:
        pytest.fail("the write must end")
    # At some step the new content appears, and it stays.
    assert outcomes == sorted(outcomes)
    assert len(outcomes) >= 4
    assert not outcomes[0]
    assert outcomes[-1]


WEIGHTS = load_pretrained_weights("best").weights(calibrated=False)


def write_bytes(name, content):
    def write(folder):
        with atomic_write(folder / name) as path:
            path.write_bytes(content)

    return write


def write_figure(folder):
    from matplotlib.figure import Figure

    common.save_figure(folder / "a.png", Figure(figsize=(1, 1)))


def read_checkpoint(path):
    file_format.deserialize(path, path.read_bytes())


FILES = {
    "a.json": (lambda folder: common.save_json(folder / "a.json", {"a": 1}), common.json.loads),
    "a.png": (write_figure, None),
    "a.pdf": (lambda folder: mnistcnn.write_sheet(folder / "a.pdf"), None),
    "a.safetensors": (write_bytes("a.safetensors", to_safetensors(WEIGHTS)), read_weights_file),
    "a.onnx": (write_bytes("a.onnx", to_onnx(WEIGHTS)), read_weights_file),
    "run.safetensors": (
        lambda folder: file_format.write_checkpoint(
            folder / "run.safetensors", {"a": 1}, {"b": np.ones(9)}
        ),
        read_checkpoint,
    ),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "a.pdf")) for name in FILES]
)
def test_a_killed_write_leaves_the_old_file_or_the_new_one(name, tmp_path):
    write, read = FILES[name]
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / name
    path.write_bytes(b"old")

    def is_new(folder):
        assert [each.name for each in folder.iterdir() if not temporary(each)] == [name]
        content = path.read_bytes()
        if content == b"old":
            return False
        if read is common.json.loads:
            assert read(content) == {"a": 1}
        elif read is not None:
            read(path)
        else:
            assert content.endswith((b"IEND\xaeB`\x82", b"%%EOF", b"%%EOF\n"))
        return True

    check_kills(write, folder, is_new)


def test_a_killed_write_of_a_folder_loses_neither_content(tmp_path):
    """Between its two renames, the old and the new folder are complete, under temporary names."""
    target = tmp_path / "model"
    target.mkdir()
    (target / "a").write_text("old")

    def write(folder):
        with atomic_write_directory(folder / "model", check=lambda path: None) as path:
            path.mkdir()
            (path / "a").write_text("new")

    def is_new(folder):
        contents = {path.parent: path.read_text() for path in folder.glob("*/a")}
        if target in contents:
            assert contents[target] in {"old", "new"}
            return contents[target] == "new"
        assert {"old", "new"} <= set(contents.values())
        assert any(parent.suffix == ".old" for parent in contents)
        write(folder)  # the command works again
        return True

    check_kills(write, tmp_path, is_new)


def test_a_killed_write_of_two_files_leaves_the_first_one_old(tmp_path):
    """The companion is renamed first."""
    for name in ("a.xml", "a.bin"):
        (tmp_path / name).write_text("old")

    def write(folder):
        with atomic_write(folder / "a.xml", companions=(".bin",)) as path:
            path.write_text("new")
            path.with_suffix(".bin").write_text("new")

    def is_new(folder):
        main, companion = ((folder / name).read_text() for name in ("a.xml", "a.bin"))
        assert {main, companion} <= {"old", "new"}
        assert not (main == "new" and companion == "old")
        return main == "new"

    check_kills(write, tmp_path, is_new)
