"""What the command ``mnistcnn`` does. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn

if TYPE_CHECKING:
    from rich.console import Console

# The document's 5 epochs are 6,565 steps on MNIST and 160 on the small set, too few;
# early stopping usually ends before this many.
DIGITS_EPOCHS = 40
_SOON = 0.1


class Failure(Exception):  # noqa: N818  # it is no error of the program
    """What a command reports in one line and ends with, besides wrong values and files."""


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Train, keep the network, load it again and evaluate it."""
    console = _console()
    recipe = mnistcnn.recipes.find(options.recipe)
    settings = {"epochs": options.epochs, "batch_size": options.batch_size}
    recipe = dataclasses.replace(
        recipe, **{name: value for name, value in settings.items() if value is not None}
    )
    output = options.output or Path("mnistcnn-run")
    if output.exists() and not output.is_dir():
        raise ValueError(f"--output must be a folder; {str(output)!r} is a file")
    (x_train, y_train), (x_test, y_test), data = _load(options.data, console)
    if options.epochs is None and data["source"] == "digits":
        end = "; training stops when it no longer improves" if recipe.monitor else ""
        console.print(
            f"Epochs: {'up to ' if end else ''}{DIGITS_EPOCHS} in place of {recipe.epochs}, "
            f"since the set is small{end}."
        )
        recipe = dataclasses.replace(recipe, epochs=DIGITS_EPOCHS)
    output.mkdir(parents=True, exist_ok=True)
    if not os.access(output, os.W_OK):
        raise PermissionError(f"--output must be a folder to write to; {str(output)!r} is not")
    saved = output / ("bestmodel.keras" if recipe.monitor else "model.keras")
    model = mnistcnn.build_model(seed=options.seed)
    x, y = mnistcnn.preprocess(x_train, y_train)
    callbacks = []
    if recipe.monitor:
        callbacks = mnistcnn.default_callbacks(
            saved, monitor=recipe.monitor, min_delta=recipe.min_delta, patience=recipe.patience
        )
    started = time.perf_counter()
    history = mnistcnn.train(
        model,
        x,
        y,
        recipe=recipe,
        callbacks=callbacks,
        seed=options.seed,
    ).history
    seconds = time.perf_counter() - started
    if not recipe.monitor:
        _save_network(model, saved)
    result = mnistcnn.evaluate(saved, *mnistcnn.preprocess(x_test, y_test))
    report = {
        "versions": _versions(),
        "data": data,
        "recipe": recipe.to_dict(),
        "seed": options.seed,
        "training_seconds": round(seconds, 2),
        "history": history,
        "model": saved.name,
        "test": result.to_dict(),
    }
    _save_json(output / "result.json", report)
    _save_figure(output / "history.png", mnistcnn.plot_history(history))
    _save_figure(output / "confusion_matrix.png", mnistcnn.plot_confusion_matrix(result))
    epochs = len(history["loss"])
    console.print(f"\nTrained {epochs} epoch{'s' if epochs > 1 else ''} in {seconds:.1f} s.")
    console.print(f"{saved}, loaded again, on the test images:\n{result}")
    console.print(f"\nIn {output}: {saved.name}, result.json, history.png, confusion_matrix.png")
    return report


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate the file of a network, or shipped weights."""
    console = _console()
    _check_network(options.model)
    _, (x_test, y_test), data = _load(options.data, console)
    model = _network(options.model)
    result = mnistcnn.evaluate(model, *mnistcnn.preprocess(x_test, y_test))
    console.print(str(result))
    report = {
        "versions": _versions(),
        "data": data,
        "model": options.model,
        "test": result.to_dict(),
    }
    if options.output:
        _save_json(options.output / "evaluation.json", report)
        _save_figure(
            options.output / "confusion_matrix.png", mnistcnn.plot_confusion_matrix(result)
        )
    return report


def export(options: argparse.Namespace) -> dict[str, Any]:
    """Write a network for another runtime."""
    console = _console()
    _check_network(options.model)
    _import_tensorflow()
    from mnistcnn._targets import target_of

    try:
        path = mnistcnn.export_model(_network(options.model), options.path, format=options.format)
    except (ModuleNotFoundError, RuntimeError) as error:  # as export_model documents them
        raise Failure(str(error)) from error
    name, target = target_of(path, options.format)
    files = [path, *(path.with_suffix(suffix) for suffix in target.companions)]
    if path.is_dir():
        files = [one for one in sorted(path.rglob("*")) if one.is_file()]
    report = {
        "versions": _versions(),
        "model": options.model,
        "path": str(path),
        "format": name,
        "bytes": sum(one.stat().st_size for one in files),
    }
    console.print(f"{path}: {name}, {report['bytes']:,} bytes; checked against Keras.")
    return report


def info(options: argparse.Namespace) -> dict[str, Any]:
    """Show versions, places and recipes."""
    from mnistcnn import _settings
    from mnistcnn._data import DATA_VARIABLE, default_cache_dir

    console = _console()
    report: dict[str, Any] = {
        "versions": _versions(),
        "cache": str(default_cache_dir()),
        DATA_VARIABLE: os.environ.get(DATA_VARIABLE),
        "settings": _settings.current(),
        "recipes": [recipe.to_dict() for recipe in mnistcnn.recipes.NAMED.values()],
    }
    if options.json:
        return report
    for name, version in report["versions"].items():
        console.print(f"{name:14} {version}")
    console.print(f"{'cache':14} {report['cache']}")
    console.print(f"{DATA_VARIABLE:14} {report[DATA_VARIABLE] or 'not set'}")
    for name, value in report["settings"].items():
        console.print(f"{'TensorFlow':14} {name}={value}")
    for recipe in mnistcnn.recipes.NAMED.values():
        given = [
            f"{field.name} {getattr(recipe, field.name)}"
            for field in dataclasses.fields(recipe)
            if field.name != "name" and getattr(recipe, field.name) != field.default
        ]
        console.print(f"{'recipe':14} {recipe.name}: {', '.join(given)}")
    return report


def _check_network(word_or_path: str) -> None:
    """Refuse what is neither the name of shipped weights nor a file."""
    from mnistcnn._assets import SHIPPED

    if word_or_path not in SHIPPED and not Path(word_or_path).is_file():
        names = ", ".join(map(repr, SHIPPED))
        raise FileNotFoundError(
            f"MODEL must be an existing file or one of {names}; received {word_or_path!r}"
        )


def _network(word_or_path: str) -> Any:
    """Return the shipped weights of that name, or else the path of the file."""
    from mnistcnn._assets import SHIPPED

    # No file of a network is called so, since each has a suffix.
    return mnistcnn.load_pretrained(word_or_path) if word_or_path in SHIPPED else word_or_path


def _load(source: str, console: Console) -> tuple[Any, Any, dict[str, Any]]:
    """Load a data set while TensorFlow loads; say which one it is and why."""
    from mnistcnn._data import mnist_is_at_hand

    reason, wanted = "as asked", "mnist" if source == "auto" else source
    try:
        if source == "digits":  # they come with scikit-learn, which is hidden for a moment
            _import_tensorflow()
            dataset = mnistcnn.load_data(wanted)
        elif wanted == "mnist" and not mnist_is_at_hand():
            dataset = mnistcnn.load_data(wanted)  # a download shows its progress, alone
        else:
            loading = _in_background(mnistcnn.load_data, wanted)
            with contextlib.suppress(TimeoutError):
                loading.result(timeout=_SOON)  # what is absent is known at once
            _import_tensorflow()
            dataset = loading.result()
        if source == "auto":
            source, reason = "mnist", "it could be had"
    except mnistcnn.DataUnavailableError as error:
        if source != "auto":
            raise
        dataset, source = mnistcnn.load_data("digits"), "digits"
        reason = f"MNIST is not to be had: {str(error).splitlines()[0].rstrip(':')}"
    _import_tensorflow()
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


def _import_tensorflow() -> None:
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


def _console() -> Console:
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    names = ("keras", "tensorflow", "numpy")
    return {
        "mnistcnn": mnistcnn.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def _save_json(path: Path, report: dict[str, Any]) -> None:
    from mnistcnn._files import write_text

    write_text(path, json.dumps(report, indent=2) + "\n")


def _save_network(model: Any, path: Path) -> None:
    from mnistcnn._weights import save_model

    save_model(model, path)


def _save_figure(path: Path, figure: Any) -> None:
    from mnistcnn._files import replacing

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
