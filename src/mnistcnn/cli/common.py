"""What the commands share: data, networks, what they print and how they write."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import mnistcnn

if TYPE_CHECKING:
    from rich.console import Console


def min_int(least: int) -> Callable[[str], int]:
    """Return what makes an integer of a word, or refuses it."""

    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}; received {value}")
        return value

    number.__name__ = "integer"  # argparse says: invalid integer value
    return number


_Item = TypeVar("_Item")
_PATIENCE = 2.0  # seconds before a progress bar is shown
_NUMBER = r"(?:[-+.\deE]+|null)"
_NUMBERS = re.compile(rf"\[\n\s*({_NUMBER}(?:,\n\s*{_NUMBER})*)\n\s*\]")


class CommandError(Exception):  # noqa: N818  # it is no error of the program
    """What a command reports in one line and ends with, besides wrong values and files."""


def track(items: Iterable[_Item], total: int, description: str) -> Iterator[_Item]:
    """Give the items; show on a terminal how far they are once it takes long."""
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
            if not shown and time.monotonic() - started > _PATIENCE:
                progress.start()
                shown = True
            progress.update(task, completed=done)
            yield item
    finally:
        if shown:
            progress.stop()


def new_console() -> Console:
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


def versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    names = ("keras", "tensorflow", "numpy")
    return {
        "mnistcnn": mnistcnn.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def print_json(report: dict[str, Any]) -> str:
    """Return a report as JSON for people too: a list of numbers is one line."""

    def joined(match: re.Match[str]) -> str:
        return "[" + re.sub(r",\n\s*", ", ", match.group(1)) + "]"

    return _NUMBERS.sub(joined, json.dumps(report, indent=2))  # no text holds a bare new line


def save_json(path: Path, report: dict[str, Any]) -> None:
    from mnistcnn.utils.atomic_write import write_text

    write_text(path, print_json(report) + "\n")


def save_network(model: Any, path: Path) -> None:
    from mnistcnn.weights.keras_file import save_model

    save_model(model, path)


def save_figure(path: Path, figure: Any) -> None:
    from mnistcnn.utils.atomic_write import atomic_write

    with atomic_write(path) as temporary:
        figure.savefig(temporary, dpi=150)
