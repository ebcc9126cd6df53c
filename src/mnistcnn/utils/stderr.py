"""Standard error, which may be absent, and lines that native libraries write to it."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

_STDERR = 2
# Two threads must not exchange the stream at the same time.
_LOCK = threading.RLock()


_hides_progress = False


def is_terminal() -> bool:
    """Return whether standard error is a terminal that may show progress.

    It is absent in daemons and with pythonw.
    """
    try:
        return not _hides_progress and sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # a closed stream
        return False


@contextmanager
def hidden_progress() -> Iterator[None]:
    """Show no progress on the terminal; for the command, to which the process belongs."""
    global _hides_progress  # noqa: PLW0603
    _hides_progress = True
    try:
        yield
    finally:
        _hides_progress = False


@contextmanager
def filter_stderr(noise: re.Pattern[bytes]) -> Iterator[None]:
    """Drop lines that C code writes to its stream ``stderr`` and that match `noise`.

    A line matches from its beginning. All other lines are written when the block ends, also if it
    raises. Only the stream of the C library is exchanged, not the file descriptor: what Python
    and child processes write is neither delayed nor dropped, in any thread. The stream is a
    variable only in the GNU C library; with others, nothing is dropped.
    """
    stream = _memory_stream()
    if stream is None:
        yield
        return
    with _LOCK:
        original = stream.replace_stderr()
        try:
            yield
        finally:
            stream.set_stderr(original)
            for line in stream.read_new().splitlines(keepends=True):
                if not noise.match(line) and _has_stderr():
                    with suppress(OSError):  # a closed pipe or a full disk
                        os.write(_STDERR, line)


def _has_stderr() -> bool:
    """Return whether the process started with standard error; else 2 may be any file."""
    stream = sys.__stderr__
    return stream is not None and not stream.closed


class _MemoryStream:
    """A stream of the C library that writes to memory and can replace its ``stderr``.

    It is never closed, since another thread may be writing to it.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)
        self._stderr = ctypes.c_void_p.in_dll(self._libc, "stderr")
        self._libc.open_memstream.restype = ctypes.c_void_p
        self._content, self._size = ctypes.c_void_p(), ctypes.c_size_t()
        self._stream = self._libc.open_memstream(
            ctypes.byref(self._content), ctypes.byref(self._size)
        )
        if self._stream is None:
            raise MemoryError("no stream in memory can be opened")
        self._position = 0

    def replace_stderr(self) -> int | None:
        """Make this stream the C library's ``stderr``; return the one that it replaces."""
        original = self._stderr.value
        self.set_stderr(self._stream)
        return original

    def set_stderr(self, stream: int | None) -> None:
        """Set the C library's ``stderr``."""
        self._stderr.value = stream

    def read_new(self) -> bytes:
        """Return what was written since the last call."""
        self._libc.fflush(ctypes.c_void_p(self._stream))  # which sets content and size
        start, self._position = self._position, self._size.value
        content = self._content.value
        return b"" if content is None else ctypes.string_at(content + start, self._position - start)


@cache
def _memory_stream() -> _MemoryStream | None:
    """Return the stream, or None without the GNU C library."""
    try:
        if (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc"):
            return _MemoryStream()
    except (AttributeError, MemoryError, OSError, ValueError):  # another system
        pass
    return None
