"""PNG files are reduced to the chunks that decoding needs."""

import re

import pytest
from PIL import Image

from mnistcnn.images.image_formats import png as png_module
from mnistcnn.images.image_formats.png import parse_png
from tests.helpers.image_bombs import png, png_chunk, png_of_empty_data

SMALL = png(8, 8)


def test_other_chunks_are_dropped():
    chunks = png_chunk(b"tEXt", b"a\0b") + png_chunk(b"gAMA", bytes(4)) + png_chunk(b"abCd")
    minimal = parse_png(SMALL).content
    assert parse_png(png(8, 8, before=chunks, after=chunks)).content == minimal
    assert len(minimal) == len(SMALL)
    assert parse_png(SMALL + bytes(99)).content == minimal


def test_first_of_equal_chunks_counts():
    first, second = (png_chunk(b"tRNS", bytes([0, value])) for value in (1, 2))
    assert (
        parse_png(png(8, 8, before=first + second)).content
        == png(8, 8, before=first)[:-16] + (parse_png(SMALL).content[-16:])
    )
    encoded = parse_png(png(8, 8, before=SMALL[8:33].replace(b"\0\0\0\x08", b"\0\0\0\x09")))
    assert (encoded.width, encoded.content) == (8, parse_png(SMALL).content)


def test_data_are_joined():
    assert parse_png(png_of_empty_data(5)).content == parse_png(SMALL).content


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("color", [0, 2, 3, 4, 6])
def test_memory_of_a_pixel(color, depth):
    expected = {(0, 16): 2, (3, 16): 2}.get((color, depth), 1 if color in (0, 3) else 4)
    channels = 0 if color == 3 else color
    content = png(8, 8, color=channels, depth=depth).replace(
        bytes([depth, channels]), bytes([depth, color]), 1
    )
    assert parse_png(content).pixel_bytes == expected


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (exif(6), 6), (exif(6)[6:], 6), (exif(6) + bytes((1 << 20) - 100), 6), (exif(6) + bytes(1 << 20), 1),
        (exif(9), 1), (exif(0), 1), (b"", 1), (b"Exif\0\0", 1), (b"Exif\0\0II*\0\xff\xff\xff\xff", 1), (exif(6)[:20], 1),
    ],
)  # fmt: skip
def test_orientation(content, expected):
    assert parse_png(png(8, 8, before=png_chunk(b"eXIf", content))).orientation == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (png(8, 8, before=png_chunk(b"PLTE", bytes(769))), "must have a chunk PLTE of at most 768 bytes; it has 769"),
        (png(8, 8, before=png_chunk(b"tRNS", bytes(257))), "must have a chunk tRNS of at most 256 bytes; it has 257"),
        (png(8, 8, before=png_chunk(b"abCd") * 98), "must hold at most 100 PNG chunks; it holds more"),
    ],
)  # fmt: skip
def test_errors(content, message, monkeypatch):
    monkeypatch.setattr(png_module, "MAX_BLOCKS", 100)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_png(content)
    parse_png(png(8, 8, before=png_chunk(b"abCd") * 97))
