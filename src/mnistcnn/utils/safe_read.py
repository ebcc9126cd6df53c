"""Zip archives from strangers: few members, taken by exact name, no larger than is sane.

What an archive says of itself can't be trusted. Python's own reader keeps to the declared
size only for plain and deflated members that are read piece by piece; half a kilobyte packed by
another method would fill a memory at once. Neither NumPy nor Keras writes such members.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from mnistcnn.errors import CorruptFileError

_CHUNK_BYTES = 1 << 20


def read_limited(path: Path, *, limit: int) -> bytes:
    """Return the bytes of a file that may not hold more than `limit` of them."""
    with path.open("rb") as file:
        # As much as it seems to hold, since Python sets aside what it is asked for.
        pieces = [file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)]
        count = len(pieces[0])
        while count <= limit and (more := file.read(min(_CHUNK_BYTES, limit + 1 - count))):
            pieces.append(more)
            count += len(more)
    content = b"".join(pieces)
    if len(content) > limit:
        raise CorruptFileError(
            f"{path} must hold at most {limit:,} bytes; it holds {path.stat().st_size:,}"
        )
    return content


# A list of some thousand members; the archives read here have four.
_MAX_DIRECTORY_BYTES = 128 << 10
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Readable(Protocol):
    """What gives bytes."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""


class _BoundedReader(io.BufferedReader):
    """A file that gives out large pieces only when it is told to."""

    most: int | None = _MAX_DIRECTORY_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        if self.most is not None and size is not None and size > self.most:
            raise ValueError(
                f"its list of members must take at most {self.most:,} bytes; it declares {size:,}"
            )
        return super().read(size)


@contextmanager
def open_zip(source: Path | bytes) -> Iterator[zipfile.ZipFile]:
    """Open an archive, a file or its bytes, whose list of members is short."""
    raw = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb", buffering=0)
    # BytesIO has all that a reader asks of a raw stream.
    with raw, _BoundedReader(raw) as file, zipfile.ZipFile(file) as archive:
        file.most = None
        yield archive


def member_size(archive: zipfile.ZipFile, name: str) -> int:
    """Return what a member declares to unpack to, if it is packed in a way that can be trusted."""
    member = archive.getinfo(name)
    if member.compress_type not in _ZIP_METHODS:
        raise ValueError(
            f"the member {name} must be plain or deflated; its method is {member.compress_type}"
        )
    return member.file_size


def read_member(archive: zipfile.ZipFile, name: str, *, limit: int) -> bytes:
    """Return a member that unpacks to at most `limit` bytes."""
    size = member_size(archive, name)
    if size > limit:
        raise ValueError(
            f"the member {name} must unpack to at most {limit:,} bytes; it declares {size:,}"
        )
    with archive.open(name) as file:
        return read_exactly(file, size)


def read_exactly(file: Readable, count: int) -> bytes:
    """Return the next `count` bytes of a file."""
    content = file.read(count)
    if len(content) != count:
        raise EOFError(f"it must hold {count:,} more bytes; it holds {len(content):,}")
    return content
