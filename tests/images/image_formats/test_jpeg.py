"""JPEG files are reduced to the segments that decoding needs."""

import re
import struct

import pytest

from mnistcnn.images.image_formats.jpeg import parse_jpeg
from tests.helpers.image_bombs import (
    blank,
    encode,
    exif_bomb,
    jpeg_of_scans,
    jpeg_segment,
    noise,
    with_segments,
)

SMALL = encode(noise(40, 30), "JPEG")


def test_only_needed_segments_are_kept():
    metadata = [
        jpeg_segment(0xE0, b"JFXX\0"), jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
        jpeg_segment(0xE2, b"ICC_PROFILE\0"), exif_bomb(), jpeg_segment(0xED, b"Photoshop 3.0\0"),
        jpeg_segment(0xEE, b"other"), jpeg_segment(0xFE, b"comment"),
    ]  # fmt: skip
    assert parse_jpeg(with_segments(SMALL, *metadata)).content == SMALL


def test_second_jfif_and_adobe_segments_are_dropped():
    adobe = jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")
    jfif = SMALL[2:20]
    assert jfif == jpeg_segment(0xE0, jfif[4:])
    content = with_segments(SMALL, adobe, jfif, adobe)
    assert parse_jpeg(content).content == SMALL[:2] + adobe + jfif + SMALL[20:]


def test_what_follows_the_image_is_dropped():
    """Phones append videos and further images."""
    assert parse_jpeg(SMALL + SMALL + bytes(99)).content == SMALL
    mpo = encode(noise(40, 30), "MPO", save_all=True, append_images=[noise(40, 30)])
    assert len(parse_jpeg(mpo).content) < len(mpo) / 2 + 20


@pytest.mark.parametrize("fill", [b"\0\0", b"\xff", b"\xff\xff\xff", b"\xff\xd0", b"\xff\x01"])
def test_bytes_between_segments_are_skipped(fill):
    start = SMALL.index(b"\xff\xc0")
    content = SMALL[:start] + fill + SMALL[start:]
    assert parse_jpeg(content).content == SMALL


@pytest.mark.parametrize(
    ("image", "options", "expected"),
    [
        (blank(160, 80), {}, 0),
        (blank(160, 80, "L"), {}, 0),
        (blank(160, 80, "L"), {"progressive": True}, 160 * 80 * 2),
        (blank(160, 80), {"progressive": True, "subsampling": 0}, 160 * 80 * 3 * 2),
        (blank(160, 80), {"progressive": True, "subsampling": 2}, 160 * 80 * 3 * 2 // 2),
        (blank(161, 81), {"progressive": True, "subsampling": 2}, 176 * 96 * 3 * 2 // 2),
    ],
)
def test_memory_of_the_coefficients(image, options, expected):
    assert parse_jpeg(encode(image, "JPEG", **options)).decoder_bytes == expected


def test_memory_of_the_coefficients_of_separate_scans():
    content = encode(blank(160, 80), "JPEG", subsampling=0)
    start = content.index(b"\xff\xda")
    scan = jpeg_segment(0xDA, b"\1\1\0\0\x3f\0")
    assert parse_jpeg(content[:start] + scan + content[start + 14 :]).decoder_bytes == 160 * 80 * 6


def frame(marker=0xC0, colors=1):
    return jpeg_segment(marker, b"\x08\0\x08\0\x08" + bytes([colors]) + b"\1\x11\0" * colors)


def test_incomplete_frame():
    """Each component takes three bytes of it."""
    complete = frame(0xC2)[4:]
    scan = jpeg_segment(0xDA, b"\1\1\0\0\x3f\0")
    parse_jpeg(b"\xff\xd8" + jpeg_segment(0xC2, complete) + scan)
    for length in range(len(complete)):
        with pytest.raises(struct.error):
            parse_jpeg(b"\xff\xd8" + jpeg_segment(0xC2, complete[:length]) + scan)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_segments(SMALL, frame()), "must be a JPEG image with one baseline or progressive frame"),
        (b"\xff\xd8" + frame(0xC3), "must be a JPEG image with one baseline or progressive frame"),
        (b"\xff\xd8" + frame(0xC9), "must be a JPEG image with one baseline or progressive frame"),
        (b"\xff\xd8" + frame(colors=2), "must be a JPEG image of 1, 3 or 4 colors; it has 2"),
        (with_segments(SMALL, jpeg_segment(0xC4, bytes(4_097))), "must have JPEG tables of at most 4,096 bytes; it has 4,097"),
        (jpeg_of_scans(1_000, 2_000, 496), "must have at most 500 JPEG scans at its size; it has 502"),
        (with_segments(SMALL, jpeg_segment(0xFE) * 1000), "must hold at most 1,000 JPEG segments; it holds more"),
    ],
)  # fmt: skip
def test_errors(content, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_jpeg(content)
