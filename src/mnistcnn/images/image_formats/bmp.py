"""BMP files."""

from __future__ import annotations

import struct

from mnistcnn.images.image_formats.encoded_image import EncodedImage

_OS2_HEADER_BYTES = 12
# The others are run lengths, which Pillow decodes in Python, and other formats.
_RAW, _BIT_FIELDS = 0, 3


def parse_bmp(content: bytes) -> EncodedImage:
    """Return the image of an uncompressed BMP file."""
    (header_bytes,) = struct.unpack_from("<I", content, 14)
    if header_bytes == _OS2_HEADER_BYTES:
        width, height, bits = struct.unpack_from("<HH2xH", content, 18)
    else:
        width, height, bits, compression = struct.unpack_from("<ii2xHI", content, 18)
        if compression not in (_RAW, _BIT_FIELDS):
            raise ValueError(f"must be an uncompressed BMP image; its compression is {compression}")
    return EncodedImage(
        format="BMP",
        content=content,
        width=width,
        height=abs(height),  # negative if the first row is the top
        pixel_bytes=1 if bits <= 8 else 4,
    )
