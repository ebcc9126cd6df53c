"""Reading no more than is sane, and writing so that a crash leaves old or new."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnistcnn._errors import CorruptFileError


def read_limited(path: Path, *, limit: int) -> bytes:
    """Return the bytes of a file that may not hold more than `limit` of them."""
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise CorruptFileError(
            f"{path} must hold at most {limit:,} bytes; it holds {path.stat().st_size:,}"
        )
    return content


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and put what was written there in its place.

    The temporary file keeps the suffix, since writers choose the format by it. It is
    flushed to the disk and renamed only when the block ends well; otherwise it is
    removed, and what stood at `path` stays as it was. Missing folders are made.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{path} must be a file; it is a folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    suffix = ".weights.h5" if target.name.endswith(".weights.h5") else target.suffix
    # A short name of its own, so that a long but lawful target name stays possible.
    temporary = target.with_name(f".mnistcnn-{secrets.token_hex(6)}{suffix}")
    try:
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        _flush(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":
        _flush(target.parent)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
