"""cli.loading"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn

if TYPE_CHECKING:
    from rich.console import Console

_STATUS_DELAY = 0.1


def check_model(word_or_path: str) -> None:
    """Refuse what is neither the name of shipped weights nor a file."""
    from mnistcnn.weights.pretrained import PRETRAINED

    if word_or_path not in PRETRAINED and not Path(word_or_path).is_file():
        names = ", ".join(map(repr, PRETRAINED))
        raise FileNotFoundError(
            f"MODEL must be an existing file or one of {names}; received {word_or_path!r}"
        )


def resolve_model(word_or_path: str) -> Any:
    """Return the shipped weights of that name, or else the path of the file."""
    from mnistcnn.weights.pretrained import PRETRAINED

    # No file of a network is called so, since each has a suffix.
    return mnistcnn.load_pretrained(word_or_path) if word_or_path in PRETRAINED else word_or_path


def load(
    source: str, console: Console, *, tensorflow: bool = True
) -> tuple[Any, Any, dict[str, Any]]:
    """Load a data set while TensorFlow loads, if it is needed; say which one it is and why."""
    from mnistcnn.data.load import is_cached

    reason, wanted = "as asked", "mnist" if source == "auto" else source
    try:
        if not tensorflow:
            dataset = mnistcnn.load_data(wanted)
        elif source == "digits":  # they come with scikit-learn, which is hidden for a moment
            import_tensorflow()
            dataset = mnistcnn.load_data(wanted)
        elif wanted == "mnist" and not is_cached():
            dataset = mnistcnn.load_data(wanted)  # a download shows its progress, alone
        else:
            loading = _in_background(mnistcnn.load_data, wanted)
            with contextlib.suppress(TimeoutError):
                loading.result(timeout=_STATUS_DELAY)  # what is absent is known at once
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
        importlib.import_module("mnistcnn.backend")
    finally:
        for name in hidden:
            del sys.modules[name]
