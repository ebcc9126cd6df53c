"""WebP files."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from mnistcnn.images.image_formats.encoded_image import MAX_BLOCKS, MAX_EXIF_BYTES, EncodedImage
from mnistcnn.images.image_formats.tiff import read_orientation

# libwebp holds two canvases and a frame, Pillow a copy; each takes 4 bytes per pixel.
_DECODER_BYTES_PER_PIXEL = 12
_ANIMATION, _ALPHA = 0x02, 0x10
_SIZE_MASK = 0x3FFF


def parse_webp(content: bytes) -> EncodedImage:
    """Return the first frame of a WebP file, without metadata."""
    view, position = memoryview(content), 12
    chunks: dict[bytes, memoryview] = {}
    orientation = 1
    for _ in range(MAX_BLOCKS):
        if position + 8 > len(content):
            break
        kind, length = struct.unpack_from("<4sI", content, position)
        end = position + 8 + length + length % 2
        if kind == b"EXIF" and length <= MAX_EXIF_BYTES:
            orientation = read_orientation(view[position + 8 : end])
        else:
            chunks.setdefault(kind, view[position:end])
        position = end
    else:
        raise ValueError(f"must hold at most {MAX_BLOCKS:,} WebP chunks; it holds more")
    kept = _kept_chunks(chunks)
    width, height = _size(chunks)
    return EncodedImage(
        format="WEBP",
        content=b"".join([b"RIFF", struct.pack("<I", 4 + sum(map(len, kept))), b"WEBP", *kept]),
        width=width,
        height=height,
        pixel_bytes=4,
        orientation=orientation,
        decoder_bytes=_DECODER_BYTES_PER_PIXEL * width * height,
    )


def _kept_chunks(chunks: dict[bytes, memoryview]) -> Sequence[bytes | memoryview]:
    """Return the chunks that decoding needs."""
    extended = chunks.get(b"VP8X")
    if extended is None:
        return [chunks[kind] for kind in (b"VP8 ", b"VP8L") if kind in chunks][:1]
    flags = extended[8] & (_ANIMATION | _ALPHA)
    header = bytes(extended[:8]) + bytes([flags]) + bytes(extended[9:])
    frame = (b"ANIM", b"ANMF") if flags & _ANIMATION else (b"ALPH", b"VP8 ", b"VP8L")
    return [header, *(chunks[kind] for kind in frame if kind in chunks)]


def _size(chunks: dict[bytes, memoryview]) -> tuple[int, int]:
    if b"VP8X" in chunks:
        fields = struct.unpack_from("<HBHB", chunks[b"VP8X"], 12)
        return 1 + fields[0] + (fields[1] << 16), 1 + fields[2] + (fields[3] << 16)
    if b"VP8 " in chunks:
        width, height = struct.unpack_from("<HH", chunks[b"VP8 "], 14)
        return width & _SIZE_MASK, height & _SIZE_MASK
    if b"VP8L" in chunks:
        (bits,) = struct.unpack_from("<I", chunks[b"VP8L"], 9)
        return 1 + (bits & _SIZE_MASK), 1 + (bits >> 14 & _SIZE_MASK)
    raise ValueError("must be an undamaged image; it has no frame")
