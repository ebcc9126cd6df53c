"""TIFF files, and EXIF data, which have the same structure."""

from __future__ import annotations

import struct
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

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

_STRIP_TAGS = frozenset({_STRIP_OFFSETS, _STRIP_ROWS, _STRIP_BYTES})
_TILE_TAGS = frozenset({_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES})

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
_MAX_SAMPLES = 6  # CMYK and two alpha channels; Pillow writes a message to stderr if there are more

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
    if samples > _MAX_SAMPLES:
        raise ValueError(
            f"must be a TIFF image of at most {_MAX_SAMPLES} samples per pixel; it has {samples:,}"
        )
    num_planes = max(1, samples) if directory.value(_PLANES, 1) == _SEPARATE_PLANES else 1
    strips = _read_strips(directory, width, height)
    strips.check_count(num_planes, needs_lengths=compression != _RAW)
    strips.check_lengths(content, is_jpeg=compression == _JPEG)
    bits_per_pixel = samples // num_planes * bits
    if compression == _RAW:
        decoder_bytes = 2 * strips.check_raw_data(bits_per_pixel)
    else:
        if directory.value(_PHOTOMETRIC, 0) == _YCBCR:
            bits_per_pixel = max(bits_per_pixel, 32)  # converted to RGB with a fourth byte
        decoder_bytes = (strips.width * bits_per_pixel // 8 + 1) * strips.rows
    return EncodedImage(
        format="TIFF",
        content=_minimal_file(directory, without=_STRIP_TAGS if strips.are_tiles else _TILE_TAGS),
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


@dataclass(frozen=True, eq=False)
class _Strips:
    """The strips or tiles of an image."""

    image_width: int
    image_height: int
    are_tiles: bool
    width: int
    rows: int
    offsets: tuple[int, ...]
    lengths: tuple[int, ...]

    def check_count(self, num_planes: int, *, needs_lengths: bool) -> None:
        """Check that each part of the image has at most one strip, and each strip a length.

        Otherwise the decoder would decode a part repeatedly, or assume that each strip is as long
        as the file.
        """
        num_columns = -(-self.image_width // max(1, self.width))
        expected = num_planes * num_columns * -(-self.image_height // max(1, self.rows))
        num_strips = len(self.offsets)
        if num_strips > expected:
            raise ValueError(
                f"must have at most {expected:,} TIFF strips at its size; it has {num_strips:,}"
            )
        if needs_lengths and num_strips > 1 and len(self.lengths) < num_strips:
            raise ValueError(
                f"must have a length for each of its {num_strips:,} TIFF strips; "
                f"it has {len(self.lengths):,}"
            )

    def check_lengths(self, content: bytes, *, is_jpeg: bool) -> None:
        """Check that strips do not hold the same bytes, which would be decoded repeatedly."""
        if sum(self.lengths) > 2 * len(content):
            raise ValueError("must be an undamaged image; its TIFF strips are longer than the file")
        if not is_jpeg:
            return
        # The decoder guesses the length of a single strip if it has none.
        lengths = self.lengths if len(self.offsets) > 1 else (len(content),)
        for offset, length in zip(self.offsets, lengths, strict=False):
            num_scans = content.count(_START_OF_SCAN, offset, offset + length)
            if num_scans > _MAX_SCANS:
                raise ValueError(
                    f"must have at most {_MAX_SCANS} JPEG scans in a TIFF strip; it has {num_scans}"
                )

    def check_raw_data(self, bits_per_pixel: int) -> int:
        """Return the most bytes that Pillow reads at a time, up to the beginning of the next strip.

        Raises ``ValueError`` for overlapping strips: Pillow would read a few bytes at a time.
        """
        num_columns = -(-self.image_width // max(1, self.width))
        num_bands = -(-self.image_height // max(1, self.rows))
        row_bytes = -(-self.width * bits_per_pixel // 8)
        starts = []
        for number, offset in enumerate(self.offsets):
            top = number // num_columns % num_bands * self.rows
            starts.append((offset, row_bytes * min(self.rows, self.image_height - top)))
        starts.sort()
        largest = 0
        for (offset, num_bytes), (following, _) in pairwise(starts):
            if 0 < following - offset < num_bytes:
                raise ValueError("must be an undamaged image; its TIFF strips overlap")
            largest = max(largest, following - offset)
        return largest


def _read_strips(directory: _Directory, width: int, height: int) -> _Strips:
    are_tiles = not _TILE_TAGS.isdisjoint(directory.entries)
    if are_tiles:
        size = directory.value(_TILE_WIDTH, 0), directory.value(_TILE_HEIGHT, 0)
        tags = _TILE_OFFSETS, _TILE_BYTES
    else:
        size = width, min(directory.value(_STRIP_ROWS, height), height)
        tags = _STRIP_OFFSETS, _STRIP_BYTES
    offsets, lengths = map(directory.values, tags)
    return _Strips(width, height, are_tiles, *size, offsets, lengths)


def _minimal_file(directory: _Directory, *, without: Collection[int]) -> bytes:
    """Return a TIFF file with the same data and only the tags that decoding needs."""
    order, content = directory.byte_order, directory.content
    padding = len(content) % 2
    header = struct.pack(f"{order}4sI", content[:4], len(content) + padding)
    needed = _NEEDED.difference(without)
    entries = {tag: entry for tag, entry in sorted(directory.entries.items()) if tag in needed}
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
