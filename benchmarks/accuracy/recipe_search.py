"""The candidates among which `best` and `robust` were chosen, on held-out images.

    python -m benchmarks.accuracy.recipe_search [NAME ...]

benchmarks/results/recipe_search.json holds each candidate: its recipe, its seed, and its metrics
on the last 10,000 training images after training on the other 50,000, collected while the recipes
were developed. The named candidates are measured again and printed beside the saved metrics;
``--save`` writes the new ones. To try a new candidate, add an entry with its recipe alone.
``evaluated_on_test_set`` lists what was also evaluated on the test images before the recipes were
settled.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace

import mnistcnn
from benchmarks.accuracy.held_out import split_held_out, train_model
from benchmarks.harness import RESULTS, argument_parser, mnist_file, parse_args, write_results
from mnistcnn.recipes import Recipe

FILE = "recipe_search.json"
METRICS = ("accuracy", "calibrated_loss", "corrupted")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure the named candidates, and those without metrics."""
    parser = argument_parser(__doc__, FILE)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a candidate to measure again")
    parser.add_argument("--save", action="store_true", help="write the new metrics")
    options = parse_args(parser, argv)
    if options.output != RESULTS / FILE:
        shutil.copy(RESULTS / FILE, options.output)
    content = json.loads(options.output.read_text())
    names = options.names or ([content["candidates"][0]["recipe"]["name"]] * options.smoke)
    x, y, evaluator = split_held_out(mnistcnn.load_data(mnist_file(smoke=options.smoke)))
    for candidate in content["candidates"]:
        name, is_new = candidate["recipe"]["name"], "accuracy" not in candidate
        if is_new or name in names:
            recipe = Recipe.from_dict(candidate["recipe"])
            if options.smoke:
                recipe = replace(recipe, epochs=1)
            model, _ = train_model(recipe, x, y, seed=candidate["seed"])
            measured = {key: value for key, value in evaluator(model).items() if key in METRICS}
            saved = {key: candidate[key] for key in METRICS if key in candidate}
            print(name, "saved", saved, "measured", measured, flush=True)
            if is_new or options.save:
                candidate.update(measured)
                write_results(options.output, content)


if __name__ == "__main__":
    main()
