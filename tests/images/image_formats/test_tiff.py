"""TIFF files are reduced to the tags that decoding needs."""

import re
import struct

import pytest
from PIL import Image

from mnistcnn.errors import CorruptFileError
from mnistcnn.images.image_formats.tiff import parse_tiff, read_orientation
from mnistcnn.images.image_io import read_image
from tests.helpers.image_bombs import encode, jpeg_of_scans, noise, strips, tiff, tiles

COMPRESSIONS = "1, 2, 3, 4, 5, 7, 8, 32773, 32946"


@pytest.mark.parametrize("order", ["<", ">"])
def test_minimal_file(order):
    tags = {
        256: (4, [8]),
        257: (4, [8]),
        273: (4, [8]),
        305: (7, list(b"Software")),
        0x9000: (3, [1]),
    }
    encoded = parse_tiff(tiff(tags, bytes(64), order=order, next_directory=8))
    (start,) = struct.unpack_from(f"{order}I", encoded.content, 4)
    assert struct.unpack_from(f"{order}H", encoded.content, start) == (3,)
    assert len(encoded.content) == start + 2 + 3 * 12 + 4
    assert encoded.content[-4:] == bytes(4)  # no further directory
    assert (encoded.width, encoded.height) == (8, 8)


def test_first_of_equal_tags_counts():
    whole = strips(8, 8, bytes(64))
    (start,) = struct.unpack_from("<I", whole, 4)
    (count,) = struct.unpack_from("<H", whole, start)
    directory = whole[start + 2 : start + 2 + 12 * count]
    second = struct.pack("<HHII", 256, 4, 1, 99)
    content = whole[:start] + struct.pack("<H", count + 1) + directory + second + bytes(4)
    encoded = parse_tiff(content)
    assert encoded.width == 8
    assert second not in encoded.content[len(content) :]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (strips(100, 50, bytes(8)), 0),
        (strips(100, 50, bytes(8), compression=5), 101 * 50),
        (strips(100, 50, bytes(8), compression=5, rows=20), 101 * 20),
        (strips(100, 50, bytes(8), compression=4, bits=1), 13 * 50),
        (strips(100, 50, bytes(8), compression=8, samples=3, bits=16), 601 * 50),
        (strips(100, 50, bytes(8), compression=8, samples=3, bits=16, t284=(3, [2])), 201 * 50),
        (strips(100, 50, bytes(8), compression=8, samples=3, photometric=6), 401 * 50),
        (tiles(100, 50, 64, 32, bytes(8), count=4), 65 * 32),
        # Pillow reads raw strips up to the beginning of the next one, and copies what it reads.
        (strips(8, 16, bytes(5064), rows=8, t273=(4, [8, 5008])), 2 * 5000),
        (tiles(128, 32, 64, 32, bytes(9), compression=1, count=2), 0),
    ],
)
def test_memory_of_a_strip_or_tile(content, expected):
    assert parse_tiff(content).decoder_bytes == expected


@pytest.mark.parametrize(
    ("mode", "expected"), [("1", 1), ("L", 1), ("P", 1), ("I;16", 4), ("F", 4), ("RGB", 4)]
)
def test_memory_of_a_pixel(mode, expected):
    assert parse_tiff(encode(Image.new(mode, (9, 9)), "TIFF")).pixel_bytes == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (strips(8, 8, bytes(64), compression=6), f"must be a TIFF image with compression {COMPRESSIONS}; it has 6"),
        (strips(8, 8, bytes(64), compression=50_000), f"must be a TIFF image with compression {COMPRESSIONS}; it has 50000"),
        (strips(8, 40_001, bytes(8), rows=1), "must have at most 40,000 values in its TIFF tag 273; it has 40,001"),
        (strips(8, 8, bytes(64), samples=17), "must have at most 16 values in its TIFF tag 258; it has 17"),
        (strips(8, 8, bytes(448), samples=7), "must be a TIFF image of at most 6 samples per pixel; it has 7"),
        (strips(8, 8, bytes(64), t347=(7, [0] * 65_537)), "must have at most 65,536 values in its TIFF tag 347; it has 65,537"),
        (tiff({256: (7, [8]), 257: (4, [8])}), "must have integers in its TIFF tag 256; their type is 7"),
        (strips(8, 8, bytes(2_000), rows=1, compression=5), "must be an undamaged image; its TIFF strips are longer than the file"),
        (strips(30, 30, jpeg_of_scans(30, 30, 15), compression=7), "must have at most 20 JPEG scans in a TIFF strip; it has 21"),
    ],
)  # fmt: skip
def test_errors(content, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_tiff(content)


def test_tag_beyond_the_end():
    content = tiff({256: (4, [8]), 257: (4, [8]), 273: (4, [8, 8])})
    with pytest.raises(struct.error):
        parse_tiff(content.replace(struct.pack("<HHI", 273, 4, 2), struct.pack("<HHI", 273, 4, 40)))


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_orientation(orientation, order, prefix):
    exif = prefix + tiff({0x0112: (3, [orientation]), 0x010E: (7, [1] * 9)}, order=order)
    assert read_orientation(exif) == (orientation if 1 <= orientation <= 8 else 1)
    assert read_orientation(memoryview(exif)) == read_orientation(exif)


@pytest.mark.parametrize(
    "exif",
    [
        b"", b"Exif\0\0", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", noise(9, 9).tobytes(),
        tiff({0x0112: (7, [6])}), tiff({0x0112: (3, [6] * 17)}), tiff({0x0112: (3, [6] * 9)})[:-30],
    ],
)  # fmt: skip
def test_damaged_exif_data(exif):
    assert read_orientation(exif) == 1


def test_strips_of_the_same_bytes_are_read():
    with_one = strips(8, 16, bytes(range(64)), rows=8)
    pixels = read_image(with_one).brightness
    assert (pixels[:8] == pixels[8:]).all()


def test_tile_tags_decide_that_an_image_has_tiles():
    both = strips(64, 32, bytes(64 * 32), t322=(4, [64]), t323=(4, [32]))
    encoded = parse_tiff(both)  # without offsets of tiles
    (start,) = struct.unpack_from("<I", encoded.content, 4)
    assert struct.pack("<HH", 273, 4) not in encoded.content[start:]
    with pytest.raises(CorruptFileError, match="must be an image"):
        read_image(both)
