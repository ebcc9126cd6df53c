"""Accuracy and robustness of the recipes `best` and `robust`, and an ablation of `best`.

    python -m benchmarks.accuracy.accuracy [--only PART ...] [--recipe best|robust]

- ``test``: trained on all 60,000 training images with seeds 0 to 4, and evaluated on the test
  images after the last step.
- ``held_out``: trained on the first 50,000 training images and evaluated on the other 10,000:
  accuracy, loss, accuracy under the corruptions of `corruptions`, and the temperature that
  calibrates the network; and accuracy on scikit-learn's digits, by other writers. Beside it
  plain training: the baseline settings on all 50,000 images.
- ``ablation``: `best` with one setting changed and fewer epochs, on the held-out images.
- ``cost``: what the augmentation of `best` adds to the time of a step without teachers.

Needs MNIST. Each result goes to benchmarks/results/accuracy.json at once, and what the file has
for the same recipe is not measured again. The networks of ``test`` are saved in benchmarks/out,
where `tools.pretrained.train_weights` finds the first of each recipe, and so are teachers, which
the variants of the ablation share. ``--recipe`` measures one recipe alone; ablation and cost
belong to `best`.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import mnistcnn
from benchmarks import harness
from benchmarks.accuracy.ablation_variants import UNCHANGED, ablation_variants
from benchmarks.accuracy.held_out import split_held_out, train_model
from benchmarks.accuracy.results_file import AccuracyResults
from benchmarks.epoch_timer import EpochTimer
from benchmarks.harness import argument_parser, parse_args
from mnistcnn.recipes import BASELINE, BEST, FAST, ROBUST, Recipe
from mnistcnn.weights.keras_file import save_model

TEST_SEEDS = range(5)
HELD_OUT_SEEDS = range(3)
COST_IMAGES, COST_EPOCHS, COST_TURNS = 20_000, 4, 7
PLAIN = replace(BASELINE, name="plain", validation_split=0.0, monitor=None)
PARTS = ("test", "held_out", "ablation", "cost")


class Run(NamedTuple):
    """What a call of the benchmark measures."""

    results: AccuracyResults
    data: mnistcnn.Dataset
    recipes: dict[str, Recipe]
    plain: Recipe
    variants: dict[str, Recipe]
    networks: Path
    smoke: bool


def measure_test(run: Run) -> None:
    """Train on all training images, and evaluate each seed on the test images once."""
    x, y = mnistcnn.preprocess(*run.data.train)
    x_test, y_test = mnistcnn.preprocess(*run.data.test)
    seeds = TEST_SEEDS[:1] if run.smoke else TEST_SEEDS
    for seed, (name, recipe) in itertools.product(seeds, run.recipes.items()):
        if run.results.is_missing(seed, "recipes", name, "test"):
            model, seconds = train_model(recipe, x, y, seed=seed)
            save_model(model, run.networks / f"{name}-{seed}.keras")
            result = mnistcnn.evaluate(model, x_test, y_test)
            metrics = {
                "accuracy": result.accuracy,
                "correct": result.num_correct,
                "loss": result.loss,
            }
            row = {"seed": seed, **metrics, "seconds": seconds}
            run.results.add(row, "recipes", name, "test")


def measure_held_out(run: Run) -> None:
    """Compare the recipes with plain training on held-out images."""
    x, y, evaluator = split_held_out(run.data)
    paths = {("plain",): run.plain}
    paths |= {("recipes", name): recipe for name, recipe in run.recipes.items()}
    seeds = HELD_OUT_SEEDS[:1] if run.smoke else HELD_OUT_SEEDS
    for seed, (path, recipe) in itertools.product(seeds, paths.items()):
        if run.results.is_missing(seed, *path, "held_out"):
            model, seconds = train_model(recipe, x, y, seed=seed)
            row = {"seed": seed, **evaluator(model), "seconds": seconds}
            run.results.add(row, *path, "held_out")


def measure_ablation(run: Run) -> None:
    """Change one setting of `best` at a time."""
    if BEST.name not in run.recipes:
        return
    x, y, evaluator = split_held_out(run.data)
    seeds = HELD_OUT_SEEDS[:1] if run.smoke else HELD_OUT_SEEDS
    for seed, (name, recipe) in itertools.product(seeds, run.variants.items()):
        path = ("ablation", "variants", name, "held_out")
        if run.results.is_missing(seed, *path):
            model, _ = train_model(recipe, x, y, seed=seed)
            metrics = evaluator(model)
            del metrics["corruptions"]
            run.results.add({"seed": seed, **metrics}, *path)


def measure_cost(run: Run) -> None:
    """Time epochs of `best` with and without augmentation, in turns."""
    saved = run.results.at("cost")
    if BEST.name not in run.recipes or "slowdown" in saved:
        return
    images, turns = (256, 1) if run.smoke else (COST_IMAGES, COST_TURNS)
    x, y = mnistcnn.preprocess(*(array[:images] for array in run.data.train))
    # Without teachers, which would make the step longer and the share of augmentation smaller.
    base = replace(run.recipes[BEST.name], epochs=COST_EPOCHS, teacher=None)
    sides = {
        "with_augmentation": base,
        "without_augmentation": replace(base, augmentation=None),
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(turns):
        for name, recipe in sides.items():
            timer = EpochTimer()
            model = mnistcnn.build_model(seed=0)
            mnistcnn.train(model, x, y, recipe=recipe, callbacks=[timer], seed=0, verbose=0)
            seconds[name].append(statistics.median(timer.seconds))
    ratios = [one / other for one, other in zip(*seconds.values(), strict=True)]
    rates = {name: round(len(x) / statistics.median(each)) for name, each in seconds.items()}
    row = {
        "images_per_second": rates,
        "turns": turns,
        "slowdown": statistics.median(ratios) - 1,
    }
    saved.update(row)
    run.results.write()
    print("cost", row, flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what the results file lacks."""
    recipes, plain = {recipe.name: recipe for recipe in (BEST, ROBUST)}, PLAIN
    parser = argument_parser(__doc__, "accuracy.json")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="these parts")
    parser.add_argument("--recipe", choices=tuple(recipes), help="this recipe alone")
    options = parse_args(parser, argv)
    variants = ablation_variants(BEST, ROBUST)
    if options.smoke:  # one short epoch, distilled from a teacher of one epoch
        teacher = replace(FAST, name="teacher")
        recipes = {
            name: replace(recipe, epochs=1, teacher=recipe.teacher and teacher)
            for name, recipe in recipes.items()
        }
        plain = replace(PLAIN, epochs=1)
        variants = {UNCHANGED: recipes[BEST.name]}
    results = AccuracyResults(
        options.output,
        plain=plain,
        recipes=recipes,
        variants=variants,
        cost=recipes[BEST.name],
    )
    selected = {n: recipe for n, recipe in recipes.items() if options.recipe in (None, n)}
    run = Run(
        results,
        mnistcnn.load_data(harness.mnist_file(smoke=options.smoke)),
        selected,
        plain,
        variants,
        options.output.parent / "networks" if options.smoke else harness.OUT,
        options.smoke,
    )
    measures = (measure_test, measure_held_out, measure_ablation, measure_cost)
    for name, measure in zip(PARTS, measures, strict=True):
        if name in options.only:
            measure(run)


if __name__ == "__main__":
    main()
