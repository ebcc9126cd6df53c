"""Atomic writes: a crash leaves the old file or the new one, never a partial one.

Each writer works on a temporary name beside the target, flushes it to the disk and renames it.
A process that is killed leaves its temporary file, ``.mnistcnn-`` and 12 hexadecimal digits,
which the next write into that folder deletes. Such a file is known to be stale because every
writer holds a shared lock on the folder, which the operating system releases when a process
ends: a writer that obtains the exclusive lock is alone there. Folders are never cleaned up.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_TEMPORARY_FILE_NAME = re.compile(r"\.mnistcnn-[0-9a-f]{12}(\.[^.]+|\.weights\.h5)?")
# Without locks (Windows, some network file systems), only the age of a file shows it is stale.
_STALE_AFTER_SECONDS = 24 * 60 * 60


@contextmanager
def atomic_write(path: Path, *, companions: tuple[str, ...] = ()) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename the file written there to `path` on success.

    The temporary name has the suffix of `path`, by which writers choose the format. If the block
    raises, the temporary file is deleted and `path` is unchanged. Missing parent folders are
    created, and temporary files of killed writers are deleted.

    Parameters
    ----------
    path : pathlib.Path
        The target. A symbolic link is followed, and the mode of an existing file is preserved.
    companions : tuple of str, default ()
        Suffixes of further files that the block writes beside the temporary path under the same
        name. They are renamed before the main file, each in one step, so a crash in between
        leaves the old main file with new companions.

    Yields
    ------
    pathlib.Path
        The temporary path, at which no file exists yet.

    Raises
    ------
    IsADirectoryError
        If `path` is a folder.
    FileNotFoundError
        If the block did not write all files. None is renamed then.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{path} must be a file; it is a folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    suffix = ".weights.h5" if target.name.endswith(".weights.h5") else target.suffix
    temporary = _temporary_path(target, suffix)
    pairs = [(temporary.with_suffix(each), target.with_suffix(each)) for each in companions]
    pairs.append((temporary, target))
    with _directory_lock(target.parent):
        try:
            yield temporary
            for source, destination in pairs:
                _prepare(source, destination)
            for source, destination in pairs:
                source.replace(destination)
        finally:
            for source, _ in pairs:
                source.unlink(missing_ok=True)
    if os.name == "posix":
        _flush(target.parent)


@contextmanager
def atomic_write_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move the folder written there to `path` on success.

    If the block raises, the temporary folder is deleted and `path` is unchanged. An existing
    folder at `path` is moved aside, replaced and then deleted; the caller checks beforehand that
    it may be. A crash between the two moves leaves no folder at `path`, and the old and the new
    one complete beside it, named ``.mnistcnn-*.old`` and ``.mnistcnn-*``.

    Parameters
    ----------
    path : pathlib.Path
        The target. A symbolic link is followed, and the mode of an existing folder is preserved.

    Yields
    ------
    pathlib.Path
        The temporary path, which does not exist yet.

    Raises
    ------
    NotADirectoryError
        If `path` is a file.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{path} must be a folder; it is a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary_path(target, "")
    old = temporary.with_suffix(".old")
    try:
        yield temporary
        for folder, _, names in os.walk(temporary):
            for name in names:
                _flush(Path(folder, name))
            if os.name == "posix":
                _flush(Path(folder))
        if target.exists():
            shutil.copymode(target, temporary)
            target.rename(old)
        temporary.rename(target)
        if os.name == "posix":
            _flush(target.parent)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _temporary_path(target: Path, suffix: str) -> Path:
    # The name is short, so that the longest valid target name still has a temporary one.
    return target.with_name(f".mnistcnn-{secrets.token_hex(6)}{suffix}")


def _prepare(temporary: Path, target: Path) -> None:
    """Flush a temporary file, with the mode of the file that it replaces."""
    if target.exists():
        shutil.copymode(target, temporary)
    _flush(temporary)


@contextmanager
def _directory_lock(folder: Path) -> Iterator[None]:
    """Delete stale temporary files in `folder`, then hold a shared lock on it."""
    if sys.platform == "win32":
        _remove_stale(folder, older_than=_STALE_AFTER_SECONDS)
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # Another writer is active, and the temporary files may be its own.
        except OSError:  # The file system has no locks.
            _remove_stale(folder, older_than=_STALE_AFTER_SECONDS)
        else:
            _remove_stale(folder)
        _acquire_shared(descriptor)
        yield
    finally:
        os.close(descriptor)  # This releases the lock.


def _acquire_shared(descriptor: int) -> None:
    """Take the shared lock; give up after a second if another program holds an exclusive one."""
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
    for path in list(folder.glob(".mnistcnn-*")):
        if not _TEMPORARY_FILE_NAME.fullmatch(path.name):
            continue
        # A failed clean-up must not fail the write.
        with contextlib.suppress(OSError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and time.time() - status.st_mtime >= older_than:
                path.unlink()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
