"""Console output, progress, JSON and files written by several subcommands."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

_Item = TypeVar("_Item")
_PROGRESS_DELAY = 2.0  # seconds before a progress bar appears
_NUMBER = r"(?:[-+.\deE]+|null)"
_NUMBER_LIST = re.compile(rf"\[\n\s*({_NUMBER}(?:,\n\s*{_NUMBER})*)\n\s*\]")


class CommandError(Exception):
    """An expected failure, printed as one line; values and files raise built-in exceptions."""


def track(items: Iterable[_Item], total: int, description: str) -> Iterator[_Item]:
    """Yield the items; on a terminal, show a progress bar once the work takes long."""
    if not sys.stderr.isatty():
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

    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


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
    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150, metadata=metadata)
