"""Error messages of libtiff, which prints them to standard error while Pillow decodes an image."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from PIL import _imaging

_lock = threading.Lock()
_active = 0
_handler: int | None = None


@contextmanager
def silence_libtiff() -> Iterator[None]:
    """Make Pillow's libtiff print no messages; the errors are raised nevertheless.

    This affects libtiff only, whereas redirecting standard error would also affect other threads
    and child processes. Where libtiff is linked statically, as on Windows, messages are printed.
    """
    global _active, _handler  # noqa: PLW0603  # libtiff has one handler per process
    set_handler = _error_handler_setter()
    if set_handler is None:
        yield
        return
    with _lock:
        if not _active:
            _handler = set_handler(None)
        _active += 1
    try:
        yield
    finally:
        with _lock:
            _active -= 1
            if not _active:
                set_handler(_handler)


@cache
def _error_handler_setter() -> Any:
    """Return libtiff's function ``TIFFSetErrorHandler``, or ``None`` if it is not accessible."""
    try:
        # The symbol is looked up in this library and those that it is linked with.
        function = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError):
        return None
    function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
    return function
