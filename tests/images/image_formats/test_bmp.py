"""BMP files must be uncompressed."""

import struct

import pytest

from mnistcnn.images.image_formats.bmp import parse_bmp
from tests.helpers.image_bombs import bmp_of_runs, encode, noise

SMALL = encode(noise(40, 30), "BMP")


def test_size():
    encoded = parse_bmp(SMALL)
    assert (encoded.width, encoded.height, encoded.pixel_bytes) == (40, 30, 4)
    upside_down = parse_bmp(SMALL[:22] + struct.pack("<i", -30) + SMALL[26:])
    assert (upside_down.width, upside_down.height) == (40, 30)
    assert parse_bmp(encode(noise(40, 30, 1), "BMP")).pixel_bytes == 1


def test_size_in_the_header_of_os2():
    content = SMALL[:14] + struct.pack("<IHHHH", 12, 40, 30, 1, 24) + SMALL[54:]
    encoded = parse_bmp(content)
    assert (encoded.width, encoded.height, encoded.pixel_bytes) == (40, 30, 4)


def test_error():
    message = "^must be an uncompressed BMP image; its compression is 1$"
    with pytest.raises(ValueError, match=message):
        parse_bmp(bmp_of_runs(40, 30, 5))
