"""WebP files."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from mnistcnn.images.image_formats.encoded_image import MAX_BLOCKS, MAX_EXIF_BYTES, EncodedImage
from mnistcnn.images.image_formats.tiff import read_orientation

# libwebp holds two canvases and a frame, Pillow a copy; each takes 4 bytes per pixel.
_DECODER_BYTES_PER_PIXEL = 12
# Blocks of 4 x 4 or more pixels of a lossless image, and of the alpha channel of others, may have
# their own Huffman codes, which take at least 20 bits of the file. How many there are is known
# only after decoding a part of the image. Measured with libwebp 1.6: a group of codes takes 5.3 KB,
# and codes of many symbols at most 56 times the space that they take in the file.
_MAX_GROUPS, _GROUP_BYTES, _CODE_EXPANSION = 1 << 16, 6_000, 80
_PIXELS_PER_GROUP, _BITS_PER_GROUP = 16, 20
_ANIMATION, _ALPHA = 0x02, 0x10
_SIZE_MASK = 0x3FFF


def parse_webp(content: bytes) -> EncodedImage:
    """Return the first frame of a WebP file, without metadata."""
    view, position = memoryview(content), 12
    chunks: dict[bytes, memoryview] = {}
    exif = memoryview(b"")
    for _ in range(MAX_BLOCKS):
        if position + 8 > len(content):
            break
        kind, length = struct.unpack_from("<4sI", content, position)
        end = position + 8 + length + length % 2
        if kind == b"EXIF" and length <= MAX_EXIF_BYTES:
            exif = view[position + 8 : end]
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
        orientation=read_orientation(exif),
        decoder_bytes=_DECODER_BYTES_PER_PIXEL * width * height
        + _huffman_bytes(kept, width * height),
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


def _huffman_bytes(chunks: Sequence[bytes | memoryview], num_pixels: int) -> int:
    """Return the largest possible size of the Huffman codes in chunks."""
    lossless = (b"VP8L", b"ALPH")
    num_bytes = 0
    for chunk in chunks:
        kind, content = bytes(chunk[:4]), bytes(chunk)
        if kind in lossless or (kind == b"ANMF" and any(name in content for name in lossless)):
            num_bytes += len(chunk)
    num_blocks = -(-num_pixels // _PIXELS_PER_GROUP)
    num_groups = min(num_blocks, 8 * num_bytes // _BITS_PER_GROUP, _MAX_GROUPS)
    return num_groups * _GROUP_BYTES + num_bytes * _CODE_EXPANSION


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
