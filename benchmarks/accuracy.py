"""How accurate and how robust the recipe `best` is, and what each of its levers gives.

    python benchmarks/accuracy.py [--only test|held_out|levers|cost]

- ``held_out``: trained on the first 50,000 training images and judged on the other 10,000:
  accuracy, loss, accuracy under the corruptions of `corruptions`, and the temperature that
  calibrates the network. Beside it the documented training, of all 50,000 images.
- ``test``: trained on all 60,000 training images, seeds 0 to 4, and judged at the last step
  on the test images, which take part in nothing else.
- ``levers``: the recipe with one setting changed, for fewer passes, on the held-out images.
- ``cost``: what the distortions add to the time of a step, with and without in turns.

Each figure goes to benchmarks/results/accuracy.json as soon as it is there, and what is there
for the same recipe is not measured again. The networks of ``test`` are kept in
benchmarks/out, where `weights.py` finds the first of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

import mnistcnn
from corruptions import CORRUPTIONS, STRENGTHS, corrupt
from mnistcnn._backend import keras
from mnistcnn.recipes import BEST, DOCUMENTED, Recipe
from turns import RESULTS, find_data

HELD_OUT = 10_000
CORRUPTED = 2_000
TEST_SEEDS = range(5)
HELD_OUT_SEEDS = range(3)
LEVER_EPOCHS = 12
COST_IMAGES, COST_TURNS = 20_000, 7
FILE = RESULTS / "accuracy.json"
OUT = Path(__file__).parent / "out"

PLAIN = replace(DOCUMENTED, name="plain", validation_split=0.0, monitor=None)
STILL = {"rotation": 0.0, "shear": 0.0, "scale": 0.0, "shift": 0.0}


def levers() -> dict[str, Recipe]:
    """Return the recipe, shortened, and its variants by name."""
    base = replace(BEST, epochs=LEVER_EPOCHS)
    assert base.augmentation is not None

    def distorted(**changes: float) -> Recipe:
        return replace(base, augmentation=replace(base.augmentation, **changes))

    return {
        "as it is": base,
        "no distortion at all": replace(base, augmentation=None),
        "no rotation, shear, scale, shift": distorted(**STILL),
        "no elastic distortion": distorted(elastic=0.0),
        "no change of stroke": distorted(stroke=0.0),
        "no soiled paper": distorted(soil=0.0),
        "Adam alone": replace(base, optimizer="adam"),
        "twice the learning rate": replace(base, learning_rate=2 * (base.learning_rate or 0)),
        "half the learning rate": replace(base, learning_rate=(base.learning_rate or 0) / 2),
        "label smoothing 0.1": replace(base, label_smoothing=0.1),
        "dropout 0.25": replace(base, dropout=0.25),
    }


class Report:
    """The file of figures, written after each of them."""

    def __init__(self) -> None:
        kept = json.loads(FILE.read_text()) if FILE.exists() else {}
        recipe = BEST.to_dict()
        self.content: dict[str, Any] = kept if kept.get("recipe") == recipe else {}
        self.content["recipe"] = recipe
        self.content["versions"] = {
            "python": platform.python_version(),
            **{name: version(name) for name in ("mnistcnn", "keras", "tensorflow", "numpy")},
        }
        self.content["cores"] = len(os.sched_getaffinity(0))

    def rows(self, *path: str) -> list[dict[str, Any]]:
        """Return the list at a place, made if it is not there."""
        place = self.content
        for name in path[:-1]:
            place = place.setdefault(name, {})
        found: list[dict[str, Any]] = place.setdefault(path[-1], [])
        return found

    def lacks(self, seed: int, *path: str) -> bool:
        """Tell whether a seed's figures are still to be measured."""
        return all(row["seed"] != seed for row in self.rows(*path))

    def write(self) -> None:
        """Write the file."""
        FILE.write_text(json.dumps(self.content, indent=1) + "\n")

    def add(self, row: dict[str, Any], *path: str) -> None:
        """Keep the figures of a run."""
        self.rows(*path).append(row)
        self.write()
        shown = {name: value for name, value in row.items() if not isinstance(value, dict)}
        print(*path, shown, flush=True)


def version(name: str) -> str:
    """Return the version of a package."""
    from importlib.metadata import version as installed

    return installed(name)


def trained(recipe: Recipe, x: Any, y: Any, *, seed: int) -> tuple[Any, float]:
    """Return a network after its last step, and the seconds that it took."""
    model = mnistcnn.build_model(seed=seed)
    started = time.perf_counter()
    mnistcnn.train(model, x, y, recipe=recipe, callbacks=[], seed=seed, verbose="auto")
    return model, round(time.perf_counter() - started, 1)


def logits_of(model: Any, x: Any) -> np.ndarray:
    """Return the logarithms of the probabilities, which are logits up to a constant."""
    probabilities = model.predict(x, batch_size=500, verbose=0)
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))


def calibrated(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the divisor of the logits that makes the loss least, and that loss.

    Temperature scaling, after Guo et al., "On calibration of modern neural networks" (2017).
    """

    def loss(logarithm: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(logarithm)
        given = scaled[np.arange(len(labels)), labels]
        return float((np.log(np.exp(scaled).sum(1)) - given).mean())

    best = minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded", options={"xatol": 1e-4})
    return {
        "temperature": round(float(np.exp(best.x)), 4),
        "calibrated_loss": round(float(best.fun), 6),
    }


class Judge:
    """The judge on the held-out images."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.x, self.y = mnistcnn.preprocess(images, labels)
        self.labels = labels.astype(int)
        clean = self.x[:CORRUPTED, ..., 0]
        self.corrupted = {
            name: [np.uint8(255 * corrupt(name, clean, s) + 0.5) for s in STRENGTHS]
            for name in CORRUPTIONS
        }

    def __call__(self, model: Any) -> dict[str, Any]:
        """Return the figures of a network."""
        logits = logits_of(model, self.x)
        corruptions = {}
        for name, stacks in self.corrupted.items():
            said = [logits_of(model, mnistcnn.preprocess(stack)).argmax(1) for stack in stacks]
            right = [float((one == self.labels[:CORRUPTED]).mean()) for one in said]
            corruptions[name] = round(statistics.mean(right), 5)
        result = mnistcnn.evaluate(model, self.x, self.y)
        return {
            "accuracy": result.accuracy,
            "loss": result.loss,
            **calibrated(logits, self.labels),
            "corrupted": round(statistics.mean(corruptions.values()), 5),
            "corruptions": corruptions,
        }


def test(report: Report, data: mnistcnn.Dataset) -> None:
    """Train on all training images, and read the test images once for each seed."""
    OUT.mkdir(exist_ok=True)
    x, y = mnistcnn.preprocess(*data.train)
    x_test, y_test = mnistcnn.preprocess(*data.test)
    for seed in TEST_SEEDS:
        if report.lacks(seed, "test"):
            model, seconds = trained(BEST, x, y, seed=seed)
            model.save(OUT / f"best-{seed}.keras")
            result = mnistcnn.evaluate(model, x_test, y_test)
            row = {"accuracy": result.accuracy, "right": round(result.accuracy * len(x_test))}
            report.add({"seed": seed, **row, "loss": result.loss, "seconds": seconds}, "test")


def held_out(report: Report, data: mnistcnn.Dataset) -> None:
    """Compare the recipe with plain training."""
    report.content.setdefault("held_out", {})["images"] = HELD_OUT
    x, y, judge = parts(data)
    for seed, recipe in itertools.product(HELD_OUT_SEEDS, (PLAIN, BEST)):
        if report.lacks(seed, "held_out", recipe.name):
            model, seconds = trained(recipe, x, y, seed=seed)
            row = judge(model) | {"seconds": seconds}
            report.add({"seed": seed, **row}, "held_out", recipe.name)


def try_levers(report: Report, data: mnistcnn.Dataset) -> None:
    """Change one setting at a time."""
    report.content.setdefault("levers", {})["epochs"] = LEVER_EPOCHS
    x, y, judge = parts(data)
    for seed, (name, recipe) in itertools.product(HELD_OUT_SEEDS, levers().items()):
        if report.lacks(seed, "levers", "changes", name):
            model, _ = trained(recipe, x, y, seed=seed)
            row = judge(model)
            row.pop("corruptions")
            report.add({"seed": seed, **row}, "levers", "changes", name)


class Clock(keras.callbacks.Callback):
    """Notes when each epoch ends."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the time."""
        del epoch, logs
        self.ends.append(time.perf_counter())


def cost(report: Report, data: mnistcnn.Dataset) -> None:
    """Time epochs with and without distortions, in turns."""
    x, y = mnistcnn.preprocess(*(part[:COST_IMAGES] for part in data.train))
    sides = {"with": replace(BEST, epochs=4), "without": replace(BEST, epochs=4, augmentation=None)}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(COST_TURNS):
        for name, recipe in sides.items():
            clock = Clock()
            model = mnistcnn.build_model(seed=0)
            mnistcnn.train(model, x, y, recipe=recipe, callbacks=[clock], seed=0, verbose=0)
            # The first epoch has the tracing of the graph in it.
            seconds[name].append(statistics.median(np.diff(clock.ends)))
    ratios = [one / other for one, other in zip(*seconds.values(), strict=True)]
    images = {name: round(COST_IMAGES / statistics.median(each)) for name, each in seconds.items()}
    row = {"images_per_second": images, "turns": COST_TURNS, "added": statistics.median(ratios) - 1}
    report.content["cost"] = row
    report.write()
    print("cost", row, flush=True)


def parts(data: mnistcnn.Dataset) -> tuple[Any, Any, Any]:
    """Return the images to train on, preprocessed, and the judge on the others."""
    images, labels = data.train
    x, y = mnistcnn.preprocess(images[:-HELD_OUT], labels[:-HELD_OUT])
    return x, y, Judge(images[-HELD_OUT:], labels[-HELD_OUT:])


def main() -> None:
    """Measure what is not there yet."""
    programs = {"test": test, "held_out": held_out, "levers": try_levers, "cost": cost}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=tuple(programs))
    only = parser.parse_args().only
    report, data = Report(), mnistcnn.load_data(find_data())
    for name, program in programs.items():
        if only in (None, name):
            program(report, data)


if __name__ == "__main__":
    main()
