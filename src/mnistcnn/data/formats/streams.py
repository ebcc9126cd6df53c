"""Binary streams: gzip decompression in bounded memory, lookahead, and reading of arrays."""

from __future__ import annotations

import io
import math
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.formats.limits import UnpackingLimit
from mnistcnn.types import UInt8Array
from mnistcnn.utils.safe_read import Readable
from mnistcnn.utils.text import escape

CHUNK_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
# A gzip file that was compressed in blocks of 64 KiB has one member for each.
_MAX_GZIP_MEMBERS = 10_000
_GZIP_WBITS = 31  # makes zlib read and verify header and trailer of a gzip member


class LookaheadReader:
    """A stream whose next bytes can be inspected before they are read.

    Attributes
    ----------
    is_decompressed : bool
        Whether the stream is the content of a gzip file.
    """

    def __init__(self, file: Readable) -> None:
        self.is_decompressed = isinstance(file, GzipReader)
        self._file = file
        self._head = b""

    def peek(self, count: int) -> bytes:
        """Return the next `count` bytes, or fewer at the end, without consuming them."""
        while len(self._head) < count and (
            piece := self._file.read(max(count - len(self._head), 1))
        ):
            self._head += piece
        return self._head[:count]

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""
        if not self._head:
            return self._file.read(size)
        head, self._head = self._head[:size], self._head[size:]
        return head + self._file.read(size - len(head)) if len(head) < size else head


class GzipReader:
    """The decompressed content of a gzip file.

    Python's ``gzip`` reads comments and padding byte by byte, which takes minutes for a few
    hundred megabytes.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._input = b""
        self._decompressor = zlib.decompressobj(_GZIP_WBITS)
        self._num_members = 1

    def read(self, size: int, /) -> bytes:
        """Return the next `size` bytes, and fewer only at the end of the file."""
        content = bytearray()
        while len(content) < size and (not self._decompressor.eof or self._next_member()):
            data = self._input or self._file.read(CHUNK_BYTES)
            piece = self._decompressor.decompress(data, size - len(content))
            self._input = self._decompressor.unconsumed_tail
            if not data and not piece and not self._decompressor.eof:
                raise EOFError("its compressed data ends too early")
            content += piece
        return bytes(content)

    def _next_member(self) -> bool:
        """Begin the next member; return whether there is one."""
        self._input = self._decompressor.unused_data or self._file.read(CHUNK_BYTES)
        if not self._input:
            return False
        self._num_members += 1
        if self._num_members > _MAX_GZIP_MEMBERS:
            raise ValueError(f"it must have at most {_MAX_GZIP_MEMBERS:,} gzip members")
        self._decompressor = zlib.decompressobj(_GZIP_WBITS)
        return True


def decompressed(file: Readable) -> LookaheadReader:
    """Return the content of a file, which is decompressed if it is a gzip file."""
    reader = LookaheadReader(file)
    if reader.peek(len(GZIP_MAGIC)) != GZIP_MAGIC:
        return reader
    return LookaheadReader(GzipReader(reader))


def peek_content(file: Readable, count: int) -> bytes:
    """Return the first `count` bytes of a file, decompressed, from at most 1 MiB of it.

    The header of a gzip file may be of any length.
    """
    return decompressed(io.BytesIO(file.read(CHUNK_BYTES))).peek(count)


def check_unpacked_size(file: Readable, limit: UnpackingLimit) -> None:
    """Read a stream to its end; raise ``ValueError`` if it has more bytes than the limit.

    Decompression takes a fraction of the time and memory of parsing.
    """
    count = 0
    while chunk := file.read(CHUNK_BYTES):
        count += len(chunk)
        limit.check(count)


def read_array(file: Readable, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the values to the end of the file as an array, which is writable.

    Raises
    ------
    EOFError, ValueError
        If the file has fewer or more values.
    """
    values = _read_bytes(file, math.prod(shape) * dtype.itemsize).view(dtype)
    if file.read(1):
        raise ValueError(f"it must end after the {escape(shape)} values that its header declares")
    return values.reshape(shape)


def _read_bytes(file: Readable, count: int) -> UInt8Array:
    # Pages of an empty array take no memory until they are written, so a wrong count is harmless.
    values = np.empty(count, np.uint8)
    for first in range(0, count, CHUNK_BYTES):
        part = values[first : first + CHUNK_BYTES]
        chunk = file.read(len(part))
        if len(chunk) != len(part):
            raise EOFError(f"it must hold {count:,} more bytes; it holds {first + len(chunk):,}")
        part[:] = np.frombuffer(chunk, np.uint8)
    return values
