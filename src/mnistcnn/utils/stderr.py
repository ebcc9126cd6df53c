"""Filter for lines that native libraries write to standard error, where no setting prevents it."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
# Without it, a thread could save the temporary file of another one as standard error.
_LOCK = threading.RLock()


@contextmanager
def filter_stderr(noise: re.Pattern[bytes]) -> Iterator[None]:
    """Drop lines written to the file descriptor of standard error that match `noise`.

    A line matches from its beginning. All other lines are written out when the block ends, also
    if it raises.
    """
    try:
        os.fstat(_STDERR)
        file = tempfile.TemporaryFile()  # noqa: SIM115  # closed below
    except OSError:  # no standard error, as in a program without a terminal, or a full disk
        yield
        return
    with _LOCK, file as captured:
        stderr = os.dup(_STDERR)
        os.dup2(captured.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, _STDERR)
            os.close(stderr)
            captured.seek(0)
            for line in captured:
                if not noise.match(line):
                    os.write(_STDERR, line)
