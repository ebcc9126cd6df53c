"""How accurate and how robust the recipes `best` and `robust` are, and what each lever gives.

    python -m benchmarks.accuracy.accuracy [--only test held_out levers cost] [--recipe best|robust]

- ``test``: trained on all 60,000 training images, seeds 0 to 4, and judged at the last step
  on the test images, which take part in nothing else.
- ``held_out``: trained on the first 50,000 training images and judged on the other 10,000:
  accuracy, loss, accuracy under the corruptions of `corruptions`, and the temperature that
  calibrates the network; and accuracy on scikit-learn's digits, which other people wrote.
  Beside it the documented training, of all 50,000 images.
- ``levers``: `best` with one setting changed, for fewer passes, on the held-out images.
- ``cost``: what the distortions of `best` add to the time of a step without teachers, with and
  without in turns.

Each figure goes to benchmarks/results/accuracy.json as soon as it is there, and what is there
for the same recipe is not measured again. The networks of ``test`` are kept in
benchmarks/out, where `tools/pretrained/train_weights.py` finds the first of each recipe, and so are teachers, which
the levers share with the recipe. ``--recipe`` leaves out the other one, and with it levers and
cost if that is `best`.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import operator
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

import mnistcnn
from benchmarks.accuracy.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from benchmarks.harness import RESULTS, find_data
from mnistcnn.backend import keras
from mnistcnn.recipes import BASELINE, BEST, ROBUST, Recipe
from mnistcnn.utils.atomic_write import write_text
from mnistcnn.utils.environment import cpu_count, software_versions
from mnistcnn.weights.keras_file import save_model
from tools.pretrained import teacher_cache

HELD_OUT = 10_000
CORRUPTED = 2_000
TEST_SEEDS = range(5)
HELD_OUT_SEEDS = range(3)
LEVER_EPOCHS = 8
COST_IMAGES, COST_TURNS = 20_000, 7
FILE = RESULTS / "accuracy.json"
OUT = Path(__file__).parents[1] / "out"

PLAIN = replace(BASELINE, name="plain", validation_split=0.0, monitor=None)
STILL = {"rotation": 0.0, "shear": 0.0, "scale": 0.0, "translation": 0.0}
PAPER = ("degrade_prob", "max_background", "max_contrast_loss", "texture_std")


def sets() -> dict[str, Recipe]:
    """Return the recipe of each set of weights by its name."""
    return {recipe.name: recipe for recipe in (BEST, ROBUST)}


def levers() -> dict[str, Recipe]:
    """Return `best`, shortened, and its variants by name, each another recipe than the rest."""
    base = shortened(BEST)
    found = {"as it is": base}
    for name, changes in changed(base).items():
        recipe = replace(base, **changes)
        if recipe not in found.values():
            found[name] = recipe
    return found


def shortened(recipe: Recipe) -> Recipe:
    """Return the recipe with fewer epochs; its teachers are as they are."""
    return replace(recipe, epochs=LEVER_EPOCHS)


def changed(base: Recipe) -> dict[str, dict[str, Any]]:
    """Return what each variant changes; some may be as the recipe has it."""
    moved, rate = base.augmentation, base.learning_rate
    assert moved is not None
    assert rate is not None

    def distorted(**changes: float) -> dict[str, Any]:
        return {"augmentation": replace(moved, **changes)}

    # A teacher takes the labels' place, so what changes the labels goes without.
    alone = "" if base.teacher is None else ", no teacher"
    return {
        "no distortion at all": {"augmentation": None},
        "no rotation, shear, scale, shift": distorted(**STILL),
        "no elastic distortion": distorted(elastic_alpha=0.0),
        "no soiled paper": distorted(degrade_prob=0.0),
        "soiled paper as robust has it": distorted(
            **{name: getattr(ROBUST.augmentation, name) for name in PAPER}
        ),
        "no changed strokes": distorted(stroke_prob=0.0),
        "neither soiled paper nor changed strokes": distorted(degrade_prob=0.0, stroke_prob=0.0),
        "changed strokes, 0.3 of the images": distorted(stroke_prob=0.3),
        "Adam alone": {"optimizer": "adam"},
        "twice the learning rate": {"learning_rate": 2 * rate},
        "half the learning rate": {"learning_rate": rate / 2},
        "dropout 0.25": {"dropout": 0.25},
        "no teacher": {"teacher": None},
        "one teacher": {"num_teachers": 1},
        f"label smoothing 0{alone}": {"teacher": None, "label_smoothing": 0.0},
        f"label smoothing 0.1{alone}": {"teacher": None, "label_smoothing": 0.1},
    }


class Report:
    """The file of figures, written after each of them.

    Each place in it has the recipe that its figures were measured with. If that is no longer
    the recipe, the place is emptied.
    """

    def __init__(self) -> None:
        kept = json.loads(FILE.read_text()) if FILE.exists() else {}
        kept_sets, kept_levers = kept.get("sets", {}), kept.get("levers", {}).get("changes", {})
        self.content: dict[str, Any] = {
            "versions": software_versions(),
            "cores": cpu_count(),
            "held_out_images": HELD_OUT,
            "plain": place(PLAIN, kept.get("plain"), "held_out"),
            "sets": {
                name: place(recipe, kept_sets.get(name), "test", "held_out")
                for name, recipe in sets().items()
            },
            "levers": {
                "epochs": LEVER_EPOCHS,
                "changes": {
                    name: place(recipe, kept_levers.get(name), "held_out")
                    for name, recipe in levers().items()
                },
            },
            "cost": place(BEST, kept.get("cost")),
        }

    def at(self, *path: str) -> Any:
        """Return what stands at a place."""
        return functools.reduce(operator.getitem, path, self.content)

    def lacks(self, seed: int, *path: str) -> bool:
        """Tell whether a seed's figures are still to be measured."""
        return all(row["seed"] != seed for row in self.at(*path))

    def write(self) -> None:
        """Write the file."""
        write_text(FILE, json.dumps(self.content, indent=1) + "\n")

    def add(self, row: dict[str, Any], *path: str) -> None:
        """Keep the figures of a run."""
        self.at(*path).append(row)
        self.write()
        shown = {name: value for name, value in row.items() if not isinstance(value, dict)}
        print(*path, shown, flush=True)


def place(recipe: Recipe, kept: dict[str, Any] | None, *parts: str) -> dict[str, Any]:
    """Return the figures that are kept of a recipe, or room for them."""
    # A setting that the file does not know yet had its default.
    same = kept if kept is not None and Recipe.from_dict(kept["recipe"]) == recipe else {}
    return {**{part: [] for part in parts}, **same, "recipe": recipe.to_dict()}


def trained(recipe: Recipe, x: Any, y: Any, *, seed: int) -> tuple[Any, float]:
    """Return a network after its last step, and the seconds that it took with its teachers."""
    model = mnistcnn.build_model(seed=seed)
    started = time.perf_counter()
    with teacher_cache.kept() as saved:
        mnistcnn.train(model, x, y, recipe=recipe, callbacks=[], seed=seed, verbose="auto")
    return model, round(time.perf_counter() - started + saved.seconds, 1)


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
        small = mnistcnn.load_data("digits")
        self.others = mnistcnn.preprocess(
            *(np.concatenate(part) for part in zip(*small, strict=True))
        )
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
            "other_hands": mnistcnn.evaluate(model, *self.others).accuracy,
            "corrupted": round(statistics.mean(corruptions.values()), 5),
            "corruptions": corruptions,
        }


def test(report: Report, data: mnistcnn.Dataset, chosen: dict[str, Recipe]) -> None:
    """Train on all training images, and read the test images once for each seed."""
    x, y = mnistcnn.preprocess(*data.train)
    x_test, y_test = mnistcnn.preprocess(*data.test)
    for seed, (name, recipe) in itertools.product(TEST_SEEDS, chosen.items()):
        if report.lacks(seed, "sets", name, "test"):
            model, seconds = trained(recipe, x, y, seed=seed)
            save_model(model, OUT / f"{name}-{seed}.keras")
            result = mnistcnn.evaluate(model, x_test, y_test)
            row = {"accuracy": result.accuracy, "right": result.num_correct, "loss": result.loss}
            report.add({"seed": seed, **row, "seconds": seconds}, "sets", name, "test")


def held_out(report: Report, data: mnistcnn.Dataset, chosen: dict[str, Recipe]) -> None:
    """Compare the recipes with plain training."""
    x, y, judge = parts(data)
    places = {("plain",): PLAIN} | {("sets", name): recipe for name, recipe in chosen.items()}
    for seed, (path, recipe) in itertools.product(HELD_OUT_SEEDS, places.items()):
        if report.lacks(seed, *path, "held_out"):
            model, seconds = trained(recipe, x, y, seed=seed)
            row = judge(model) | {"seconds": seconds}
            report.add({"seed": seed, **row}, *path, "held_out")


def try_levers(report: Report, data: mnistcnn.Dataset, chosen: dict[str, Recipe]) -> None:
    """Change one setting of `best` at a time."""
    if BEST.name not in chosen:
        return
    x, y, judge = parts(data)
    for seed, (name, recipe) in itertools.product(HELD_OUT_SEEDS, levers().items()):
        path = ("levers", "changes", name, "held_out")
        if report.lacks(seed, *path):
            model, _ = trained(recipe, x, y, seed=seed)
            row = judge(model)
            row.pop("corruptions")
            report.add({"seed": seed, **row}, *path)


class Clock(keras.callbacks.Callback):
    """Notes when each epoch ends."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the time."""
        del epoch, logs
        self.ends.append(time.perf_counter())


def cost(report: Report, data: mnistcnn.Dataset, chosen: dict[str, Recipe]) -> None:
    """Time epochs of `best` with and without distortions, in turns."""
    found = report.at("cost")
    if BEST.name not in chosen or "added" in found:
        return
    x, y = mnistcnn.preprocess(*(part[:COST_IMAGES] for part in data.train))
    # Without its teachers, whose answers would make the step longer and the share smaller.
    alone = replace(BEST, epochs=4, teacher=None)
    sides = {"with": alone, "without": replace(alone, augmentation=None)}
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
    found.update(row)
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
    parser.add_argument(
        "--only", choices=tuple(programs), nargs="+", default=tuple(programs), help="these figures"
    )
    parser.add_argument("--recipe", choices=tuple(sets()), help="figures of this recipe alone")
    options = parser.parse_args()
    chosen = {n: recipe for n, recipe in sets().items() if options.recipe in (None, n)}
    report, data = Report(), mnistcnn.load_data(find_data())
    for name, program in programs.items():
        if name in options.only:
            program(report, data, chosen)


if __name__ == "__main__":
    main()
