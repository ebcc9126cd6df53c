"""What the command ``mnistcnn`` does. Nothing heavy is imported before it is needed."""

from __future__ import annotations

import argparse
import dataclasses
import os
import time
from typing import Any

import mnistcnn
from mnistcnn import _command_tools as tools
from mnistcnn._command_evaluate import show

# The document's 5 epochs are 6,565 steps on MNIST and 160 on the small set, too few;
# early stopping usually ends before this many.
DIGITS_EPOCHS = 40


def train(options: argparse.Namespace) -> dict[str, Any]:
    """Train, keep the network, load it again and evaluate it."""
    console = tools.new_console()
    recipe = mnistcnn.recipes.find(options.recipe)
    settings = {"epochs": options.epochs, "batch_size": options.batch_size}
    recipe = dataclasses.replace(
        recipe, **{name: value for name, value in settings.items() if value is not None}
    )
    output = options.output
    if output.exists() and not output.is_dir():
        raise ValueError(f"--output must be a folder; {str(output)!r} is a file")
    (x_train, y_train), (x_test, y_test), data = tools.load(options.data, console)
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
        tools.save_network(model, saved)
    result = mnistcnn.evaluate(saved, *mnistcnn.preprocess(x_test, y_test))
    report = {
        "command": options.command,
        "versions": tools.versions(),
        "data": data,
        "recipe": recipe.to_dict(),
        "seed": options.seed,
        "training_seconds": round(seconds, 2),
        "history": history,
        "model": saved.name,
        "test": result.to_dict(),
    }
    tools.save_json(output / "result.json", report)
    tools.save_figure(output / "history.png", mnistcnn.plot_history(history))
    tools.save_figure(output / "confusion_matrix.png", mnistcnn.plot_confusion_matrix(result))
    epochs = len(history["loss"])
    console.print(f"\nTrained {epochs} epoch{'s' if epochs > 1 else ''} in {seconds:.1f} s.")
    console.print(f"{saved}, loaded again, on the test images:")
    show(result, console)
    console.print(f"\nIn {output}: {saved.name}, result.json, history.png, confusion_matrix.png")
    return report


def export(options: argparse.Namespace) -> dict[str, Any]:
    """Write a network for another runtime."""
    console = tools.new_console()
    tools.check_network(options.model)
    tools.import_tensorflow()
    from mnistcnn._targets import target_of

    try:
        path = mnistcnn.export_model(
            tools.network(options.model), options.path, format=options.format
        )
    except (ModuleNotFoundError, RuntimeError) as error:  # as export_model documents them
        raise tools.Failure(str(error)) from error
    name, target = target_of(path, options.format)
    files = [path, *(path.with_suffix(suffix) for suffix in target.companions)]
    if path.is_dir():
        files = [one for one in sorted(path.rglob("*")) if one.is_file()]
    report = {
        "versions": tools.versions(),
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

    console = tools.new_console()
    report: dict[str, Any] = {
        "versions": tools.versions(),
        "cache": str(default_cache_dir() or "none, for there is no home folder"),
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
