"""What the command ``mnistcnn`` does. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn

if TYPE_CHECKING:
    from rich.console import Console

# The document's 5 epochs are 6,565 steps on MNIST and 160 on the small set, too few;
# early stopping usually ends before this many.
DIGITS_EPOCHS = 40


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Train, keep the best epoch, load it again and evaluate it."""
    console = _console()
    recipe = mnistcnn.recipes.find(options.recipe)
    settings = {"epochs": options.epochs, "batch_size": options.batch_size}
    recipe = dataclasses.replace(
        recipe, **{name: value for name, value in settings.items() if value is not None}
    )
    (x_train, y_train), (x_test, y_test), data = _load(options.data, console)
    if options.epochs is None and data["source"] == "digits":
        console.print(
            f"Epochs: up to {DIGITS_EPOCHS} in place of {recipe.epochs}, since the set is small; "
            "training stops when it no longer improves."
        )
        recipe = dataclasses.replace(recipe, epochs=DIGITS_EPOCHS)
    output = options.output or Path("mnistcnn-run")
    best = output / "bestmodel.keras"
    with _loading_tensorflow(console):
        model = mnistcnn.build_model(seed=options.seed)
    x, y = mnistcnn.preprocess(x_train, y_train)
    callbacks = mnistcnn.default_callbacks(
        best,
        monitor=recipe.monitor or "loss",
        min_delta=recipe.min_delta,
        patience=recipe.patience,
    )
    started = time.perf_counter()
    history = mnistcnn.train(
        model,
        x,
        y,
        recipe=recipe,
        callbacks=callbacks,
        seed=options.seed,
        verbose=1 if sys.stdout.isatty() else 2,
    ).history
    seconds = time.perf_counter() - started
    result = mnistcnn.evaluate(best, *mnistcnn.preprocess(x_test, y_test))
    report = {
        "versions": _versions(),
        "data": data,
        "recipe": recipe.to_dict(),
        "seed": options.seed,
        "training_seconds": round(seconds, 2),
        "history": history,
        "model": best.name,
        "test": result.to_dict(),
    }
    _save_json(output / "result.json", report)
    _save_figure(output / "history.png", mnistcnn.plot_history(history))
    _save_figure(output / "confusion_matrix.png", mnistcnn.plot_confusion_matrix(result))
    console.print(f"\nTrained {len(history['loss'])} epochs in {seconds:.1f} s.")
    console.print(f"{best}, loaded again, on the test images:\n{result}")
    console.print(f"\nIn {output}: bestmodel.keras, result.json, history.png, confusion_matrix.png")
    return report


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate the file of a network."""
    console = _console()
    if not Path(options.model).is_file():
        raise FileNotFoundError(f"MODEL must be an existing file; received {options.model!r}")
    _, (x_test, y_test), data = _load(options.data, console)
    with _loading_tensorflow(console):
        model = mnistcnn.load_model(options.model)
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


def info(options: argparse.Namespace) -> dict[str, Any]:
    """Show versions, places and recipes."""
    import os

    from mnistcnn._data import DATA_VARIABLE, default_cache_dir

    console = _console()
    report: dict[str, Any] = {
        "versions": _versions(),
        "cache": str(default_cache_dir()),
        DATA_VARIABLE: os.environ.get(DATA_VARIABLE),
        "recipes": [recipe.to_dict() for recipe in mnistcnn.recipes.NAMED.values()],
    }
    if options.json:
        return report
    for name, version in report["versions"].items():
        console.print(f"{name:14} {version}")
    console.print(f"{'cache':14} {report['cache']}")
    console.print(f"{DATA_VARIABLE:14} {report[DATA_VARIABLE] or 'not set'}")
    for recipe in report["recipes"]:
        settings = ", ".join(f"{key} {value}" for key, value in recipe.items() if key != "name")
        console.print(f"{'recipe':14} {recipe['name']}: {settings}")
    return report


def _load(source: str, console: Console) -> tuple[Any, Any, dict[str, Any]]:
    """Load a data set and say in the first line which one it is and why."""
    reason = "as asked"
    if source == "auto":
        try:
            dataset, source, reason = mnistcnn.load_data("mnist"), "mnist", "it could be had"
        except mnistcnn.DataUnavailableError as error:
            dataset, source = mnistcnn.load_data("digits"), "digits"
            reason = f"MNIST is not to be had: {str(error).splitlines()[0].rstrip(':')}"
    else:
        dataset = mnistcnn.load_data(source)
    counts = [len(split.labels) for split in dataset]
    console.print(
        f"Data: {source}, {counts[0]:,} images to train on and {counts[1]:,} to test on ({reason})."
    )
    described = {"source": source, "reason": reason, "train": counts[0], "test": counts[1]}
    return dataset.train, dataset.test, described


def _console() -> Console:
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)


@contextlib.contextmanager
def _loading_tensorflow(console: Console) -> Iterator[None]:
    """Say what takes the first seconds, where someone is looking."""
    with console.status("Loading TensorFlow ..."):
        from mnistcnn import _backend  # noqa: F401  # the import is the work
    yield


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


def _save_figure(path: Path, figure: Any) -> None:
    from mnistcnn._files import replacing

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)
