"""What the commands share: data, networks, what they print and how they write."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import mnistcnn

if TYPE_CHECKING:
    from rich.console import Console

_Item = TypeVar("_Item")

_SOON = 0.1
_PATIENCE = 2.0  # seconds that a person waits without asking what goes on
_NUMBER = r"(?:[-+.\deE]+|null)"
_NUMBERS = re.compile(rf"\[\n\s*({_NUMBER}(?:,\n\s*{_NUMBER})*)\n\s*\]")


class Failure(Exception):  # noqa: N818  # it is no error of the program
    """What a command reports in one line and ends with, besides wrong values and files."""


def with_bar(items: Iterable[_Item], total: int, description: str) -> Iterator[_Item]:
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


def check_network(word_or_path: str) -> None:
    """Refuse what is neither the name of shipped weights nor a file."""
    from mnistcnn._assets import SHIPPED

    if word_or_path not in SHIPPED and not Path(word_or_path).is_file():
        names = ", ".join(map(repr, SHIPPED))
        raise FileNotFoundError(
            f"MODEL must be an existing file or one of {names}; received {word_or_path!r}"
        )


def network(word_or_path: str) -> Any:
    """Return the shipped weights of that name, or else the path of the file."""
    from mnistcnn._assets import SHIPPED

    # No file of a network is called so, since each has a suffix.
    return mnistcnn.load_pretrained(word_or_path) if word_or_path in SHIPPED else word_or_path


def load(
    source: str, console: Console, *, tensorflow: bool = True
) -> tuple[Any, Any, dict[str, Any]]:
    """Load a data set while TensorFlow loads, if it is needed; say which one it is and why."""
    from mnistcnn._data import mnist_is_at_hand

    reason, wanted = "as asked", "mnist" if source == "auto" else source
    try:
        if not tensorflow:
            dataset = mnistcnn.load_data(wanted)
        elif source == "digits":  # they come with scikit-learn, which is hidden for a moment
            import_tensorflow()
            dataset = mnistcnn.load_data(wanted)
        elif wanted == "mnist" and not mnist_is_at_hand():
            dataset = mnistcnn.load_data(wanted)  # a download shows its progress, alone
        else:
            loading = _in_background(mnistcnn.load_data, wanted)
            with contextlib.suppress(TimeoutError):
                loading.result(timeout=_SOON)  # what is absent is known at once
            import_tensorflow()
            dataset = loading.result()
        if source == "auto":
            source, reason = "mnist", "it could be had"
    except mnistcnn.DataUnavailableError as error:
        if source != "auto":
            raise
        dataset, source = mnistcnn.load_data("digits"), "digits"
        reason = f"MNIST is not to be had: {str(error).splitlines()[0].rstrip(':')}"
    if tensorflow:
        import_tensorflow()
    counts = [len(split.labels) for split in dataset]
    console.print(
        f"Data: {source}, {counts[0]:,} images to train on and {counts[1]:,} to test on ({reason})."
    )
    described = {"source": source, "reason": reason, "train": counts[0], "test": counts[1]}
    return dataset.train, dataset.test, described


def _in_background(function: Callable[[str], Any], argument: str) -> Future[Any]:
    """Begin a call that doesn't keep the process alive when the user interrupts it."""
    future: Future[Any] = Future()

    def work() -> None:
        try:
            future.set_result(function(argument))
        except BaseException as error:  # noqa: BLE001  # the caller meets it at result()
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def import_tensorflow() -> None:
    """Import Keras and TensorFlow, the longest part of a short command, and say so.

    Keras also imports scikit-learn and Matplotlib where they are installed, to offer what
    nobody asks for here; that took 40 % of the time. In this process, which is the
    command's own, Keras does not see them. They can be imported afterwards.
    """
    if "keras" in sys.modules:
        return
    if sys.stderr.isatty():
        print("Loading TensorFlow ...", file=sys.stderr)
    hidden = [name for name in ("matplotlib", "sklearn") if name not in sys.modules]
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user's other programs run on
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: not to be had
    try:
        importlib.import_module("mnistcnn._backend")
    finally:
        for name in hidden:
            del sys.modules[name]


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


def to_json(report: dict[str, Any]) -> str:
    """Return a report as JSON for people too: a list of numbers is one line."""

    def joined(match: re.Match[str]) -> str:
        return "[" + re.sub(r",\n\s*", ", ", match.group(1)) + "]"

    return _NUMBERS.sub(joined, json.dumps(report, indent=2))  # no text holds a bare new line


def save_json(path: Path, report: dict[str, Any]) -> None:
    from mnistcnn._files import write_text

    write_text(path, to_json(report) + "\n")


def save_network(model: Any, path: Path) -> None:
    from mnistcnn._weights import save_model

    save_model(model, path)


def save_figure(path: Path, figure: Any) -> None:
    from mnistcnn._files import replacing

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
