"""Holding back lines that libraries write to standard error past all of Python's settings."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
_LOCK = threading.RLock()  # or one thread would take another's file for standard error


@contextmanager
def filter_stderr(noise: re.Pattern[bytes]) -> Iterator[None]:
    """Set the descriptor of standard error aside; write out afterwards what is not `noise`.

    A line is noise if it matches from its beginning. All else that was written meanwhile
    is kept, also when the block fails.
    """
    try:
        os.fstat(_STDERR)
        place = tempfile.TemporaryFile()  # noqa: SIM115  # closed below
    except OSError:  # no standard error, as under a window manager, or nowhere to put it aside
        yield
        return
    with _LOCK, place as caught:
        kept = os.dup(_STDERR)
        os.dup2(caught.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, _STDERR)
            os.close(kept)
            caught.seek(0)
            for line in caught:
                if not noise.match(line):
                    os.write(_STDERR, line)
