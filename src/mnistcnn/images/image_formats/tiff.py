"""TIFF files, and EXIF data, which have the same structure."""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass

from mnistcnn.images.image_formats.encoded_image import EncodedImage

# Tags that decoding needs. Without names: fill order, fax options, predictor, extra samples, sample
# format, and the subsampling and reference levels of YCbCr.
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _STRIP_ROWS, _STRIP_BYTES, _PLANES = 273, 277, 278, 279, 284
_COLORS, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 320, 322, 323, 324, 325
_JPEG_TABLES = 347
_NEEDED = frozenset({
    _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIP_OFFSETS, _SAMPLES, _STRIP_ROWS,
    _STRIP_BYTES, _PLANES, _COLORS, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES,
    _JPEG_TABLES, 266, 292, 293, 317, 338, 339, 530, 532,
})  # fmt: skip
_ORIENTATION = 274
_NEW_SUBFILE_TYPE, _SUBFILE_TYPE = 254, 255

# An image may have as many strips as rows.
_MAX_STRIPS = 40_000
_MAX_VALUES = 16
_MAX_VALUES_OF_ARRAYS = {
    _STRIP_OFFSETS: _MAX_STRIPS, _STRIP_BYTES: _MAX_STRIPS, _TILE_OFFSETS: _MAX_STRIPS,
    _TILE_BYTES: _MAX_STRIPS, _COLORS: 3 << 16, _JPEG_TABLES: 1 << 16,
}  # fmt: skip
# Raw, fax, LZW, JPEG, deflate and run lengths. The others are rare, and some take much memory.
_RAW, _JPEG = 1, 7
_COMPRESSIONS = frozenset({_RAW, 2, 3, 4, 5, _JPEG, 8, 32_773, 32_946})
_YCBCR, _SEPARATE_PLANES = 6, 2
# Of the images in a file, thumbnails and masks are no pages.
_REDUCED_OR_MASK, _OLD_REDUCED = 0b101, 2
MAX_PAGES = 10_000

_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_INTEGER_TYPES = {1: "B", 3: "H", 4: "I"}
_EXIF_PREFIX = b"Exif\0\0"
_START_OF_SCAN = b"\xff\xda"
# As in JPEG files of 50 megapixels: a scan takes time for each pixel. Most strips have one.
_MAX_SCANS = 20


@dataclass(frozen=True, eq=False)
class _Directory:
    """A directory of a TIFF file: of each tag the type, the count and four more bytes."""

    content: bytes
    byte_order: str
    entries: dict[int, tuple[int, int, bytes]]

    def values(self, tag: int) -> tuple[int, ...]:
        """Return the integers of a tag; none if it is absent."""
        if tag not in self.entries:
            return ()
        kind, count, value = self.entries[tag]
        if kind not in _INTEGER_TYPES:
            raise ValueError(f"must have integers in its TIFF tag {tag}; their type is {kind}")
        layout = f"{self.byte_order}{count}{_INTEGER_TYPES[kind]}"
        if struct.calcsize(layout) <= len(value):
            return struct.unpack_from(layout, value)
        return struct.unpack_from(
            layout, self.content, *struct.unpack(f"{self.byte_order}I", value)
        )

    def value(self, tag: int, default: int) -> int:
        """Return the first integer of a tag, or `default` if it has none."""
        return next(iter(self.values(tag)), default)

    def orientation(self) -> int:
        """Return the EXIF orientation; 1 if there is none or it is damaged."""
        try:
            orientation = self.value(_ORIENTATION, 1)
        except (ValueError, struct.error):
            return 1
        return orientation if orientation in range(1, 9) else 1


def read_orientation(exif: bytes | memoryview) -> int:
    """Return the orientation in EXIF data; 1 if there is none or the data are damaged."""
    try:
        directory = _read_directory(bytes(exif).removeprefix(_EXIF_PREFIX), {_ORIENTATION})
    except (KeyError, ValueError, struct.error):
        return 1
    return directory.orientation()


def page_offsets(content: bytes) -> list[int]:
    """Return where the directory of each page begins in a TIFF file.

    Thumbnails, masks and reduced copies, which programs for photographs and maps add, are left
    out, unless there is nothing else. A directory that is damaged counts as the last page, so that
    no page is missing without an error; the list also ends where it repeats itself.

    Raises
    ------
    ValueError
        If there are more than `MAX_PAGES`.
    """
    byte_order = _BYTE_ORDERS[content[:4]]
    (start,) = struct.unpack_from(f"{byte_order}I", content, 4)
    offsets: dict[int, bool] = {}
    while start and start not in offsets and len(offsets) <= MAX_PAGES:
        try:
            (count,) = struct.unpack_from(f"{byte_order}H", content, start)
            # The entries are sorted, and no tags are lower than these two.
            directory = _read_directory(content, {_NEW_SUBFILE_TYPE, _SUBFILE_TYPE}, start, 2)
            kind = directory.value(_NEW_SUBFILE_TYPE, 0)
            is_page = not kind & _REDUCED_OR_MASK
            is_page = is_page and directory.value(_SUBFILE_TYPE, 0) != _OLD_REDUCED
            offsets[start] = is_page
            (start,) = struct.unpack_from(f"{byte_order}I", content, start + 2 + 12 * count)
        except (ValueError, struct.error):
            offsets[start] = True
            break
    if len(offsets) > MAX_PAGES:
        raise ValueError(f"must hold at most {MAX_PAGES:,} pages; it holds more")
    return [offset for offset, is_page in offsets.items() if is_page] or list(offsets)[:1]


def parse_tiff(content: bytes, offset: int | None = None) -> EncodedImage:
    """Return the image of a page of a TIFF file, by default the first one, without metadata.

    Parameters
    ----------
    content : bytes
        The file.
    offset : int, optional
        Where the directory of the page begins, as `page_offsets` returns it. The memory for
        `content` then counts as that of the decoder, since it is needed for the other pages.
    """
    start = next(iter(page_offsets(content)), None) if offset is None else offset
    directory = _read_directory(content, _NEEDED | {_ORIENTATION}, start)
    compression = directory.value(_COMPRESSION, _RAW)
    if compression not in _COMPRESSIONS:
        raise ValueError(
            f"must be a TIFF image with compression {', '.join(map(str, sorted(_COMPRESSIONS)))}; "
            f"it has {compression}"
        )
    width, height = directory.value(_WIDTH, 0), directory.value(_HEIGHT, 0)
    samples, bits = directory.value(_SAMPLES, 1), max(directory.values(_BITS), default=1)
    strip_width, strip_rows = _check_strips(directory, width, height)
    if compression == _RAW:
        decoder_bytes = 0
    else:
        strip_samples = 1 if directory.value(_PLANES, 1) == _SEPARATE_PLANES else samples
        bits_per_pixel = strip_samples * bits
        if directory.value(_PHOTOMETRIC, 0) == _YCBCR:
            bits_per_pixel = max(bits_per_pixel, 32)  # converted to RGB with a fourth byte
        decoder_bytes = (strip_width * bits_per_pixel // 8 + 1) * strip_rows
    return EncodedImage(
        format="TIFF",
        content=_minimal_file(directory),
        width=width,
        height=height,
        pixel_bytes=1 if samples == 1 and bits <= 8 else 4,
        orientation=directory.orientation(),
        decoder_bytes=decoder_bytes + (0 if offset is None else len(content)),
    )


def _read_directory(
    content: bytes, tags: Collection[int], start: int | None = None, max_entries: int = 1 << 16
) -> _Directory:
    """Return the entries of some tags, by default in the first directory."""
    byte_order = _BYTE_ORDERS[content[:4]]
    if start is None:
        (start,) = struct.unpack_from(f"{byte_order}I", content, 4)
    (count,) = struct.unpack_from(f"{byte_order}H", content, start)
    layout = struct.Struct(f"{byte_order}HHI4s")
    entries: dict[int, tuple[int, int, bytes]] = {}
    for i in range(min(count, max_entries)):
        tag, kind, num_values, value = layout.unpack_from(content, start + 2 + layout.size * i)
        if tag not in tags:
            continue
        limit = _MAX_VALUES_OF_ARRAYS.get(tag, _MAX_VALUES)
        if num_values > limit:
            raise ValueError(
                f"must have at most {limit:,} values in its TIFF tag {tag}; it has {num_values:,}"
            )
        entries.setdefault(tag, (kind, num_values, value))
    return _Directory(content, byte_order, entries)


def _check_strips(directory: _Directory, width: int, height: int) -> tuple[int, int]:
    """Return the width and height of a strip or tile, after checking their total size."""
    if _TILE_OFFSETS in directory.entries:
        size = directory.value(_TILE_WIDTH, 0), directory.value(_TILE_HEIGHT, 0)
        offsets, lengths = directory.values(_TILE_OFFSETS), directory.values(_TILE_BYTES)
    else:
        size = width, min(directory.value(_STRIP_ROWS, height), height)
        offsets, lengths = directory.values(_STRIP_OFFSETS), directory.values(_STRIP_BYTES)
    content = directory.content
    # Otherwise the same bytes could be decoded thousands of times.
    if sum(lengths) > 2 * len(content):
        raise ValueError("must be an undamaged image; its TIFF strips are longer than the file")
    if directory.value(_COMPRESSION, _RAW) == _JPEG:
        for offset, length in zip(offsets, lengths, strict=False):
            num_scans = content.count(_START_OF_SCAN, offset, offset + (length or len(content)))
            if num_scans > _MAX_SCANS:
                raise ValueError(
                    f"must have at most {_MAX_SCANS} JPEG scans in a TIFF strip; it has {num_scans}"
                )
    return size


def _minimal_file(directory: _Directory) -> bytes:
    """Return a TIFF file with the same data and only the tags that decoding needs."""
    order, content = directory.byte_order, directory.content
    padding = len(content) % 2
    header = struct.pack(f"{order}4sI", content[:4], len(content) + padding)
    entries = {tag: entry for tag, entry in sorted(directory.entries.items()) if tag in _NEEDED}
    return b"".join(
        [
            header,
            memoryview(content)[len(header) :],
            bytes(padding),
            struct.pack(f"{order}H", len(entries)),
            *(struct.pack(f"{order}HHI4s", tag, *entry) for tag, entry in entries.items()),
            bytes(4),  # no further directory
        ]
    )
