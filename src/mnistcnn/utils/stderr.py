"""Standard error, which may be absent, and lines that native libraries write to it."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STDERR = 2
# Without it, a thread could save the temporary file of another one as standard error.
_LOCK = threading.RLock()


def is_terminal() -> bool:
    """Return whether standard error is a terminal; it is absent in daemons and with pythonw."""
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:  # a closed stream
        return False


@contextmanager
def filter_stderr(noise: re.Pattern[bytes]) -> Iterator[None]:
    """Drop lines written to the file descriptor of standard error that match `noise`.

    A line matches from its beginning. All other lines are written out when the block ends, also
    if it raises. The redirection applies to the whole process, so use it only where a library has
    no setting. Without standard error, nothing is redirected.
    """
    # If the process started without standard error, the descriptor may belong to any file.
    stream = sys.__stderr__
    try:
        if stream is None or stream.closed:
            raise OSError
        os.fstat(_STDERR)
        file = tempfile.TemporaryFile()  # noqa: SIM115  # closed below
    except OSError:  # no standard error, or a full disk
        yield
        return
    with _LOCK, file as captured:
        stderr = os.dup(_STDERR)
        os.dup2(captured.fileno(), _STDERR)
        try:
            yield
        finally:
            with suppress(AttributeError, OSError, ValueError):  # None, full or closed
                sys.stderr.flush()
            os.dup2(stderr, _STDERR)
            os.close(stderr)
            captured.seek(0)
            for line in captured:
                if not noise.match(line):
                    with suppress(OSError):  # a closed pipe or a full disk
                        os.write(_STDERR, line)
