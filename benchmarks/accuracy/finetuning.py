"""Fine-tuning on 100 labeled digits of other writers: what is learned, and what is forgotten.

    python -m benchmarks.accuracy.finetuning [--search]

The pretrained network "best" is fine-tuned on 100 of scikit-learn's digits, ten of each class, and
evaluated on the other ones and on MNIST's test images. With ``--search``, the settings of the
recipe ``finetune`` are compared with others instead. To choose them, the first half of the digits
and the last 3,000 training images of MNIST are used; for the result the second half and the test
images.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import mnistcnn
from benchmarks.harness import (
    argument_parser,
    mnist_file,
    package_versions,
    parse_args,
    write_results,
)
from mnistcnn.recipes import FINETUNE, Recipe

WEIGHTS = "best"
IMAGES, SEEDS, SEARCH_SEEDS = 100, 5, 3
SEARCH_MNIST = 3_000
VARIANTS = {
    "finetune": FINETUNE,
    "early stopping on 20 of the images": replace(FINETUNE, validation_split=0.2),
    "all layers": replace(FINETUNE, freeze_convolutions=False),
}


class Data(NamedTuple):
    """Digits to learn from and to be evaluated on, and images of MNIST."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    mnist: tuple[NDArray[np.float32], NDArray[np.float32]]


def measure(recipe: Recipe, data: Data, seed: int) -> dict[str, float]:
    """Fine-tune on `IMAGES` digits; return the accuracy on the others and on MNIST."""
    model = mnistcnn.load_pretrained(WEIGHTS)
    chosen = labeled_images(data.y, seed)
    history = mnistcnn.train(
        model, data.x[chosen], data.y[chosen], recipe=recipe, seed=seed, verbose=0
    )
    return {
        "seed": seed,
        "epochs": len(history.history["loss"]),
        "digits": mnistcnn.evaluate(model, data.x[~chosen], data.y[~chosen]).accuracy,
        "mnist": mnistcnn.evaluate(model, *data.mnist).accuracy,
    }


def labeled_images(y: NDArray[np.float32], seed: int) -> NDArray[np.bool_]:
    """Return which images are labeled: the same number of each class, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(y))
    chosen = np.zeros(len(y), bool)
    for label in range(y.shape[1]):
        of_class = order[y[order].argmax(axis=1) == label]
        chosen[of_class[: IMAGES // y.shape[1]]] = True
    return chosen


def summarize_runs(runs: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Return mean and standard deviation over the seeds, and the runs."""
    summary: dict[str, Any] = {"runs": list(runs)}
    for name in ("digits", "mnist"):
        values = [run[name] for run in runs]
        deviation = statistics.stdev(values) if len(values) > 1 else 0.0
        summary[name] = {"mean": statistics.mean(values), "std": deviation}
    return summary


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the results."""
    parser = argument_parser(__doc__, "finetuning.json")
    parser.add_argument("--search", action="store_true", help="compare settings, on other images")
    options = parse_args(parser, argv)
    mnist = mnistcnn.load_data(mnist_file(smoke=options.smoke))
    train, test = mnistcnn.load_data("digits")
    x, y = mnistcnn.preprocess(*(np.concatenate(pair) for pair in zip(train, test, strict=True)))
    half = len(x) // 2
    report: dict[str, Any] = {}
    if options.output.exists():
        report = json.loads(options.output.read_text())
    report |= {
        "versions": package_versions("keras", "tensorflow", "numpy"),
        "weights": WEIGHTS,
        "labeled_images": IMAGES,
    }
    if options.search or options.smoke:
        held_out = mnistcnn.preprocess(*(each[-SEARCH_MNIST:] for each in mnist.train))
        data = Data(x[:half], y[:half], held_out)
        report["search"] = run_all(
            {FINETUNE.name: FINETUNE} if options.smoke else VARIANTS,
            data,
            seeds=1 if options.smoke else SEARCH_SEEDS,
            smoke=options.smoke,
        )
    if not options.search:
        data = Data(x[half:], y[half:], mnistcnn.preprocess(*mnist.test))
        report["test"] = run_all(
            {FINETUNE.name: FINETUNE},
            data,
            seeds=1 if options.smoke else SEEDS,
            smoke=options.smoke,
        )
    write_results(options.output, report)


def run_all(recipes: dict[str, Recipe], data: Data, *, seeds: int, smoke: bool) -> dict[str, Any]:
    """Return the accuracies before fine-tuning, and after it by each recipe."""
    model = mnistcnn.load_pretrained(WEIGHTS)
    before = {
        "digits": mnistcnn.evaluate(model, data.x, data.y).accuracy,
        "mnist": mnistcnn.evaluate(model, *data.mnist).accuracy,
    }
    print("before", before, flush=True)
    after = {}
    for name, recipe in recipes.items():
        settings = replace(recipe, epochs=1) if smoke else recipe
        after[name] = summarize_runs([measure(settings, data, seed) for seed in range(seeds)])
        print(name, after[name]["digits"], after[name]["mnist"], flush=True)
    counts = {"digits": len(data.x) - IMAGES, "mnist": len(data.mnist[0])}
    return {"images": counts, "before": before, "after": after}


if __name__ == "__main__":
    main()
