"""PPM files must be binary, with a short header."""

import re

import pytest

from mnistcnn.images.image_formats.ppm import parse_ppm


@pytest.mark.parametrize(
    ("header", "pixel_bytes"),
    [
        (b"P4 40 30\n", 1), (b"P5\n40 30\n255\n", 1), (b"P5 40 30 65535\n", 4), (b"P6\t40\r\n30 255 ", 4),
        (b"P6\n# comment 1 2\n40 # another\n30\n#\n255\n", 4), (b"P6\n#" + b"x" * 990 + b"\n40 30 255\n", 4),
    ],
)  # fmt: skip
def test_size(header, pixel_bytes):
    encoded = parse_ppm(header + b"# 99" * 100)
    assert (encoded.width, encoded.height, encoded.pixel_bytes) == (40, 30, pixel_bytes)


FEW = "must have 3 numbers in its first 1,024 bytes; it has "
RANGE = "must have the highest value 255, or 65535 in a PGM file; it has "


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"P6\n40 30", FEW + "2"),
        (b"P6\n40 x30 255\n", FEW + "2"),
        (b"P6\n40 -30 255\n", FEW + "2"),
        (b"P6\n40 12345678901 255\n", FEW + "2"),
        (b"P6\n#" + b"x" * 1_100 + b"\n40 30 255\n", FEW + "0"),
        (b"P4\n40\n", "must have 2 numbers in its first 1,024 bytes; it has 1"),
        (b"P6\n40 30 254\n", RANGE + "254"),
        (b"P6\n40 30 65535\n", RANGE + "65535"),
        (b"P5\n40 30 4095\n", RANGE + "4095"),
    ],
)
def test_errors(content, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_ppm(content)
