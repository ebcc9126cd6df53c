"""Reading untrusted files and archives with bounded memory; only regular files are opened.

An archive's own description of itself can't be trusted. Python's ``zipfile`` enforces the
declared size of a member only if it is stored or deflated and read in pieces; another method
expands half a kilobyte to gigabytes at once. Neither NumPy nor Keras writes such members.
"""

from __future__ import annotations

import errno
import io
import json
import os
import stat
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
# Names that are longer would take much time to divide into folders and words.
_MAX_MEMBER_NAME_CHARS = 500
# A value takes up to 240 bytes of memory; all 70,000 images of MNIST, misclassified, have 980,000.
_MAX_JSON_VALUES = 1_000_000
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Readable(Protocol):
    """A binary file or stream."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""


def open_regular(path: Path, *, follow_links: bool = True) -> io.FileIO:
    """Open a regular file for reading, without buffering.

    Reading anything else may wait forever, never end, or affect a device. A virtual file, such as
    ``/proc/kmsg``, may do so too; it states no size, and counts as empty like any file of size 0.

    Raises
    ------
    OSError
        If the file can't be opened; ``IsADirectoryError`` for a directory.
    CorruptFileError
        If it is a FIFO, a socket or a device or, unless `follow_links`, a link.
    """
    # Opening a device may affect it, so the path is checked before. It may be replaced in between,
    # so the open file is checked as well, and opening a FIFO must not wait for a writer.
    check_regular(path, follow_links=follow_links)
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY"):
        flags |= getattr(os, name, 0)  # each is absent on some platform
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        _check_mode(path, status.st_mode)
        if not status.st_size:
            file = io.FileIO(os.devnull)
            os.close(descriptor)
            return file
        if hasattr(os, "O_NONBLOCK"):
            os.set_blocking(descriptor, True)
        return io.FileIO(descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(path: Path, *, follow_links: bool = True) -> None:
    """Raise the error of `open_regular` if there is something else than a regular file."""
    _check_mode(path, path.stat(follow_symlinks=follow_links).st_mode)


def _check_mode(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    rule = f"{path} must be a regular file; received"
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{rule} a directory")
    kinds = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFLNK: "a link"}
    raise CorruptFileError(f"{rule} {kinds.get(stat.S_IFMT(mode), 'a device')}")


def data_size(file: io.FileIO) -> int:
    """Return the size of a file without its holes, which read as zeros but take no space."""
    descriptor, size = file.fileno(), os.fstat(file.fileno()).st_size
    if not hasattr(os, "SEEK_DATA"):
        return size
    position, count, end = file.tell(), 0, 0
    try:
        while end < size:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
            end = os.lseek(descriptor, start, os.SEEK_HOLE)
            count += end - start
    except OSError as error:
        if error.errno != errno.ENXIO:  # which means that the rest is a hole
            count = size
    file.seek(position)
    return count


def read_limited(path: Path, *, limit: int, follow_links: bool = True) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Raises
    ------
    OSError
        If the file can't be read.
    CorruptFileError
        If it is longer, or `open_regular` rejects it.
    """
    with open_regular(path, follow_links=follow_links) as file:
        size = os.fstat(file.fileno()).st_size
        # Python allocates the requested size in advance, so request what the file reports.
        pieces = [file.read(size + 1)] if size <= limit else []
        count = len(pieces[0]) if pieces else size
        # A growing file has more.
        while count <= limit and (piece := file.read(min(_CHUNK_BYTES, limit + 1 - count))):
            pieces.append(piece)
            count += len(piece)
    if count > limit:
        raise CorruptFileError(f"{path} must hold at most {limit:,} bytes; it holds {count:,}")
    return b"".join(pieces)


def loads_json(
    name: str, content: bytes | str, *, max_depth: int, max_values: int | None = None
) -> Any:
    """Return the value of a JSON text whose lists and objects nest at most `max_depth` levels.

    Recursive code, such as ``repr``, can then process the value. Bytes must be UTF-8. A text of
    more than `max_values` values, by default a million, is rejected, since they take many times
    its size.

    Raises
    ------
    ValueError
        If `content` is not JSON, nests deeper or has more values. The message begins with `name`.
    """
    depth, num_values = _json_size(
        content.encode(errors="surrogatepass") if isinstance(content, str) else content
    )
    if depth > max_depth:
        raise ValueError(f"{name} must nest at most {max_depth} levels; it nests more")
    if max_values is None:
        max_values = _MAX_JSON_VALUES
    if num_values > max_values:
        raise ValueError(f"{name} must hold at most {max_values:,} values; it holds more")
    try:
        # Given bytes, json.loads would also guess UTF-16 and UTF-32.
        return json.loads(content if isinstance(content, str) else content.decode("utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{name} must be JSON; received {escape(error)}") from None


def _json_size(content: bytes) -> tuple[int, int]:
    """Return the depth of a JSON text and its number of values, without parsing it.

    An empty list or object counts as two values.
    """
    # Without escape sequences, each quote begins or ends a string.
    codes = np.frombuffer(content.replace(rb"\\", b"").replace(rb"\"", b""), np.uint8)
    depth = max_depth = in_string = 0
    num_values = 1
    for start in range(0, len(codes), _CHUNK_BYTES):
        chunk = codes[start : start + _CHUNK_BYTES]
        # Only the parity of the number of quotes counts, so it may overflow.
        quotes = np.cumsum(chunk == ord('"'), dtype=np.uint8) + np.uint8(in_string)
        in_string = int(quotes[-1]) % 2
        chunk = chunk[quotes % 2 == 0]
        openings = (chunk == ord("[")) | (chunk == ord("{"))
        closings = (chunk == ord("]")) | (chunk == ord("}"))
        depths = depth + np.cumsum(openings.astype(np.int8) - closings, dtype=np.int32)
        if len(depths):
            depth, max_depth = int(depths[-1]), max(max_depth, int(depths.max()))
        num_values += int(np.count_nonzero(openings | (chunk == ord(","))))
    return max_depth, num_values


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
def open_zip(source: io.FileIO | bytes) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive, given by its file or content; its list of members must be short.

    Raises
    ------
    ValueError, zipfile.BadZipFile
        If it is damaged, or that list or a name in it is too long.
    """
    raw = io.BytesIO(source) if isinstance(source, bytes) else source
    # BufferedReader uses only methods of a raw stream that BytesIO also has.
    with raw, _BoundedReader(raw) as file, zipfile.ZipFile(file) as archive:
        file.limit = None
        longest = max(map(len, archive.namelist()), default=0)
        if longest > _MAX_MEMBER_NAME_CHARS:
            raise ValueError(
                f"names of its members must have at most {_MAX_MEMBER_NAME_CHARS} characters; "
                f"one has {longest:,}"
            )
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
