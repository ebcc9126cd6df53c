"""The content of an image file, from wherever it is: a path, bytes, an open file or a data URL."""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

from mnistcnn.errors import CorruptFileError
from mnistcnn.utils.safe_read import Readable, read_limited
from mnistcnn.utils.text import escape, quote

FileLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Readable

MAX_FILE_BYTES = 160_000_000
_CHUNK_BYTES = 1 << 20
_DATA_SCHEME = "data:"
_DATA_URL_RULE = "a data URL must be data:image/...;base64,..."
# Percent-encoded characters, in either case, and white space.
_ESCAPES = {b"%2B": b"+", b"%2b": b"+", b"%2F": b"/", b"%2f": b"/", b"%3D": b"=", b"%3d": b"="}
_WHITE_SPACE = b" \t\n\v\f\r"
_MAX_NAME_CHARS = 40


def is_data_url(source: object) -> TypeGuard[str]:
    """Return whether a picture is given as a data URL."""
    return isinstance(source, str) and source[: len(_DATA_SCHEME)].lower() == _DATA_SCHEME


def is_file_like(source: object) -> TypeGuard[FileLike]:
    """Return whether `read_content` takes a value: a path, a data URL, bytes or an open file."""
    return isinstance(source, str | os.PathLike | bytes | bytearray | memoryview) or callable(
        getattr(source, "read", None)
    )


def source_name(source: object) -> str:
    """Return how messages name a picture: by its path, or the beginning of its data URL."""
    if is_data_url(source):
        return escape(source[:_MAX_NAME_CHARS]) + ("..." if len(source) > _MAX_NAME_CHARS else "")
    return escape(source) if isinstance(source, str | os.PathLike) else "picture"


def read_content(source: FileLike) -> bytes:
    """Return the content of a file.

    An open file is read from its beginning if it can seek, as Pillow does, otherwise from its
    position. It is not closed.

    Raises
    ------
    TypeError
        If an open file is a text file.
    OSError
        If the file can't be read.
    CorruptFileError
        If it is empty or too long, the path is not that of a regular file, or a data URL is not
        one in base64.
    """
    name = source_name(source)
    if is_data_url(source):
        content = _decode_data_url(source)
    elif isinstance(source, str | os.PathLike):
        content = read_limited(Path(source), limit=MAX_FILE_BYTES)
    elif isinstance(source, bytes | bytearray | memoryview):
        _check_length(name, memoryview(source).nbytes)
        content = bytes(source)
    else:
        content = _read_open_file(source)
    if not content:
        raise CorruptFileError(f"{name} must be an image; received 0 bytes")
    return content


def _check_length(name: str, num_bytes: int) -> None:
    if num_bytes > MAX_FILE_BYTES:
        raise CorruptFileError(
            f"{name} must hold at most {MAX_FILE_BYTES:,} bytes; it holds {num_bytes:,}"
        )


def _read_open_file(file: Any) -> bytes:
    step = _CHUNK_BYTES
    if callable(seekable := getattr(file, "seekable", None)) and seekable():
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        _check_length("picture", size)
        step = size + 1  # in one piece, which is not copied again
    pieces: list[bytes] = []
    count = 0
    while piece := file.read(step):
        if not isinstance(piece, bytes | bytearray | memoryview):
            raise TypeError(
                f"a file must be open in binary mode; its content is of type {type(piece).__name__}"
            )
        count += len(piece)
        if count > MAX_FILE_BYTES:
            raise CorruptFileError(
                f"picture must hold at most {MAX_FILE_BYTES:,} bytes; it holds more"
            )
        pieces.append(bytes(piece))
    return b"".join(pieces)


def _decode_data_url(url: str) -> bytes:
    """Return the content of a data URL (RFC 2397) in base64; its media type is ignored."""
    start = url.find(",", 0, 1000) + 1
    header = url[len(_DATA_SCHEME) : start - 1]
    if not start or not header.lower().endswith(";base64"):
        raise CorruptFileError(f"{_DATA_URL_RULE}; received {quote(url)}")
    _check_length(source_name(url), (len(url) - start) * 3 // 4)
    try:
        # Lists of pieces, as of str.split, would take many times the memory of the text.
        text = url[start:].encode("ascii")
        for escaped, character in _ESCAPES.items():
            text = text.replace(escaped, character)
        # Browsers ignore white space, and a missing padding.
        text = text.translate(None, _WHITE_SPACE).rstrip(b"=")
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise CorruptFileError(f"{_DATA_URL_RULE}; its content is not base64") from None
