"""GIF files."""

from __future__ import annotations

import struct

from mnistcnn.images.image_formats.encoded_image import MAX_BLOCKS, EncodedImage

_EXTENSION, _IMAGE, _END = b"!,;"
_GRAPHIC_CONTROL = b"\xf9\x04"
_HAS_PALETTE, _PALETTE_BITS, _DISPOSAL = 0x80, 0x07, 0x1C
_HEADER_BYTES = 13


def parse_gif(content: bytes) -> EncodedImage:
    """Return the first frame of a GIF file, without comments."""
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    start = position = _HEADER_BYTES + (_palette_bytes(flags) if flags & _HAS_PALETTE else 0)
    control, in_extension = b"", False
    for _ in range(MAX_BLOCKS):
        value = content[position]
        if in_extension:
            position += 1 + value
            in_extension = value > 0
        elif value == _IMAGE:
            break
        elif value == _EXTENSION:
            if content[position + 1 : position + 3] == _GRAPHIC_CONTROL:
                control = _without_disposal(content[position : position + 8])
            position += 2
            in_extension = True
        elif value == _END:
            raise ValueError("must be an undamaged image; it has no frame")
        else:
            position += 1
    else:
        raise ValueError(f"must hold at most {MAX_BLOCKS:,} GIF blocks; it holds more")
    left, top, frame_width, frame_height = struct.unpack_from("<4H", content, position + 1)
    return EncodedImage(
        format="GIF",
        # The decoder stops after the first frame.
        content=b"".join([content[:start], control, memoryview(content)[position:]]),
        # Some encoders write frames that are larger than the screen.
        width=max(width, left + frame_width),
        height=max(height, top + frame_height),
        pixel_bytes=1,
    )


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & _PALETTE_BITS) + 1)


def _without_disposal(control: bytes) -> bytes:
    """Return a graphic control that leaves the frame, so that Pillow needs no memory for it."""
    return control[:3] + bytes([control[3] & ~_DISPOSAL & 0xFF]) + control[4:]
