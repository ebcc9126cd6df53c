"""Holding back lines that libraries write to standard error past all of Python's settings."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


@contextmanager
def without_lines(noise: re.Pattern[bytes]) -> Iterator[None]:
    """Set the descriptor of standard error aside; write out afterwards what is not `noise`.

    A line is noise if it matches from its beginning. All else that was written meanwhile
    is kept, also when the block fails.
    """
    try:
        kept = os.dup(_STDERR)
    except OSError:  # no standard error at all, as under a window manager
        yield
        return
    with tempfile.TemporaryFile() as caught:
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
