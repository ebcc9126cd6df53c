"""Search for the recipe `fast`, validated on the last tenth of the training images.

    python -m benchmarks.training.recipe_search_fast

Every candidate is the chosen recipe with the named fields changed. It trains for one epoch on the
first 54,000 training images and is validated on the last 6,000; the test images are not used.
Needs MNIST. Results go to benchmarks/results/recipe_search_fast.json.
"""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import mnistcnn
from benchmarks.harness import argument_parser, mnist_file, parse_args, write_results
from mnistcnn.recipes import FAST

SEEDS = range(3)
VALIDATION_IMAGES = 6_000
CANDIDATES: list[dict[str, Any]] = [
    {},
    {"label_smoothing": 0.0},
    {"label_smoothing": 0.2},
    {"dropout": 0.25},
    {"beta_1": 0.9, "beta_2": 0.95},
    {"beta_1": 0.9, "beta_2": 0.999},
    {"batch_size": 64, "learning_rate": 0.007},
    {"batch_size": 256, "learning_rate": 0.014},
    {"learning_rate": 0.005},
    {"learning_rate": 0.02},
    {"warmup": 0.1},
    {"warmup": 0.4},
]


def validation_accuracy(x: Any, y: Any, changes: dict[str, Any], *, size: int, seed: int) -> float:
    """Train a candidate and return its accuracy on the last `size` images."""
    model = mnistcnn.build_model(seed=seed)
    recipe = replace(FAST, **changes)
    mnistcnn.train(model, x[:-size], y[:-size], recipe=recipe, seed=seed, verbose=0)
    return mnistcnn.evaluate(model, x[-size:], y[-size:]).accuracy


def main(argv: Sequence[str] | None = None) -> None:
    """Train every candidate with every seed and save the accuracies."""
    options = parse_args(argument_parser(__doc__, "recipe_search_fast.json"), argv)
    (x_train, y_train), _ = mnistcnn.load_data(mnist_file(smoke=options.smoke))
    x, y = mnistcnn.preprocess(x_train, y_train)
    candidates, seeds = (CANDIDATES[:2], SEEDS[:1]) if options.smoke else (CANDIDATES, SEEDS)
    size = len(x) // 10 if options.smoke else VALIDATION_IMAGES
    rows = []
    for changes in candidates:
        accuracies = [validation_accuracy(x, y, changes, size=size, seed=seed) for seed in seeds]
        mean = statistics.mean(accuracies)
        rows.append({"changes": changes, "mean": mean, "accuracies": accuracies})
        print(f"{mean:.2%}  {changes or 'fast, unchanged'}", flush=True)
    report = {"recipe": FAST.to_dict(), "validation_images": size, "candidates": rows}
    write_results(options.output, report)


if __name__ == "__main__":
    main()
