"""Only matching lines are dropped, and standard error is restored."""

import io
import os
import re
import tempfile
import threading
import time

import numpy as np
import pytest
from PIL import Image

from mnistcnn import CorruptFileError
from mnistcnn.ocr.image_io import read_image
from mnistcnn.utils.stderr import filter_stderr

NOISE = re.compile(rb"noise: ")


def test_only_matching_lines_are_dropped_also_if_the_block_raises(capfd):
    def fail():
        with filter_stderr(NOISE):
            os.write(2, b"noise: one\na word\nnoise: two\nno noise: three\n")
            raise ValueError("at the end")

    with pytest.raises(ValueError, match="at the end"):
        fail()
    assert capfd.readouterr().err == "a word\nno noise: three\n"


def test_threads_restore_standard_error(capfd):
    before = os.fstat(2)
    barrier = threading.Barrier(4)

    def write(number):
        barrier.wait()
        for repetition in range(20):
            with filter_stderr(NOISE):
                os.write(2, b"noise: x\n%d\n" % number)
                time.sleep(0.0005 * ((number + repetition) % 4))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.path.samestat(os.fstat(2), before)
    assert sorted(capfd.readouterr().err.split()) == sorted("0123" * 20)


def test_lines_are_shown_if_no_temporary_file_can_be_created(capfd, monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with filter_stderr(NOISE):
        os.write(2, b"noise: shown\n")
    assert capfd.readouterr().err == "noise: shown\n"


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg", "group4"])
def test_damaged_tiff_files_print_nothing(compression, capfd):
    buffer = io.BytesIO()
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8))
    image = image.convert("1") if compression == "group4" else image
    image.save(buffer, "TIFF", compression=compression)
    rejected = 0
    for offset in range(8, 60, 3):
        content = bytearray(buffer.getvalue())
        content[offset : offset + 3] = b"\xff\x00\xff"
        try:
            read_image(bytes(content))
        except CorruptFileError:
            rejected += 1
    assert rejected or compression == "group4"  # libtiff decodes it with warnings
    assert capfd.readouterr() == ("", "")
