"""Reading untrusted files and archives with bounded memory.

An archive's own description of itself can't be trusted. Python's ``zipfile`` enforces the
declared size of a member only if it is stored or deflated and read in pieces; another method
expands half a kilobyte to gigabytes at once. Neither NumPy nor Keras writes such members.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mnistcnn.errors import CorruptFileError
from mnistcnn.utils.text import escape

_CHUNK_BYTES = 1 << 20
# Enough for more than a thousand members; the archives read here have four.
_MAX_DIRECTORY_BYTES = 128 << 10
# A string, or the rest of the text if it is not terminated.
_JSON_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)', re.DOTALL)
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Readable(Protocol):
    """A binary file or stream."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""


def read_limited(path: Path, *, limit: int) -> bytes:
    """Return the content of a file; raise ``CorruptFileError`` if it exceeds `limit` bytes."""
    with path.open("rb") as file:
        # Python allocates the requested size in advance, so request what the file reports.
        pieces = [file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)]
        count = len(pieces[0])
        # A pipe or a growing file has more.
        while count <= limit and (piece := file.read(min(_CHUNK_BYTES, limit + 1 - count))):
            pieces.append(piece)
            count += len(piece)
    content = b"".join(pieces)
    if len(content) > limit:
        raise CorruptFileError(
            f"{path} must hold at most {limit:,} bytes; it holds {path.stat().st_size:,}"
        )
    return content


def loads_json(name: str, content: bytes | str, *, max_depth: int) -> Any:
    """Return the value of a JSON text whose lists and objects nest at most `max_depth` levels.

    Recursive code, such as ``repr``, can then process the value. Bytes must be UTF-8.

    Raises
    ------
    ValueError
        If `content` is not JSON or nests deeper. The message begins with `name`.
    """
    try:
        # Given bytes, json.loads would also guess UTF-16 and UTF-32.
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        depth = _json_depth(text)
        value = json.loads(text) if depth <= max_depth else None
    except ValueError as error:
        raise ValueError(f"{name} must be JSON; received {escape(error)}") from None
    if depth > max_depth:
        raise ValueError(f"{name} must nest at most {max_depth} levels; it nests more")
    return value


def _json_depth(text: str) -> int:
    """Return how deep the brackets of a JSON text nest, without parsing it."""
    structure = _JSON_STRING.sub("", text).encode()
    codes = np.frombuffer(structure, np.uint8)
    brackets = codes[np.isin(codes, np.frombuffer(b"[]{}", np.uint8))]
    steps = np.where(np.isin(brackets, np.frombuffer(b"[{", np.uint8)), 1, -1)
    return max(0, int(steps.cumsum().max(initial=0)))


class _BoundedReader(io.BufferedReader):
    """A file that rejects reads of more than `limit` bytes; ``None`` allows any."""

    limit: int | None = _MAX_DIRECTORY_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        if self.limit is not None and size is not None and size > self.limit:
            raise ValueError(
                f"its list of members must take at most {self.limit:,} bytes; it declares {size:,}"
            )
        return super().read(size)


@contextmanager
def open_zip(source: Path | bytes) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive, given by its path or content; its list of members must be short."""
    raw = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb", buffering=0)
    # BufferedReader uses only methods of a raw stream that BytesIO also has.
    with raw, _BoundedReader(raw) as file, zipfile.ZipFile(file) as archive:
        file.limit = None
        yield archive


def member_size(archive: zipfile.ZipFile, name: str) -> int:
    """Return the declared uncompressed size of a member that is stored or deflated."""
    member = archive.getinfo(name)
    if member.compress_type not in _ZIP_METHODS:
        raise ValueError(
            f"the member {name} must be stored or deflated; its method is {member.compress_type}"
        )
    return member.file_size


def read_member(archive: zipfile.ZipFile, name: str, *, limit: int) -> bytes:
    """Return the content of a member, of at most `limit` bytes uncompressed."""
    size = member_size(archive, name)
    if size > limit:
        raise ValueError(
            f"the member {name} must unpack to at most {limit:,} bytes; it declares {size:,}"
        )
    with archive.open(name) as file:
        return read_exactly(file, size)


def read_exactly(file: Readable, count: int) -> bytes:
    """Return the next `count` bytes of a file; raise ``EOFError`` if it ends before."""
    content = file.read(count)
    if len(content) != count:
        raise EOFError(f"it must hold {count:,} more bytes; it holds {len(content):,}")
    return content
