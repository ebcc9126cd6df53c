"""A lock between processes, by a file in the folder that they share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnistcnn.errors import CorruptFileError
from mnistcnn.utils.platform_support import is_windows
from mnistcnn.utils.safe_read import open_regular
from mnistcnn.utils.text import escape

# Where the file system has no locks, filelock writes the number of its process.
_MARKER = re.compile(rb"\d{1,10}\n|\Z")
_MARKER_BYTES = 11


@contextmanager
def file_lock(path: Path, *, timeout: float, reentrant: bool = False) -> Iterator[None]:
    """Hold the lock `path`, which is created if it does not exist.

    Parameters
    ----------
    path : pathlib.Path
        The lock: an empty file.
    timeout : float
        Seconds to wait while another process holds it.
    reentrant : bool, default False
        Whether the same thread may take it again meanwhile.

    Raises
    ------
    TimeoutError
        If another process holds the lock.
    FileExistsError
        If the file is not a lock.
    OSError
        If it can't be opened.
    """
    import filelock

    _check_lock(path)
    lock = filelock.FileLock(path, is_singleton=reentrant)
    lock.acquire(timeout=timeout)
    try:
        yield
    finally:
        lock.release()


def _check_lock(path: Path) -> None:
    """Check that a lock may be opened: some versions of filelock follow links and truncate."""
    try:
        with open_regular(path, follow_links=False) as file:
            if _MARKER.match(file.read(_MARKER_BYTES)):
                return
    except FileNotFoundError:
        return
    except PermissionError:
        if not is_windows():
            raise
        return  # a lock that its holder is deleting can't be opened, until it is gone
    except (CorruptFileError, IsADirectoryError):
        pass
    raise FileExistsError(
        f"{escape(path)} must not exist or be a lock, which is an empty file; "
        "received another file: move it or choose another folder"
    )
