"""Atomic writes: a crash leaves the old file or the new one, never a partial one.

Each writer works on a new temporary name beside the target, ``.mnistcnn-`` and 12 hexadecimal
digits, flushes it to the disk and renames it. A process that is killed while it writes leaves its
temporary file. Other processes never delete it: a name does not prove who made a file.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mnistcnn.utils.platform_support import replace_file

_DISK_FAULTS = {
    getattr(errno, name, None) for name in ("ENOSPC", "EFBIG", "EDQUOT", "EIO", "EROFS")
} - {None}
_PROBE_BYTES = 1 << 20


@contextmanager
def atomic_write(path: Path, *, companions: tuple[str, ...] = ()) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename the file written there to `path` on success.

    The temporary name has the suffix of `path`, by which writers choose the format. If the block
    raises, the temporary file is deleted and `path` is unchanged. Missing parent folders are
    created.

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
    FileExistsError
        If it is a FIFO, a socket or a device.
    FileNotFoundError
        If the block did not write all files. None is renamed then.
    OSError
        If the disk is full, or fails in another way; the error names `path`.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"{path} must be a file; it is a folder")
    if target.exists() and not target.is_file():  # renaming would replace it by a file
        raise FileExistsError(f"{path} must be a regular file; it is a FIFO, a socket or a device")
    target.parent.mkdir(parents=True, exist_ok=True)
    suffix = ".weights.h5" if target.name.endswith(".weights.h5") else target.suffix
    temporary = _temporary_path(target, suffix)
    pairs = [(temporary.with_suffix(each), target.with_suffix(each)) for each in companions]
    pairs.append((temporary, target))
    try:
        with _errors_with_name(path):
            yield temporary
            for source, destination in pairs:
                _prepare(source, destination)
        for source, destination in pairs:
            replace_file(source, destination)
    finally:
        for source, _ in pairs:
            source.unlink(missing_ok=True)
    if os.name == "posix":
        _flush(target.parent)


@contextmanager
def atomic_write_directory(path: Path, *, check: Callable[[Path], None]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move the folder written there to `path` on success.

    If the block raises, the temporary folder is deleted and `path` is unchanged. An existing
    folder at `path` is moved aside, checked, replaced and then deleted. A crash between the two
    moves leaves no folder at `path`, and the old and the new one complete beside it, named
    ``.mnistcnn-*.old`` and ``.mnistcnn-*``.

    Parameters
    ----------
    path : pathlib.Path
        The target. A symbolic link is followed, and the mode of an existing folder is preserved.
    check : callable
        Receives the existing folder once it is moved aside, where no other program expects it,
        and raises if it must not be deleted. It is then moved back.

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
        with _errors_with_name(path):
            yield temporary
            for folder, _, names in os.walk(temporary):
                for name in names:
                    _flush(Path(folder, name))
                if os.name == "posix":
                    _flush(Path(folder))
        if target.exists():
            shutil.copymode(target, temporary)
            replace_file(target, old)
            check(old)
        replace_file(temporary, target)
        if os.name == "posix":
            _flush(target.parent)
    except BaseException:
        if old.exists() and not target.exists():
            replace_file(old, target)
        raise
    else:
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_writable(folder: Path) -> None:
    """Raise ``OSError`` if a megabyte can't be written in a folder.

    After a library failed with an error of its own, this shows whether the disk is the reason.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(_PROBE_BYTES))
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _errors_with_name(path: Path) -> Iterator[None]:
    """Name the output in errors of the disk; a write to an open file names none."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.errno in _DISK_FAULTS and error.filename is None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _temporary_path(target: Path, suffix: str) -> Path:
    # The name is short, so that the longest valid target name still has a temporary one.
    return target.with_name(f".mnistcnn-{secrets.token_hex(6)}{suffix}")


def _prepare(temporary: Path, target: Path) -> None:
    """Flush a temporary file, with the mode of the file that it replaces."""
    _flush(temporary)  # before the mode, which may forbid to open it
    if target.exists():
        shutil.copymode(target, temporary)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
