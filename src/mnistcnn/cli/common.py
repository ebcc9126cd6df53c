"""Console output, progress, JSON and files written by several subcommands."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mnistcnn.errors import DataUnavailableError
from mnistcnn.utils.stderr import is_terminal
from mnistcnn.utils.text import describe_error, escape

if TYPE_CHECKING:
    from rich.console import Console

_Item = TypeVar("_Item")
_MAX_LINE_CHARS = 2000  # of a message, which may quote several texts
_STREAMS = ("stdin", "stdout", "stderr")
_PROGRESS_DELAY = 2.0  # seconds before a progress bar appears
_NUMBER = r"(?:[-+.\deE]+|null)"
_NUMBER_LIST = re.compile(rf"\[\n\s*({_NUMBER}(?:,\n\s*{_NUMBER})*)\n\s*\]")


class CommandError(Exception):
    """An expected failure, printed as it is; values and files raise built-in exceptions."""


def prepare_streams() -> None:
    """Make the standard streams accept any text, and open those that are absent.

    A file opened later would otherwise take the number of a missing descriptor, and what a
    native library prints would be written into it.
    """
    for descriptor, name in enumerate(_STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:  # the lowest free number is assigned
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        stream = getattr(sys, name)
        if stream is None and name != "stdin":
            # It stays open as long as the process, like the stream it replaces.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif isinstance(stream, io.TextIOWrapper) and name != "stdin":
            stream.reconfigure(errors="backslashreplace")


def print_error(message: object, *, prefix: str = "mnistcnn: ") -> None:
    """Print a message to standard error; the only line breaks are those of our own messages."""
    multiline = isinstance(message, CommandError | KeyboardInterrupt | DataUnavailableError)
    content = describe_error(message) if isinstance(message, BaseException) else str(message)
    lines = content.split("\n") if multiline else [content]
    text = "\n".join(escape(line, limit=_MAX_LINE_CHARS) for line in lines)
    with contextlib.suppress(OSError):  # a closed pipe or a full disk
        print(f"{prefix}{text}", file=sys.stderr, flush=True)


def discard_unwritable() -> None:
    """Redirect output that can't be written to the null device, or Python reports it at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


def track(items: Iterable[_Item], total: int, description: str) -> Iterator[_Item]:
    """Yield the items; on a terminal, show a progress bar once the work takes long."""
    if not is_terminal():
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress

    started, shown = time.monotonic(), False
    progress = Progress(console=Console(stderr=True), transient=True, redirect_stdout=False)
    task = progress.add_task(description, total=total)
    try:
        for done, item in enumerate(items):
            if not shown and time.monotonic() - started > _PROGRESS_DELAY:
                progress.start()
                shown = True
            progress.update(task, completed=done)
            yield item
    finally:
        if shown:
            progress.stop()


def new_console() -> Console:
    """Return a console on standard output that prints text as it is."""
    from rich.console import Console

    class PipeConsole(Console):
        def on_broken_pipe(self) -> None:
            """Let the command end as for other output, instead of raising ``SystemExit``."""
            raise BrokenPipeError

    return PipeConsole(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


def versions() -> dict[str, str]:
    """Return the versions of Python, this package and the libraries that determine results."""
    from mnistcnn.utils.environment import software_versions

    return software_versions()


def to_json(report: dict[str, Any]) -> str:
    """Return a report as indented JSON with each list of numbers on one line."""

    def join_lines(match: re.Match[str]) -> str:
        return "[" + re.sub(r",\n\s*", ", ", match.group(1)) + "]"

    # JSON escapes line breaks inside strings, so the pattern matches lists only.
    return _NUMBER_LIST.sub(join_lines, json.dumps(report, indent=2))


def check_outputs(paths: Iterable[Path], inputs: Sequence[Path], *, named: bool) -> None:
    """Check that output files may be written, at the start of a command and before the write.

    None may be an input. If the user did not name them, existing ones must be files of this
    package.
    """
    from mnistcnn.utils.outputs import check_not_input, check_own_file

    for path in paths:
        check_not_input(path, inputs)
        if not named:
            check_own_file(path)


def save_json(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON."""
    from mnistcnn.utils.atomic_write import write_text

    write_text(path, to_json(report) + "\n")


def save_figure(path: Path, figure: Any) -> None:
    """Write a Matplotlib figure in the format of the suffix."""
    from mnistcnn.utils.atomic_write import atomic_write

    # By this entry, utils.outputs recognizes the file.
    metadata = {"Software": "mnistcnn"} if path.suffix.lower() == ".png" else None
    # Not to the disk: if that is full, Matplotlib raises other errors for a PDF file.
    content = io.BytesIO()
    file_format = path.suffix.removeprefix(".").lower() or None
    figure.savefig(content, format=file_format, dpi=150, metadata=metadata)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content.getvalue())
