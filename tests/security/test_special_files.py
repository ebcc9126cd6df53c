"""FIFOs, devices, sockets, directories and sparse files in place of files.

Reading a FIFO waits for a writer, and reading a device may never end. Each is rejected by a process
that may allocate at most 200 MB, within a second of processor time.
"""

import gzip
import io
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from mnistcnn.cli.main import main
from mnistcnn.data.formats.idx import IDX_NAMES, encode_idx
from mnistcnn.data.formats.npz import NPZ_NAMES
from mnistcnn.errors import CorruptFileError
from mnistcnn.images.image_io import read_image
from mnistcnn.utils.safe_read import open_regular

pytestmark = pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").is_file(), reason="the memory limit needs Linux"
)
LIMITS = pathlib.Path(__file__).parents[1] / "helpers" / "limits.py"
TIMEOUT = 300  # of the process that reads all files, in seconds
HOLE = 10 << 30


def bind_socket(path):
    # The path of a socket must be short, so it is relative.
    folder = pathlib.Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(folder)


def link_to_fifo(path):
    os.mkfifo(path.with_name("fifo"))
    path.symlink_to("fifo")


# By name: how it is created, and what the error calls it.
KINDS = {
    "FIFO": (getattr(os, "mkfifo", None), "a FIFO"),
    "link to a FIFO": (link_to_fifo, "a FIFO"),
    "socket": (bind_socket, "a socket"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "a device"),
    "terminal": (lambda path: path.symlink_to("/dev/tty"), "a device"),
    "directory": (os.mkdir, "a directory"),
}
# Pairs of a reader in limits.py and the name of a file; readers of folders read its folder.
FILES = [
    ("data", "a.npz"), ("mnist", "a.npz"), ("idx", "a.gz"), ("idx", "a"),
    ("weights", "a.keras"), ("weights", "a.h5"), ("weights", "a.onnx"),
    ("weights", "a.safetensors"), ("manifest", "best.json"), ("checkpoint", "run.safetensors"),
    ("evaluation", "a.json"), ("source", "a.json"), ("history", "a.json"), ("image", "a.png"),
]  # fmt: skip
FOLDER_READERS = ("manifest", "checkpoint")
# A data set may be a folder, and a checkpoint must not be a link.
CASES = {
    f"{kind} as {name} of {reader}": (reader, name, kind)
    for reader, name in FILES
    for kind in KINDS
    if not (kind == "directory" and reader in ("data", "mnist"))
}


def tasks_of(reader, folder, name):
    return [reader, str(folder if reader in FOLDER_READERS else folder / name)]


def read_with_limits(folder, tasks):
    """Return error, message, processor time and elapsed time of each task."""
    (folder / "tasks.json").write_text(json.dumps(tasks))
    working_folder = folder / "cwd"
    working_folder.mkdir()
    result = subprocess.run(
        [sys.executable, LIMITS, folder / "tasks.json"],
        cwd=working_folder, capture_output=True, text=True, timeout=TIMEOUT, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    top = tmp_path_factory.mktemp("special")
    tasks = []
    for number, (reader, name, kind) in enumerate(CASES.values()):
        folder = top / str(number)
        folder.mkdir()
        KINDS[kind][0](folder / name)
        tasks.append(tasks_of(reader, folder, name))
    return dict(zip(CASES, read_with_limits(top, tasks), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_only_regular_files_are_read(case, outcomes):
    reader, name, kind = CASES[case]
    error, message, processor, elapsed = outcomes[case]
    received = KINDS[kind][1]
    if reader == "checkpoint" and kind in ("link to a FIFO", "device", "terminal"):
        received = "a link"
    is_directory = kind == "directory" and reader != "checkpoint"
    assert error == ("IsADirectoryError" if is_directory else "CorruptFileError"), message
    assert re.fullmatch(rf".*/{name} must be a regular file; received {received}", message), message
    assert processor < 1, processor
    assert elapsed < 10, elapsed


@pytest.mark.parametrize("create", [getattr(os, "mkfifo", None), bind_socket, link_to_fifo])
def test_a_special_file_in_a_folder_of_images_is_reported(create, tmp_path, page, capsys):
    folder = tmp_path / "scans"
    folder.mkdir()
    Image.fromarray(page.picture).save(folder / "b.png")
    create(folder / "a.png")
    assert main(["read", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert re.search("a.png must be a regular file; received a (FIFO|socket)\n", err)
    assert "==> " in out
    assert "b.png <==" in out


@pytest.mark.parametrize("name", [f"{IDX_NAMES[0]}.gz", IDX_NAMES[3]])
def test_a_fifo_in_a_folder_of_idx_files_is_not_read(name, tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    arrays = [np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)] * 2
    for idx_name, array in zip(IDX_NAMES, arrays, strict=True):
        if not name.startswith(idx_name):
            (folder / idx_name).write_bytes(encode_idx(array))
    os.mkfifo(folder / name)
    ((error, message, _, _),) = read_with_limits(tmp_path, [["data", str(folder)]])
    assert error == "DataUnavailableError"
    assert f"missing: {name.removesuffix('.gz')}" in message


def test_a_virtual_file_counts_as_empty(tmp_path):
    """It states no size, and another one, such as /proc/kmsg, may wait for its content forever."""
    path = pathlib.Path("/proc/self/status")
    assert path.read_bytes()
    with open_regular(path) as file:
        assert file.read() == b""
    (tmp_path / "a.png").symlink_to(path)
    with pytest.raises(CorruptFileError, match="must be an image; received 0 bytes"):
        read_image(tmp_path / "a.png")


# Sparse files


def sparse_idx(path):
    """Write 10 GB of blank images that take no space."""
    count = HOLE // 784
    path.write_bytes(struct.pack(">HBBIII", 0, 8, 3, count, 28, 28))
    os.truncate(path, 16 + 784 * count)


def bomb_behind_a_hole(path):
    """Write an archive that begins with a hole, which zip files may, and unpacks to 300 MB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in NPZ_NAMES:
            archive.writestr(f"{name}.npy", bytes(75 << 20))
    with path.open("wb") as file:
        file.seek(HOLE)
        file.write(buffer.getvalue())


def bomb_before_a_hole(path):
    """Write a gzip file that unpacks to 300 MB and ends with a hole."""
    header = struct.pack(">HBBI", 0, 8, 1, 300 << 20)
    path.write_bytes(gzip.compress(header + bytes(300 << 20), 1))
    os.truncate(path, HOLE)


def hole(path):
    path.touch()
    os.truncate(path, HOLE)


SPARSE = {
    "idx": ("idx", "a", sparse_idx, "must unpack to at most 67,108,864 bytes; it has at least 10,"),
    "gzip bomb": ("idx", "a.gz", bomb_before_a_hole, "unpack to at most 67,108,864 bytes"),
    "gzip": ("idx", "b.gz", hole, "must begin with 00 00, a type code"),
    "npz bomb": (
        "data",
        "a.npz",
        bomb_behind_a_hole,
        "a data set must be an .npz, IDX or CSV file",
    ),
    "npz": ("data", "b.npz", hole, "a data set must be an .npz, IDX or CSV file"),
    "evaluation": ("evaluation", "a.json", hole, "at most 16,777,216 bytes; it holds 10,737,418,"),
    "image": ("image", "a.png", hole, "at most 160,000,000 bytes; it holds 10,737,418,"),
    "checkpoint": ("checkpoint", "run.safetensors", hole, "bytes; it holds 10,737,418,240"),
    "weights": ("weights", "a.keras", hole, "at most 67,108,864 bytes; it holds 10,737,418,240"),
}


@pytest.fixture(scope="module")
def sparse_outcomes(tmp_path_factory):
    top = tmp_path_factory.mktemp("sparse")
    tasks = []
    for reader, name, create, _ in SPARSE.values():
        create(top / name)
        tasks.append(tasks_of(reader, top, name))
    return dict(zip(SPARSE, read_with_limits(top, tasks), strict=True))


@pytest.mark.parametrize("case", SPARSE)
def test_holes_of_a_file_do_not_raise_its_limit(case, sparse_outcomes):
    error, message, processor, _ = sparse_outcomes[case]
    assert error == "CorruptFileError", message
    assert SPARSE[case][3] in message
    assert processor < 1, processor
