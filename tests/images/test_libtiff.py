"""libtiff prints nothing, and only libtiff is affected."""

import ctypes
import io
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image, _imaging

from mnistcnn.errors import CorruptFileError
from mnistcnn.images import libtiff
from mnistcnn.images.image_io import read_image
from mnistcnn.images.libtiff import silence_libtiff


def tiff(compression="tiff_lzw"):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "TIFF", compression=compression)
    return file.getvalue()


def damaged():
    content = bytearray(tiff())
    content[500:600] = b"\xff" * 100
    return bytes(content)


def handler():
    """Return the current error handler of libtiff."""
    set_handler = libtiff._error_handler_setter()
    current = set_handler(None)
    set_handler(current)
    return current


def test_a_damaged_image_prints_lines_unless_libtiff_is_silenced(capfd):
    """Otherwise the tests below would prove nothing."""
    with pytest.raises(OSError, match="decoder error|^-2$"):
        Image.open(io.BytesIO(damaged())).load()
    assert capfd.readouterr().err != ""
    with silence_libtiff(), pytest.raises(OSError, match="decoder error"):
        Image.open(io.BytesIO(damaged())).load()
    assert capfd.readouterr().err == ""


def test_damaged_image_raises_and_prints_nothing(capfd):
    before = handler()
    assert before
    with pytest.raises(CorruptFileError, match="undamaged"):
        read_image(damaged())
    assert capfd.readouterr().err == ""
    assert handler() == before


def test_output_of_other_threads_and_processes_appears_at_once(capfd):
    with silence_libtiff():
        os.write(2, b"TIFFReadDirectory: from this thread\n")
        subprocess.run([sys.executable, "-c", "import os; os.write(2, b'child\\n')"], check=True)
        assert capfd.readouterr().err == "TIFFReadDirectory: from this thread\nchild\n"


def test_handler_is_restored_after_the_last_thread():
    before, barrier = handler(), threading.Barrier(2)
    inside = []

    def first():
        with silence_libtiff():
            barrier.wait()  # both are inside
            barrier.wait()  # the second one has left
            inside.append(handler())

    thread = threading.Thread(target=first)
    with silence_libtiff():
        thread.start()
        barrier.wait()
    barrier.wait()
    thread.join()
    assert inside == [None]
    assert handler() == before


def test_images_are_decoded_where_libtiff_is_not_accessible(monkeypatch):
    def missing(path):
        assert path == _imaging.__file__
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", missing)
    libtiff._error_handler_setter.cache_clear()
    try:
        assert read_image(tiff()).brightness.shape == (64, 64, 1)
    finally:
        libtiff._error_handler_setter.cache_clear()


WITHOUT_STDERR = """
import sys
import mnistcnn
from mnistcnn.images.image_io import read_image
assert sys.stderr is None
file = open("log", "w+b", buffering=0)  # takes the descriptor of standard error
assert file.fileno() == 2
print(read_image("a.tif").width, len(mnistcnn.load_data("digits").train.labels))
try:
    mnistcnn.load_data("mnist", cache_dir="a.tif")
except mnistcnn.DataUnavailableError:
    print("unavailable")
file.seek(0)
assert file.read() == b""
"""


def test_library_works_without_standard_error(tmp_path):
    (tmp_path / "a.tif").write_bytes(tiff())
    result = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", WITHOUT_STDERR],
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, "64 1442\nunavailable\n")
