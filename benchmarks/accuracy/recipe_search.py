"""The candidates among which `best` and `robust` were found, on held-out images.

    python -m benchmarks.accuracy.recipe_search [NAME ...]

benchmarks/results/recipe_search.json holds each candidate: its recipe, its seed, and what it reached
on the last 10,000 training images after training on the other 50,000. It was gathered while
the recipes were in the making. Named candidates are measured again as `accuracy` measures, and
shown beside what is kept; ``--keep`` writes the new figures. A new candidate is a new entry
in the file, with its recipe alone. Under ``read_on_test_images`` stands what was read on the test
images, too, before the recipes were settled.
"""

from __future__ import annotations

import argparse
import json

import mnistcnn
from benchmarks.accuracy.accuracy import parts, trained
from benchmarks.harness import RESULTS, find_data
from mnistcnn.recipes import Recipe

FILE = RESULTS / "recipe_search.json"
FIGURES = ("accuracy", "calibrated_loss", "corrupted")


def main() -> None:
    """Measure what was asked for, and what has no figures yet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a candidate to measure again")
    parser.add_argument("--keep", action="store_true", help="write the new figures")
    options = parser.parse_args()
    content = json.loads(FILE.read_text())
    candidates = content["candidates"]
    x, y, judge = parts(mnistcnn.load_data(find_data()))
    for candidate in candidates:
        name, new = candidate["recipe"]["name"], "accuracy" not in candidate
        if new or name in options.names:
            model, _ = trained(Recipe.from_dict(candidate["recipe"]), x, y, seed=candidate["seed"])
            found = {key: value for key, value in judge(model).items() if key in FIGURES}
            kept = {key: candidate[key] for key in FIGURES if key in candidate}
            print(name, "kept", kept, "found", found, flush=True)
            if new or options.keep:
                candidate.update(found)
                FILE.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
