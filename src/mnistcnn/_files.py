"""Reading no more than is sane, and writing so that a crash leaves old or new."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnistcnn._errors import CorruptFileError

_PIECE = 1 << 16


def read_limited(path: Path, *, limit: int) -> bytes:
    """Return the bytes of a file that may not hold more than `limit` of them."""
    with path.open("rb") as file:
        # As much as it seems to hold, since Python sets aside what it is asked for.
        content = file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)
        while len(content) <= limit and (more := file.read(min(_PIECE, limit + 1 - len(content)))):
            content += more
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


@contextmanager
def replacing_together(path: Path, *suffixes: str) -> Iterator[Path]:
    """Give a temporary path for a folder, or for files that make sense only together.

    What is written there comes in the place of `path`; what is written beside it under the
    same name with another of `suffixes` comes beside `path`. As with `replacing`, all of it
    is flushed first, and a failure leaves what stood there.

    Several names can't change in one step. So the old things are moved aside, that of
    `path` first, and the new ones moved in, that of `path` last. Whoever finds something
    at `path` therefore finds all of the old or all of the new. A crash of the machine just
    between the moves can leave nothing at `path`; the old things then lie whole in a folder
    beside it whose name begins with ``.mnistcnn-``.
    """
    target = Path(os.path.realpath(path))
    targets = [target, *(target.with_suffix(suffix) for suffix in suffixes)]
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f".mnistcnn-{secrets.token_hex(6)}")
    new, old = folder / "new", folder / "old"
    new.mkdir(parents=True)
    old.mkdir()
    moves: list[tuple[Path, Path]] = []
    try:
        yield new / target.name
        for one in targets:
            if one.exists():
                shutil.copymode(one, new / one.name)
        _flush_tree(new)
        moves += [(one, old / one.name) for one in targets if one.exists()]
        moves += [(new / one.name, one) for one in reversed(targets)]
        for source, destination in moves:
            source.rename(destination)
    except BaseException:
        for source, destination in reversed(moves):
            if destination.exists() and not source.exists():  # so this move took place
                destination.rename(source)
        shutil.rmtree(folder)
        raise
    if os.name == "posix":
        _flush(target.parent)
    shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _flush_tree(folder: Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            _flush(Path(place, name))
        if os.name == "posix":
            _flush(Path(place))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
