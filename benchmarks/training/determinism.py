"""The cost of determinism and of checkpoints.

    python -m benchmarks.training.determinism

Runs with the same seed, with TensorFlow's `enable_op_determinism` and without, take turns in
their own processes; the seconds are those of one epoch, without the first, in which graphs are
traced. The teachers of `best` train for two epochs. Then a run saves a checkpoint at the end of
each epoch and every 500 steps, and the time to save is compared with that of the training. The
images are scikit-learn's digits, repeated: the cost of a step does not depend on its images.
Results go to benchmarks/results/determinism.json. Needs Linux or macOS, since it forks.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import mnistcnn
from benchmarks.epoch_timer import EpochTimer  # imports TensorFlow, once, before each fork
from benchmarks.harness import (
    argument_parser,
    package_versions,
    parse_args,
    summarize,
    write_results,
)
from mnistcnn.backend import tf
from mnistcnn.recipes import BASELINE, BEST, Recipe
from mnistcnn.training.checkpoint.file_format import STATE_FILE
from mnistcnn.training.checkpoint.state import TrainingState
from mnistcnn.utils.environment import cpu_count

RECIPES = {"baseline": BASELINE, "best": BEST}


class Sizes(NamedTuple):
    """How much is measured."""

    turns: int = 3
    epochs: int = 4
    images: int = 6_400
    teacher_epochs: int = 2
    checkpoint_images: int = 42_000  # as many as the baseline trains on
    checkpoint_epochs: int = 2
    checkpoint_every: int = 500


SMOKE = Sizes(1, 2, 256, 1, 256, 1, 2)


def shorten(recipe: Recipe, epochs: int, sizes: Sizes) -> Recipe:
    """Return the recipe with fewer epochs, also of its teacher, and no validation split."""
    teacher = recipe.teacher and replace(recipe.teacher, epochs=sizes.teacher_epochs)
    return replace(recipe, epochs=epochs, validation_split=0.0, teacher=teacher)


def load_images(count: int) -> tuple[Any, Any]:
    """Return `count` preprocessed images and labels."""
    x, y = mnistcnn.preprocess(*mnistcnn.load_data("digits").train)
    indices = np.arange(count) % len(x)
    return x[indices], y[indices]


def run_training(name: str, data: Any, sizes: Sizes, *, deterministic: bool) -> dict[str, Any]:
    """Train, and return the seconds of each epoch and a digest of the weights."""
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    timer, model = EpochTimer(), mnistcnn.build_model(seed=0)
    recipe = shorten(RECIPES[name], sizes.epochs, sizes)
    mnistcnn.train(model, *data, recipe=recipe, callbacks=[timer], seed=0, verbose=0)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in model.get_weights()))
    return {"seconds": timer.seconds, "sha256": digest.hexdigest()}


def run_with_checkpoints(name: str, data: Any, sizes: Sizes) -> dict[str, Any]:
    """Train with checkpoints, and return how many were saved and what that cost."""
    save, times = TrainingState._save, []  # where a checkpoint is saved  # noqa: SLF001

    def timed_save(*arguments: Any, **options: Any) -> None:
        started = time.perf_counter()
        save(*arguments, **options)
        times.append(time.perf_counter() - started)

    TrainingState._save = timed_save  # type: ignore[method-assign]  # noqa: SLF001
    recipe = shorten(RECIPES[name], sizes.checkpoint_epochs, sizes)
    model = mnistcnn.build_model(seed=0)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        mnistcnn.train(
            model, *data, recipe=recipe, callbacks=[], seed=0, verbose=0,
            checkpoint_dir=folder, checkpoint_every=sizes.checkpoint_every,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        size = Path(folder, STATE_FILE).stat().st_size
    return {
        "checkpoints": len(times),
        "milliseconds": summarize([1000 * value for value in times]),
        "bytes": size,
        "epoch_seconds": seconds / sizes.checkpoint_epochs,
        "overhead": sum(times) / (seconds - sum(times)),
    }


def in_child(function: Callable[..., dict[str, Any]], *args: Any, **options: Any) -> dict[str, Any]:
    """Call a function in a forked process and return what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, json.dumps(function(*args, **options)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    os.waitpid(child, 0)
    if not text:
        raise RuntimeError(f"{function.__name__} failed in its process")
    return dict(json.loads(text))


def determinism_cost(name: str, data: Any, sizes: Sizes) -> dict[str, Any]:
    """Return seconds per epoch and distinct results, with determinism and without."""
    runs: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for _ in range(sizes.turns):
        for deterministic, results in runs.items():
            results.append(in_child(run_training, name, data, sizes, deterministic=deterministic))
    seconds = {key: [s for run in results for s in run["seconds"]] for key, results in runs.items()}
    medians = {key: statistics.median(values) for key, values in seconds.items()}
    return {
        "default": summarize(seconds[False]),
        "deterministic": summarize(seconds[True]),
        "ratio": medians[True] / medians[False],
        "default_weights": sorted({run["sha256"][:16] for run in runs[False]}),
        "deterministic_weights": sorted({run["sha256"][:16] for run in runs[True]}),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and save."""
    options = parse_args(argument_parser(__doc__, "determinism.json"), argv)
    sizes = SMOKE if options.smoke else Sizes()
    names = ["baseline"] if options.smoke else list(RECIPES)
    few, many = load_images(sizes.images), load_images(sizes.checkpoint_images)
    report: dict[str, Any] = {
        "command": "python -m benchmarks.training.determinism",
        "machine": platform.machine(),
        "cores": cpu_count(),
        "versions": package_versions("mnistcnn", "keras", "tensorflow", "numpy"),
        "images": sizes.images,
        "checkpoint_images": sizes.checkpoint_images,
        "checkpoint_every": sizes.checkpoint_every,
        "recipes": {name: RECIPES[name].to_dict() for name in names},
        "determinism": {},
        "checkpoints": {},
    }
    for name in names:
        report["determinism"][name] = determinism_cost(name, few, sizes)
        print(name, report["determinism"][name], flush=True)
        report["checkpoints"][name] = in_child(run_with_checkpoints, name, many, sizes)
        print(name, report["checkpoints"][name], flush=True)
        write_results(options.output, report)


if __name__ == "__main__":
    main()
