"""Standard streams that are absent, closed, full, or can't encode a text."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mnistcnn.cli import common
from mnistcnn.cli.main import main
from mnistcnn.errors import DataUnavailableError

SHELL = shutil.which("sh")
pytestmark = pytest.mark.skipif(SHELL is None, reason="needs a POSIX shell")
needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def shell(redirections, *arguments, **environment):
    """Run the command with redirections such as ``2>&-``."""
    return subprocess.run(
        [SHELL, "-c", f'exec "$@" {redirections}', "sh", sys.executable, "-m", "mnistcnn", *arguments],
        capture_output=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture
def scan(tmp_path):
    content = io.BytesIO()
    pixels = np.full((80, 120), 255, np.uint8)
    pixels[15:65, 50:55] = 0  # a one
    Image.fromarray(pixels).save(content, "TIFF", compression="tiff_lzw")

    def write(name):
        (tmp_path / "scans").mkdir(exist_ok=True)
        (tmp_path / "scans" / os.fsdecode(name)).write_bytes(content.getvalue())

    return write


def test_images_are_read_without_standard_error(scan, tmp_path):
    scan(b"a.tif")
    expected = shell("", "read", "scans/a.tif")
    assert expected.stdout == b"1\n"
    for redirections in ("2>&-", "2>&- <&-"):
        result = shell(redirections, "read", "scans/a.tif")
        assert (result.returncode, result.stdout) == (0, expected.stdout)
    result = shell("<&- >&- 2>&-", "read", "scans/a.tif", "--boxes", "boxes.png")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
    assert (tmp_path / "boxes.png").stat().st_size


def test_failure_without_standard_error_prints_nothing_to_standard_output():
    result = shell("2>&-", "compare", "absent.json", "absent.json", "--json")
    assert (result.returncode, result.stdout) == (1, b"")


@pytest.mark.parametrize("arguments", [["info", "--json"], ["info"], ["--version"]])
def test_closed_pipe_ends_the_command_silently(arguments):
    process = subprocess.Popen(
        [sys.executable, "-m", "mnistcnn", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": ""},
    )  # fmt: skip
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


@needs_dev_full
@pytest.mark.parametrize("arguments", [["info", "--json"], ["info"], ["read", "scans", "--json"]])
def test_full_disk_is_reported_on_one_line(arguments, scan):
    scan(b"a.tif")
    result = shell("> /dev/full", *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith(b"mnistcnn: ")
    assert result.stderr.endswith(b"No space left on device\n")
    assert result.stderr.count(b"\n") == 1


@needs_dev_full
def test_messages_that_cannot_be_written_are_dropped():
    assert shell("2> /dev/full", "read", "absent.png").returncode == 1
    assert shell("> /dev/full 2> /dev/full", "info").returncode == 1


@pytest.mark.skipif(sys.platform == "darwin", reason="names must be UTF-8")
@pytest.mark.parametrize(
    "environment",
    [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C.UTF-8"}],
    ids=["C", "ascii", "utf-8"],
)
def test_all_images_are_read_whatever_their_names(environment, scan):
    names = [b"a\xff.tif", b"b\xc3\xa9.tif", b"c\x1b]0;owned\x07\nmnistcnn: forged.tif", b"d.tif"]
    for name in names:
        scan(name)
    result = shell("", "read", "scans", **environment)
    assert result.returncode == 0
    assert result.stderr == b""
    titles = [line for line in result.stdout.splitlines() if line.startswith(b"==> ")]
    assert len(titles) == len(names)
    assert titles[0] == rb"==> scans/a\udcff.tif <=="
    assert titles[2] == rb"==> scans/c\x1b]0;owned\x07\nmnistcnn: forged.tif <=="
    assert b"\x1b" not in result.stdout
    report = json.loads(shell("", "read", "scans", "--json", **environment).stdout)
    assert os.fsencode(report["images"][0]["image"]) == b"scans/a\xff.tif"


@pytest.mark.parametrize(
    ("error", "printed"),
    [
        (ValueError("a\nmnistcnn: forged\x1b[2J"), r"a\nmnistcnn: forged\x1b[2J"),
        (OSError("x" * 2_000_000), None),
        (DataUnavailableError("first:\n  second\x07"), "first:\n  second\\x07"),
        (common.CommandError("To resume:\ncommand"), "To resume:\ncommand"),
    ],
)
def test_errors_are_printed_without_control_characters(error, printed, capsys, monkeypatch):
    def fail(options):
        raise error

    monkeypatch.setattr("mnistcnn.cli.info.run", fail)
    assert main(["info"]) == 1
    text = capsys.readouterr().err
    assert len(text) < 2020
    if printed is not None:
        assert text == f"mnistcnn: {printed}\n"
