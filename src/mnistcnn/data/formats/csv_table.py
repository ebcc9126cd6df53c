"""CSV files of pixels, as Kaggle distributes them: a row is an image, one column its label.

The numbers are parsed with NumPy, several times as fast as by a general CSV parser, because
nearly all of them are integers of one to three digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.types import NUM_PIXELS, Float32Array, UInt8Array
from mnistcnn.utils.safe_read import Readable
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import LABEL_COLUMNS

_CHUNK_BYTES = 256 << 10  # the temporary arrays of a chunk then fit into the cache
MAX_LINE_BYTES = 128 << 10
_MAX_VALUE_BYTES = 64
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DELIMITERS = b",;\t"
_NEWLINE, _ZERO, _NINE = b"\n09"
_INDEX_NAMES = ("", "unnamed: 0", "id", "index")


class CsvTable(NamedTuple):
    """The content of a CSV file; `labels` is None if it has no such column."""

    images: NDArray[Any]
    labels: NDArray[Any] | None
    description: str


class _Layout(NamedTuple):
    """Which column of a row is what."""

    num_columns: int
    label: int | None
    pixels: slice | NDArray[np.intp]
    description: str


def count_columns(line: bytes) -> int:
    """Return the number of columns of the first line of a CSV file."""
    return len(line.split(_delimiter(line)))


def read_csv(file: Readable, limit: UnpackingLimit) -> CsvTable:
    """Read the uncompressed content of a CSV file.

    A header is optional. The label is the column with a name such as ``label``; without names,
    the first of 785 columns, or the last if the first holds nothing but zeros. An index column
    is ignored. Values are separated by commas, semicolons or tabs.

    Raises
    ------
    ValueError
        If the content is not a table of 784 pixels. The message names row and column.
    """
    blocks = _blocks(file, limit)
    first = next(blocks, b"")
    line, _, rest = first.removeprefix(_BYTE_ORDER_MARK).partition(b"\n")
    delimiter = _delimiter(line)
    cells = [cell.strip().strip(b'"') for cell in line.split(delimiter)]
    has_header = not all(map(_is_number, cells))
    layout = _layout([cell.decode(errors="replace") for cell in cells], has_header=has_header)
    parser = _Parser(layout.num_columns, delimiter)
    tables = [
        table
        for block in _after_header(rest if has_header else first, blocks)
        if len(table := parser.parse(block))
    ]
    return _to_table(tables, layout)


def _blocks(file: Readable, limit: UnpackingLimit) -> Iterator[bytes]:
    """Yield the content in blocks of whole lines, with line feeds only."""
    rest = b""
    while chunk := file.read(_CHUNK_BYTES):
        limit.spend(len(chunk))
        chunk = rest + chunk
        end = chunk.rfind(b"\n") + 1
        rest = chunk[end:]
        if len(rest) > MAX_LINE_BYTES:
            raise ValueError(f"a line must have at most {MAX_LINE_BYTES:,} bytes; it has more")
        if end:
            yield _normalize(chunk[:end])
    if rest.strip():
        yield _normalize(rest + b"\n")


def _normalize(block: bytes) -> bytes:
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    if b'"' in block:
        block = block.replace(b'"', b"")
    while b"\n\n" in block:
        block = block.replace(b"\n\n", b"\n")
    return block.removeprefix(b"\n")


def _after_header(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first.removeprefix(_BYTE_ORDER_MARK)
    yield from blocks


def _delimiter(line: bytes) -> bytes:
    return max((bytes([code]) for code in _DELIMITERS), key=line.count)


def _is_number(cell: bytes) -> bool:
    if len(cell) > _MAX_VALUE_BYTES:
        return False
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _layout(cells: list[str], *, has_header: bool) -> _Layout:
    num_columns = len(cells)
    columns = list(range(num_columns))
    label = None
    description = f"CSV of {num_columns} columns without a header"
    if has_header:
        names = [cell.lower() for cell in cells]
        columns = [i for i, name in enumerate(names) if name not in _INDEX_NAMES]
        label = next((i for i in columns if names[i] in LABEL_COLUMNS), None)
        description = f"CSV of {num_columns} columns with a header"
    if label is None and len(columns) == NUM_PIXELS + 1:
        label = columns[0]
    pixels = np.array([i for i in columns if i != label])
    if len(pixels) != NUM_PIXELS:
        raise ValueError(
            f"a CSV file must have {NUM_PIXELS} columns of pixels and optionally a column of "
            f"labels; its first line has {num_columns:,} columns"
        )
    if pixels[-1] - pixels[0] == NUM_PIXELS - 1:
        return _Layout(num_columns, label, slice(pixels[0], pixels[-1] + 1), description)
    return _Layout(num_columns, label, pixels, description)


class _Parser:
    """Parses blocks of lines with a fixed number of columns."""

    def __init__(self, num_columns: int, delimiter: bytes) -> None:
        self._num_columns = num_columns
        self._delimiter = delimiter
        self._num_rows = 0

    def parse(self, block: bytes) -> UInt8Array | Float32Array:
        """Return the values of a block: ``uint8`` if all are integers in 0...255."""
        codes = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero((codes == self._delimiter[0]) | (codes == _NEWLINE))
        self._check_columns(codes[ends] == _NEWLINE)
        lengths = np.diff(ends, prepend=-1) - 1
        digits = self._parse_digits(codes, ends, lengths)
        values = self._parse_floats(block, lengths) if digits is None else digits
        self._num_rows += len(values) // self._num_columns
        return values.reshape(-1, self._num_columns)

    def _check_columns(self, is_newline: NDArray[np.bool_]) -> None:
        if len(is_newline) % self._num_columns == 0:
            table = is_newline.reshape(-1, self._num_columns)
            if table[:, -1].all() and not table[:, :-1].any():
                return
        counts = np.diff(np.flatnonzero(is_newline), prepend=-1)
        row = int(np.flatnonzero(counts != self._num_columns)[0])
        raise ValueError(
            f"each row must have {self._num_columns} values; "
            f"row {self._num_rows + row + 1:,} has {counts[row]:,}"
        )

    @staticmethod
    def _parse_digits(
        codes: UInt8Array, ends: NDArray[np.intp], lengths: NDArray[np.intp]
    ) -> UInt8Array | None:
        """Return the values, or None if one is not an integer in 0...255 of 1 to 3 digits."""
        if not len(ends):
            return np.empty(0, np.uint8)
        num_digits = np.count_nonzero((codes >= _ZERO) & (codes <= _NINE))
        if lengths.min() < 1 or lengths.max() > 3 or num_digits != len(codes) - len(ends):
            return None
        values = codes[ends - 1] - np.uint8(_ZERO)
        longer = np.flatnonzero(lengths > 1)
        tens_at = ends[longer] - 2
        tens = values[longer] + 10 * (codes[tens_at].astype(np.uint16) - _ZERO)
        three = lengths[longer] == 3
        tens[three] += 100 * (codes[tens_at[three] - 1].astype(np.uint16) - _ZERO)
        if tens.max(initial=0) > 255:
            return None
        values[longer] = tens
        return values

    def _parse_floats(self, block: bytes, lengths: NDArray[np.intp]) -> Float32Array:
        if lengths.max() > _MAX_VALUE_BYTES:
            raise ValueError(
                f"{self._place(int(lengths.argmax()))} must be a number of at most "
                f"{_MAX_VALUE_BYTES} characters; it has {lengths.max():,}"
            )
        cells = block[:-1].replace(b"\n", self._delimiter).split(self._delimiter)
        values = np.empty(len(cells), np.float32)
        for index, cell in enumerate(cells):
            try:
                values[index] = float(cell)
            except ValueError:
                raise ValueError(
                    f"{self._place(index)} must be a number; "
                    f"received {quote(cell.decode(errors='replace'))}"
                ) from None
        return values

    def _place(self, index: int) -> str:
        row, column = divmod(index, self._num_columns)
        return f"row {self._num_rows + row + 1:,}, column {column + 1:,}"


def _to_table(tables: list[UInt8Array | Float32Array], layout: _Layout) -> CsvTable:
    if not tables:
        raise ValueError("a CSV file must have a row; it has none")
    label = layout.label
    pixels = layout.pixels
    if label == 0 and not layout.description.endswith("with a header") and _is_label_last(tables):
        label, pixels = layout.num_columns - 1, slice(0, layout.num_columns - 1)
    images = np.concatenate([table[:, pixels] for table in tables])
    if label is None:
        return CsvTable(images, None, f"{layout.description}, without labels")
    labels = np.concatenate([table[:, label] for table in tables])
    return CsvTable(images, labels, f"{layout.description}, labels in column {label + 1}")


def _is_label_last(tables: list[UInt8Array | Float32Array]) -> bool:
    """Return whether the first column is blank, as a corner of images is, and the last is not."""
    return not any(table[:, 0].any() for table in tables) and any(
        table[:, -1].any() for table in tables
    )
