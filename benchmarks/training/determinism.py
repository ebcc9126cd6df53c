"""What it costs that runs repeat and go on: TensorFlow's determinism, and keeping the state.

    python -m benchmarks.training.determinism

Runs of the same seed, with TensorFlow's `enable_op_determinism` and without, take turns in
processes of their own; seconds are those of an epoch, without the first, in which graphs are
made. The teachers of `best` have two epochs. Then a run is kept at each epoch's end and every 500
steps, and the time in which a state is taken and written is set against the time of the training
around it. The images are the small set over and over: what a step costs does not depend on what
they show. Figures go to benchmarks/results/determinism.json, with the recipes. Needs Linux or
macOS, as benchmarks/robustness/crash_recovery.py does.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import mnistcnn
from benchmarks.harness import RESULTS, spread
from mnistcnn.backend import (
    keras,  # noqa: F401  # imported before each fork
    tf,  # noqa: F401  # imported before each fork
)
from mnistcnn.recipes import (
    BASELINE,  # noqa: F401  # imported before each fork
    BEST,  # noqa: F401  # imported before each fork
    Recipe,  # noqa: F401  # imported before each fork
)
from mnistcnn.training import train  # noqa: F401  # imported before each fork
from mnistcnn.training.checkpoint.state import TrainingState  # noqa: F401  # imported before each fork
from mnistcnn.utils.atomic_write import write_text  # noqa: F401  # imported before each fork
from mnistcnn.utils.environment import cpu_count, library_versions

FILE = RESULTS / "determinism.json"
RECIPES = {"documented": BASELINE, "best": BEST}
TURNS, EPOCHS, IMAGES = 3, 4, 6_400
TEACHER_EPOCHS = 2
# As many as the document trains on.
KEPT_IMAGES, KEPT_EPOCHS, EVERY = 42_000, 2, 500


class Clock(keras.callbacks.Callback):
    """Takes the time of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start."""
        del epoch, logs
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop."""
        del epoch, logs
        self.seconds.append(time.perf_counter() - self._started)

    def get_state(self) -> None:
        """Have nothing to keep."""

    def set_state(self, state: None) -> None:
        """Take nothing back."""


def shortened(recipe: Recipe, epochs: int) -> Recipe:
    """Return a recipe of so many epochs that trains on all images; its teachers have few, too."""
    teacher = recipe.teacher and replace(recipe.teacher, epochs=TEACHER_EPOCHS)
    return replace(recipe, epochs=epochs, validation_split=0.0, teacher=teacher)


def images(count: int) -> tuple[Any, Any]:
    """Return so many preprocessed images and labels."""
    x, y = mnistcnn.preprocess(*mnistcnn.load_data("digits").train)
    chosen = np.arange(count) % len(x)
    return x[chosen], y[chosen]


def timed(name: str, data: Any, *, deterministic: bool) -> dict[str, Any]:
    """Train, and return seconds an epoch and a digest of the weights."""
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    clock, model = Clock(), mnistcnn.build_model(seed=0)
    recipe = shortened(RECIPES[name], EPOCHS)
    mnistcnn.train(model, *data, recipe=recipe, callbacks=[clock], seed=0, verbose=0)
    digest = hashlib.sha256(b"".join(one.tobytes() for one in model.get_weights()))
    return {"seconds": clock.seconds[1:], "sha256": digest.hexdigest()}


def kept(name: str, data: Any) -> dict[str, Any]:
    """Train with the state kept, and return what share of the time that took."""
    keep, times = TrainingState._keep, []  # noqa: SLF001  # the clock stands where the work is done

    def timing(*arguments: Any, **options: Any) -> None:
        started = time.perf_counter()
        keep(*arguments, **options)
        times.append(time.perf_counter() - started)

    TrainingState._keep = timing  # type: ignore[method-assign]  # noqa: SLF001
    recipe = shortened(RECIPES[name], KEPT_EPOCHS)
    model = mnistcnn.build_model(seed=0)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        mnistcnn.train(
            model, *data, recipe=recipe, callbacks=[], seed=0, verbose=0,
            checkpoint_dir=folder, checkpoint_every=EVERY,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        size = Path(folder, "run.safetensors").stat().st_size
    return {
        "states": len(times),
        "milliseconds": spread([1000 * one for one in times]),
        "bytes": size,
        "epoch_seconds": seconds / KEPT_EPOCHS,
        "share": sum(times) / (seconds - sum(times)),
    }


def in_child(function: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
    """Call a function in a process of its own and return what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, json.dumps(function(*arguments, **options)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    if os.waitpid(child, 0)[1]:
        raise RuntimeError(f"{function.__name__} failed")
    return dict(json.loads(text))


def main() -> None:
    """Measure and keep."""
    few, many = images(IMAGES), images(KEPT_IMAGES)
    report: dict[str, Any] = {
        "command": "python -m benchmarks.training.determinism",
        "machine": platform.machine(),
        "cores": cpu_count(),
        "versions": library_versions(),
        "images": IMAGES,
        "kept_images": KEPT_IMAGES,
        "every": EVERY,
        "recipes": {name: recipe.to_dict() for name, recipe in RECIPES.items()},
        "determinism": {},
        "states": {},
    }
    for name in RECIPES:
        runs: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
        for _ in range(TURNS):
            for deterministic, done in runs.items():
                done.append(in_child(timed, name, few, deterministic=deterministic))
        seconds = {on: [one for run in done for one in run["seconds"]] for on, done in runs.items()}
        medians = {on: statistics.median(times) for on, times in seconds.items()}
        report["determinism"][name] = {
            "without": spread(seconds[False]),
            "with": spread(seconds[True]),
            "ratio": medians[True] / medians[False],
            "ends_without": sorted({run["sha256"][:16] for run in runs[False]}),
            "ends_with": sorted({run["sha256"][:16] for run in runs[True]}),
        }
        print(name, report["determinism"][name], flush=True)
        report["states"][name] = in_child(kept, name, many)
        print(name, report["states"][name], flush=True)
        write_text(FILE, json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
