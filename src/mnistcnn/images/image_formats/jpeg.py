"""JPEG files, and those of several images (MPO) that phones write."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from mnistcnn.images.image_formats.encoded_image import EncodedImage
from mnistcnn.images.image_formats.tiff import read_orientation

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_DHT, _DQT, _DRI = 0xC4, 0xDB, 0xDD
_APP0, _APP1, _APP14 = 0xE0, 0xE1, 0xEE
_PROGRESSIVE = 0xC2
_SUPPORTED_FRAMES = frozenset({0xC0, 0xC1, _PROGRESSIVE})  # the others are lossless or arithmetic
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, _EOI)})
_NUM_COMPONENTS = (1, 3, 4)
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

# Large color profiles and depth maps take some hundred segments.
_MAX_SEGMENTS = 1000
_MAX_TABLE_BYTES = 4096  # all that an image can use
# A scan takes time for each pixel, however few bytes it has. Most files have 1 to 10 scans.
_MAX_SCANNED_PIXELS = 1_000_000_000
# Segments with these beginnings: two that determine the colors, and EXIF data.
_PREFIXES = {_APP0: b"JFIF\0", _APP1: b"Exif\0\0", _APP14: b"Adobe"}


@dataclass
class _Segments:
    """Segments up to the end of the image, those of metadata apart."""

    kept: list[memoryview] = field(default_factory=list)
    metadata: dict[int, memoryview] = field(default_factory=dict)
    frame: bytes = b""
    is_progressive: bool = False
    scans: list[memoryview] = field(default_factory=list)


def parse_jpeg(content: bytes) -> EncodedImage:
    """Return the first image of a JPEG file, without metadata."""
    segments = _read_segments(content)
    height, width, num_components = struct.unpack_from(">xHHB", segments.frame)
    if num_components not in _NUM_COMPONENTS:
        raise ValueError(f"must be a JPEG image of 1, 3 or 4 colors; it has {num_components}")
    if len(segments.scans) * height * width > _MAX_SCANNED_PIXELS:
        raise ValueError(
            f"must have at most {_MAX_SCANNED_PIXELS // (height * width)} JPEG scans at its size; "
            f"it has {len(segments.scans)}"
        )
    exif = segments.metadata.get(_APP1)
    return EncodedImage(
        format="JPEG",
        content=b"".join([content[:2], *segments.kept]),
        width=width,
        height=height,
        pixel_bytes=1 if num_components == 1 else 4,
        orientation=read_orientation(exif) if exif else 1,
        decoder_bytes=_coefficient_bytes(segments, width, height),
    )


def _read_segments(content: bytes) -> _Segments:
    """Divide a JPEG file as libjpeg does, which skips other bytes between segments."""
    view, found, end = memoryview(content), _Segments(), 2
    for _ in range(_MAX_SEGMENTS):
        match = _MARKER.search(content, end)
        if match is None:
            return found  # truncated; the decoder decides whether enough is left
        start, end = match.span()
        marker = content[end - 1]
        if marker == _EOI:
            found.kept.append(view[start:end])
            return found
        if marker in _WITHOUT_LENGTH:
            continue
        data = view[end + 2 : end + struct.unpack_from(">H", content, end)[0]]
        end += 2 + len(data)
        if marker in _FRAMES:
            if found.frame or marker not in _SUPPORTED_FRAMES:
                raise ValueError("must be a JPEG image with one baseline or progressive frame")
            found.frame, found.is_progressive = bytes(data), marker == _PROGRESSIVE
        elif marker == _SOS:
            found.scans.append(data)
            match = _END_OF_SCAN.search(content, end)
            end = match.start() if match else len(content)
        elif not _is_kept(marker, data, found.metadata):
            continue
        found.kept.append(view[start:end])
    raise ValueError(f"must hold at most {_MAX_SEGMENTS:,} JPEG segments; it holds more")


def _is_kept(marker: int, data: memoryview, metadata: dict[int, memoryview]) -> bool:
    """Return whether decoding needs a segment; EXIF data are added to `metadata`."""
    if marker in (_DHT, _DQT, _DRI):
        if len(data) > _MAX_TABLE_BYTES:
            raise ValueError(
                f"must have JPEG tables of at most {_MAX_TABLE_BYTES:,} bytes; it has {len(data):,}"
            )
        return True
    if marker not in _PREFIXES:
        return False
    prefix = _PREFIXES[marker]
    if marker in metadata or data[: len(prefix)] != prefix:
        return False
    metadata[marker] = data
    return marker != _APP1


def _coefficient_bytes(segments: _Segments, width: int, height: int) -> int:
    """Return the memory for all coefficients, which an image of several scans takes."""
    frame, num_components = segments.frame, segments.frame[5]
    # The number of components in a scan is its first byte.
    if not segments.is_progressive and all(scan[0] == num_components for scan in segments.scans):
        return 0
    sampling = struct.unpack_from(">6x" + num_components * "xBx", frame)
    horizontal, vertical = zip(*(divmod(factors, 16) for factors in sampling), strict=True)
    columns = -(-width // (8 * max(1, *horizontal)))
    rows = -(-height // (8 * max(1, *vertical)))
    blocks: int = columns * rows * sum(h * v for h, v in zip(horizontal, vertical, strict=True))
    return 64 * 2 * blocks
