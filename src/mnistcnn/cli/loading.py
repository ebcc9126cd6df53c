"""Datasets, models and TensorFlow, loaded for a subcommand."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.utils.environment import set_tf_defaults
from mnistcnn.utils.requirements import is_installed, require
from mnistcnn.utils.stderr import is_terminal
from mnistcnn.utils.text import did_you_mean, escape, quote

if TYPE_CHECKING:
    from concurrent.futures import Future

    from rich.console import Console

    from mnistcnn import Dataset

_FAILURE_WAIT = 0.1  # seconds in which a missing dataset is reported


def check_model(source: str, *, argument: str = "MODEL") -> None:
    """Check that `source` names pretrained weights or an existing model file."""
    from mnistcnn.utils.validation import check_path
    from mnistcnn.weights.pretrained import PRETRAINED, is_pretrained
    from mnistcnn.weights.weights_file import WEIGHTS_SUFFIXES

    if is_pretrained(source):
        return
    if not Path(source).is_file():
        names = ", ".join(map(repr, PRETRAINED))
        raise FileNotFoundError(
            f"{argument} must be an existing file or one of {names}; received {quote(source)}"
            f"{did_you_mean(source, PRETRAINED)}"
        )
    check_path(argument, source, suffixes=WEIGHTS_SUFFIXES)


def data_files(*sources: str | None) -> list[Path]:
    """Return the paths of the files and folders that `load_dataset` may read."""
    from mnistcnn.data.catalog import NAMED_DATASETS
    from mnistcnn.data.named import DATA_VARIABLE, default_cache_dir, variable_path

    paths = []
    for source in filter(None, sources):
        variable = os.environ.get(DATA_VARIABLE)
        if source in ("auto", "mnist") and variable:
            paths.append(variable_path(variable))
        elif source == "auto" or source in NAMED_DATASETS:
            paths += filter(None, [default_cache_dir()])
        elif source != "digits":
            paths.append(Path(source))
    return paths


def load_dataset(
    options: argparse.Namespace, console: Console, *, tensorflow: bool = True
) -> tuple[Dataset, dict[str, Any]]:
    """Load and announce a dataset while TensorFlow, if needed, is being imported.

    Returns the dataset and a description for reports.
    """
    if tensorflow:
        require(options.command_name, "keras")  # before a download
    from mnistcnn.data.named import DATA_VARIABLE
    from mnistcnn.types import DIGIT_NAMES

    source = options.data
    reason, note = "as requested", " (as requested)"
    if source == "auto":
        try:
            with _alternative_as_option("mnist"):
                dataset, source = _load("mnist", options, tensorflow=tensorflow), "mnist"
            reason, note = "available", " (available)"
        except mnistcnn.DataUnavailableError as error:
            if os.environ.get(DATA_VARIABLE):  # the user has MNIST, and mistyped its path
                raise
            dataset, source = _load("digits", options, tensorflow=False), "digits"
            reason = str(error).splitlines()[0].rstrip(":")
            note = f"; {reason}"
    else:
        with _alternative_as_option(source):
            dataset = _load(source, options, tensorflow=tensorflow)
    if tensorflow:
        import_tensorflow()
    num_train, num_test = (len(split.labels) for split in dataset)
    names = dataset.class_names
    if names != DIGIT_NAMES:
        note = f" of {len(names)} classes{note}"
    console.print(
        f"Data: {escape(source)}, {num_train:,} training and {num_test:,} test images{note}."
    )
    description: dict[str, Any] = {"source": source, "reason": reason}
    description |= {"train": num_train, "test": num_test, **_file_options(options)}
    if names != DIGIT_NAMES:
        description["class_names"] = list(names)
    return dataset, description


@contextmanager
def _alternative_as_option(source: str) -> Iterator[None]:
    """Name the option that selects another dataset where the message names a Python call."""
    try:
        yield
    except mnistcnn.DataUnavailableError as error:
        if source != "mnist":
            raise
        lines = str(error).splitlines()
        call = ', or use the small data set that works offline: load_data("digits")'
        last = lines[-1].removesuffix(".").removesuffix(call)
        lines[-1] = f"{last}; --data digits selects the small data set that works offline"
        raise mnistcnn.DataUnavailableError("\n".join(lines)) from error


def _file_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the given options of data in files, as those of `mnistcnn.load_data`."""
    given = {
        "test": options.test_data, "test_size": options.test_size, "transpose": options.transpose,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def _load(source: str, options: argparse.Namespace, *, tensorflow: bool) -> Dataset:
    from mnistcnn.data.named import is_cached

    load = partial(mnistcnn.load_data, source, **_file_options(options))
    if not tensorflow:
        return load()
    if source == "digits":  # from scikit-learn, which import_tensorflow hides for a moment
        import_tensorflow()
        return load()
    if source == "mnist" and not is_cached():
        return load()  # a download shows a progress bar of its own
    loading = _start_in_background(load)
    with contextlib.suppress(TimeoutError):
        loading.result(timeout=_FAILURE_WAIT)  # report a missing file before the long import
    import_tensorflow()
    return loading.result()


def _start_in_background(function: Callable[[], Dataset]) -> Future[Dataset]:
    """Call a function in a daemon thread, so that Ctrl-C ends the process immediately."""
    from concurrent.futures import Future

    future: Future[Dataset] = Future()

    def call() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001  # result() raises it
            future.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return future


def has_keras() -> bool:
    """Return whether Keras is installed, which `mnistcnn-slim` does without."""
    return is_installed("keras")


def import_tensorflow() -> None:
    """Import Keras and TensorFlow, and announce it on a terminal.

    Keras also imports scikit-learn and Matplotlib if they are installed, for features that are
    not used here; that takes 40 % of the import time. Both are hidden during the import, which is
    safe because this process belongs to the command, and available again afterwards.
    """
    if "keras" in sys.modules:
        return
    if is_terminal():
        print("Loading TensorFlow ...", file=sys.stderr)
    hidden = {name: sys.modules.get(name) for name in ("matplotlib", "sklearn")}
    set_tf_defaults(command=True)
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the user may have set another for other programs
    # None makes an import raise ImportError.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is allowed
    try:
        importlib.import_module("mnistcnn.backend")
    finally:
        for name, module in hidden.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module
