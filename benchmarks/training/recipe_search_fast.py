"""The choice of the recipe `fast`, on a held-out tenth of the training images.

    python -m benchmarks.training.recipe_search_fast

Every candidate differs from the one that was taken in the settings that are named. It is
trained for one pass over the first 54,000 training images and judged on the last 6,000; the
test images take no part. Figures go to benchmarks/results/recipe_search_fast.json.
"""

import json
import statistics
from dataclasses import replace

import mnistcnn
from benchmarks.harness import RESULTS, find_data
from mnistcnn.recipes import FAST

SEEDS = range(3)
HELD_OUT = 6_000
CANDIDATES = [
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


def main() -> None:
    """Train every candidate with every seed and keep the figures."""
    (x_train, y_train), _ = mnistcnn.load_data(find_data())
    x, y = mnistcnn.preprocess(x_train, y_train)
    rows = []
    for change in CANDIDATES:
        accuracies = []
        for seed in SEEDS:
            model = mnistcnn.build_model(seed=seed)
            mnistcnn.train(
                model,
                x[:-HELD_OUT],
                y[:-HELD_OUT],
                recipe=replace(FAST, **change),
                seed=seed,
                verbose=0,
            )
            accuracies.append(mnistcnn.evaluate(model, x[-HELD_OUT:], y[-HELD_OUT:]).accuracy)
        mean = statistics.mean(accuracies)
        rows.append({"change": change, "mean": mean, "held_out": accuracies})
        print(f"{mean:.2%}  {change or 'fast as it is'}", flush=True)
    report = {"recipe": FAST.to_dict(), "held_out_images": HELD_OUT, "candidates": rows}
    (RESULTS / "recipe_search_fast.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
