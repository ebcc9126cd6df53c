"""WebP files are reduced to the first frame."""

import re

import pytest

from mnistcnn.images.image_formats import webp as webp_module
from mnistcnn.images.image_formats.webp import parse_webp
from tests.helpers.image_bombs import (
    animated_webp,
    blank,
    encode,
    extended_webp,
    noise,
    webp,
    webp_chunk,
    webp_of_huffman_groups,
)

LOSSY, LOSSLESS = (encode(noise(40, 30), "WEBP", lossless=value) for value in (False, True))


def test_metadata_and_further_frames_are_dropped():
    metadata = webp_chunk(b"ICCP", b"abc"), webp_chunk(b"XMP ", b"abc"), webp_chunk(b"abcd", b"")
    encoded = parse_webp(extended_webp(40, 30, 0x3C, *metadata, LOSSY[12:], *metadata))
    assert encoded.content == extended_webp(40, 30, 0x10, LOSSY[12:])
    assert parse_webp(animated_webp(40, 30, 5)).content == animated_webp(40, 30, 1)


@pytest.mark.parametrize("content", [LOSSY, LOSSLESS, extended_webp(40, 30, 0, LOSSY[12:])])
def test_size(content):
    encoded = parse_webp(content)
    assert (encoded.width, encoded.height) == (40, 30)


def alpha_webp(**options):
    return encode(noise(40, 30, 4), "WEBP", **options)


@pytest.mark.parametrize(
    ("content", "lossless_bytes"),
    [
        (LOSSY, 0),
        (LOSSLESS, len(LOSSLESS) - 12),
        (alpha_webp(), alpha_webp().index(b"VP8 ") - alpha_webp().index(b"ALPH")),
        (animated_webp(40, 30, 3), len(animated_webp(40, 30, 1)) - 12 - 18 - 14),
        (animated_webp(40, 30, 3, lossless=False), 0),
    ],
    ids=["lossy", "lossless", "alpha", "animation", "lossy animation"],
)
def test_memory_of_the_decoder(content, lossless_bytes):
    codes = min(75, 8 * lossless_bytes // 20)  # of 4 x 4 pixels each
    expected = 12 * 40 * 30 + 6_000 * codes + 80 * lossless_bytes
    assert parse_webp(content).decoder_bytes == expected


def test_memory_of_many_codes():
    content = webp_of_huffman_groups(1024, 1024, 1 << 16)
    assert parse_webp(content).decoder_bytes > 6_000 << 16


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (webp(webp_chunk(b"abcd", b"")), "must be an undamaged image; it has no frame"),
        (webp(webp_chunk(b"abcd", b"") * 100), "must hold at most 100 WebP chunks; it holds more"),
    ],
)
def test_errors(content, message, monkeypatch):
    monkeypatch.setattr(webp_module, "MAX_BLOCKS", 100)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_webp(content)


def test_blank_image_takes_no_memory_for_codes():
    content = encode(blank(4_000, 3_000), "WEBP", lossless=True)
    assert parse_webp(content).decoder_bytes < 150_000_000
