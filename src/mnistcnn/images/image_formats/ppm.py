"""PPM files and their relatives, PGM and PBM, which programs for scanners write."""

from __future__ import annotations

import re

from mnistcnn.images.image_formats.encoded_image import EncodedImage

_MAX_HEADER_BYTES = 1024
_MAX_DIGITS = 10
_COMMENT = re.compile(rb"#[^\r\n]*")
_BITMAP, _GRAY = b"P4", b"P5"
_MAX_UINT8, _MAX_UINT16 = 255, 65_535


def parse_ppm(content: bytes) -> EncodedImage:
    """Return the image of a PPM file in binary form."""
    kind, header = content[:2], content[2:_MAX_HEADER_BYTES]
    count = 2 if kind == _BITMAP else 3
    texts = _COMMENT.sub(b"", header).split(maxsplit=count)[:count]
    values = [int(text) for text in texts if text.isdigit() and len(text) <= _MAX_DIGITS]
    if len(values) < count:
        raise ValueError(
            f"must have {count} numbers in its first {_MAX_HEADER_BYTES:,} bytes; "
            f"it has {len(values)}"
        )
    # Pillow decodes other ranges in Python, a pixel at a time.
    full_brightness = values[2] if count > 2 else _MAX_UINT8
    if full_brightness != _MAX_UINT8 and (kind, full_brightness) != (_GRAY, _MAX_UINT16):
        raise ValueError(
            f"must have the highest value {_MAX_UINT8}, or {_MAX_UINT16} in a PGM file; "
            f"it has {full_brightness}"
        )
    return EncodedImage(
        format="PPM",
        content=content,
        width=values[0],
        height=values[1],
        pixel_bytes=1 if kind in (_BITMAP, _GRAY) and full_brightness == _MAX_UINT8 else 4,
    )
