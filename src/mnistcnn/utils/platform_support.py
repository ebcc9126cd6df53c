"""What differs on Windows: command lines, closed pipes, signals, process groups, busy files."""

from __future__ import annotations

import errno
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Virus scanners and search indexers open new files for a moment, and Windows replaces no open file.
_REPLACE_ATTEMPTS = 10
_FIRST_PAUSE = 0.01  # seconds; each further pause is twice as long, 5 seconds in total


def is_windows() -> bool:
    """Return whether the system is Windows."""
    return sys.platform == "win32"


def join_command(arguments: Sequence[str]) -> str:
    """Return a command line that the shell of the system splits into the same arguments."""
    return subprocess.list2cmdline(arguments) if is_windows() else shlex.join(arguments)


def is_closed_pipe(error: OSError) -> bool:
    """Return whether an error of a write means that the reader of a pipe has ended."""
    # Windows reports the number that Linux uses for invalid arguments.
    return isinstance(error, BrokenPipeError) or (is_windows() and error.errno == errno.EINVAL)


def stop_signals() -> list[signal.Signals]:
    """Return the signals by which the system asks a process to end: SIGTERM, and Ctrl-Break."""
    names = ("SIGTERM", "SIGBREAK")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def own_process_group() -> dict[str, Any]:
    """Return arguments of ``subprocess.Popen`` with which Ctrl-C does not reach the process."""
    if is_windows():
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200)}
    return {"start_new_session": True}


def replace_file(source: Path, target: Path) -> None:
    """Rename a file, replacing an existing one, or a folder to a name that is free.

    On Windows, wait while another program has it open.
    """
    pause = _FIRST_PAUSE
    for _ in range(_REPLACE_ATTEMPTS - 1):
        try:
            source.replace(target)
        except PermissionError:
            if not is_windows():
                raise
            time.sleep(pause)
            pause *= 2
        else:
            return
    source.replace(target)
