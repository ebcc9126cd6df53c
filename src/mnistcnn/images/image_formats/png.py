"""PNG files."""

from __future__ import annotations

import struct

from mnistcnn.images.image_formats.encoded_image import MAX_BLOCKS, MAX_EXIF_BYTES, EncodedImage
from mnistcnn.images.image_formats.tiff import read_orientation

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _PALETTE = 0, 3
# Chunks that decoding needs, in this order, with the longest valid length of their data.
_MAX_BYTES = {b"IHDR": 13, b"PLTE": 3 * 256, b"tRNS": 256}
_END = b"\0\0\0\0IEND\xae\x42\x60\x82"


def parse_png(content: bytes) -> EncodedImage:
    """Return the image of a PNG file, without metadata, with all its data in one chunk."""
    view, position = memoryview(content), len(SIGNATURE)
    chunks: dict[bytes, memoryview] = {}
    data: list[memoryview] = []
    exif = memoryview(b"")
    for _ in range(MAX_BLOCKS):
        if position + 8 > len(content):
            break  # truncated; the decoder reports it
        length, kind = struct.unpack_from(">I4s", content, position)
        end = position + 12 + length
        if kind == b"IDAT":
            data.append(view[position + 8 : end - 4])
        elif kind in _MAX_BYTES:
            if length > _MAX_BYTES[kind]:
                raise ValueError(
                    f"must have a chunk {kind.decode()} of at most {_MAX_BYTES[kind]} bytes; "
                    f"it has {length:,}"
                )
            chunks.setdefault(kind, view[position:end])
        elif kind == b"eXIf" and length <= MAX_EXIF_BYTES:
            exif = view[position + 8 : end - 4]
        elif kind == b"IEND":
            break
        position = end
    else:
        raise ValueError(f"must hold at most {MAX_BLOCKS:,} PNG chunks; it holds more")
    width, height, depth, color = struct.unpack_from(">8xIIBB", chunks.get(b"IHDR", b""))
    header = struct.pack(">I4s", sum(map(len, data)), b"IDAT")
    kept = (chunks[kind] for kind in _MAX_BYTES if kind in chunks)
    # Pillow does not verify the checksum of the data, nor of the last chunk.
    return EncodedImage(
        format="PNG",
        content=b"".join([SIGNATURE, *kept, header, *data, bytes(4), _END]),
        width=width,
        height=height,
        pixel_bytes=max(1, depth // 8) if color in (_GRAY, _PALETTE) else 4,
        orientation=read_orientation(exif),
    )
