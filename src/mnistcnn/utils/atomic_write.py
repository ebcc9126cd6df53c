"""Reading no more than is sane, and writing so that a crash leaves old or new.

A writer that was killed leaves its temporary things behind, under names that begin with
``.mnistcnn-``. The next writer into that folder removes them. It knows that they are stale
since each writer holds a shared lock on the folder, which the system takes from a process
that dies: whoever gets the folder for himself alone is the only writer there.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_TEMPORARY_NAME = re.compile(r"\.mnistcnn-[0-9a-f]{12}(\..*)?")
# Names the thing that is moved last, should another process have to finish the moves.
_LAST_NAME = "last"
# Where no lock tells (Windows, some network file systems), nobody writes for so long.
_STALE_AFTER_SECONDS = 24 * 60 * 60


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and put what was written there in its place.

    The temporary file keeps the suffix, since writers choose the format by it. It is
    flushed to the disk and renamed only when the block ends well; otherwise it is
    removed, and what stood at `path` stays as it was. Missing folders are made, and
    what killed writers left in the folder is removed.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{path} must be a file; it is a folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    suffix = ".weights.h5" if target.name.endswith(".weights.h5") else target.suffix
    # A short name of its own, so that a long but lawful target name stays possible.
    temporary = target.with_name(f".mnistcnn-{secrets.token_hex(6)}{suffix}")
    with _directory_lock(target.parent):
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
def atomic_write_many(path: Path, *suffixes: str) -> Iterator[Path]:
    """Give a temporary path for a folder, or for files that make sense only together.

    What is written there comes in the place of `path`; what is written beside it under the
    same name with another of `suffixes` comes beside `path`. As with `replacing`, all of it
    is flushed first, and a failure leaves what stood there.

    Several names can't change in one step. So the old things are moved aside, that of
    `path` first, and the new ones moved in, that of `path` last. Whoever finds something
    at `path` therefore finds all of the old or all of the new. A crash of the machine just
    between the moves can leave nothing at `path`; the new things then lie whole in a folder
    beside it whose name begins with ``.mnistcnn-``, and the next write puts them in place.
    """
    target = Path(os.path.realpath(path))
    targets = [target, *(target.with_suffix(suffix) for suffix in suffixes)]
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f".mnistcnn-{secrets.token_hex(6)}")
    new, old = folder / "new", folder / "old"
    moves: list[tuple[Path, Path]] = []
    with _directory_lock(target.parent):
        new.mkdir(parents=True)
        old.mkdir()
        (folder / _LAST_NAME).write_text(target.name, encoding="utf-8")
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
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def _directory_lock(folder: Path) -> Iterator[None]:
    """Remove what killed writers left in `folder`, and be known as a writer there meanwhile."""
    if sys.platform == "win32":
        _remove_stale(folder, older_than=_STALE_AFTER_SECONDS)
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # another writer is at work: what lies here may be its own
        except OSError:  # a file system that has no such locks
            _remove_stale(folder, older_than=_STALE_AFTER_SECONDS)
        else:
            _remove_stale(folder)
        _acquire_shared(descriptor)
        yield
    finally:
        os.close(descriptor)  # which gives the lock back


def _acquire_shared(descriptor: int) -> None:
    """Take the shared lock; go without it where a stranger keeps the folder for long."""
    for _ in range(100):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return
        else:
            return


def _remove_stale(folder: Path, *, older_than: float = 0.0) -> None:
    for one in list(folder.glob(".mnistcnn-*")):
        if not _TEMPORARY_NAME.fullmatch(one.name):
            continue
        # Whatever forbids it, the write itself goes on.
        with contextlib.suppress(OSError):
            if older_than and time.time() - one.stat().st_mtime < older_than:
                continue
            if one.is_dir() and not one.is_symlink():
                _finish_moves(one)
                shutil.rmtree(one)
            else:
                one.unlink(missing_ok=True)


def _finish_moves(folder: Path) -> None:
    """Do what is left of `replacing_together`, if its moves had begun: all was whole then."""
    new, old = folder / "new", folder / "old"
    if not any(old.iterdir()):
        return
    last = (folder / _LAST_NAME).read_text(encoding="utf-8")
    for source in sorted(new.iterdir(), key=lambda one: one.name == last):
        target = folder.with_name(source.name)
        if not (target.exists() and (old / source.name).exists()):  # else it is a later one
            source.replace(target)


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
