"""Lines that are held back: those alone, and standard error is what it was afterwards."""

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


def test_noise_is_held_back_and_all_else_is_kept_also_when_it_fails(capfd):
    def fail():
        with filter_stderr(NOISE):
            os.write(2, b"noise: one\na word\nnoise: two\nno noise: three\n")
            raise ValueError("at the end")

    with pytest.raises(ValueError, match="at the end"):
        fail()
    assert capfd.readouterr().err == "a word\nno noise: three\n"


def test_threads_leave_standard_error_as_it_was(capfd):
    before = os.fstat(2)
    together = threading.Barrier(4)

    def write(number):
        together.wait()
        for turn in range(20):
            with filter_stderr(NOISE):
                os.write(2, b"noise: x\n%d\n" % number)
                time.sleep(0.0005 * ((number + turn) % 4))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.path.samestat(os.fstat(2), before)
    assert sorted(capfd.readouterr().err.split()) == sorted("0123" * 20)


def test_where_there_is_no_place_for_lines_they_are_shown(capfd, monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with filter_stderr(NOISE):
        os.write(2, b"noise: shown\n")
    assert capfd.readouterr().err == "noise: shown\n"


@pytest.mark.parametrize("packing", ["tiff_lzw", "tiff_adobe_deflate", "jpeg", "group4"])
def test_a_damaged_tiff_is_refused_and_nothing_is_printed(packing, capfd):
    buffer = io.BytesIO()
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8))
    image = image.convert("1") if packing == "group4" else image
    image.save(buffer, "TIFF", compression=packing)
    refused = 0
    for place in range(8, 60, 3):
        content = bytearray(buffer.getvalue())
        content[place : place + 3] = b"\xff\x00\xff"
        try:
            read_image(bytes(content))
        except CorruptFileError:
            refused += 1
    assert refused or packing == "group4"  # whose damage libtiff only reports
    assert capfd.readouterr() == ("", "")
