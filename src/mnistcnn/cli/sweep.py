"""The command ``mnistcnn sweep``: train with several seeds and summarize the accuracies."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import mnistcnn
from mnistcnn.cli import arguments, common, loading, recipe_options
from mnistcnn.utils.requirements import require
from mnistcnn.utils.text import escape

_MAX_SEEDS = 10_000


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "sweep",
        parents=[arguments.data_arguments(auto=True), arguments.json_arguments()],
        help="train with several seeds; report mean accuracy and its confidence interval",
        description="Train each recipe with each seed, several runs in parallel, and evaluate "
        "each model on the test images. FOLDER receives a file for each finished run; existing "
        "runs are not repeated, so the same command resumes an interrupted sweep.",
    )
    parser.add_argument(
        "--seeds",
        type=parse_seeds,
        required=True,
        metavar="SEEDS",
        help="integers and ranges, such as 0-9 or 0,3,7-9",
    )
    parser.add_argument(
        "--recipe",
        type=arguments.recipe_name,
        choices=arguments.RECIPES,
        nargs="+",
        default=["baseline"],
        help="one or more recipes (default: baseline)",
    )
    arguments.add_recipe_overrides(parser)
    recipe_options.add_recipe_options(parser)
    backend = parser.add_mutually_exclusive_group()
    backend.add_argument(
        "--processes",
        type=arguments.min_int(1),
        metavar="N",
        help="number of runs in parallel (default: one per core)",
    )
    backend.add_argument(
        "--ray",
        metavar="ADDRESS|auto|local",
        help="train on this Ray cluster instead; requires the extra ray",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        default=Path("mnistcnn-sweep"),
        help="write the files here (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def parse_seeds(text: str) -> list[int]:
    """Return the integers that, for example, ``0,3,7-9`` lists."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise argparse.ArgumentTypeError(
                f"must be integers and ranges such as 0-9 or 0,3,7-9; received {text!r}"
            )
        end = int(last) if dash else int(first)
        if not 0 <= end - int(first) < _MAX_SEEDS:
            raise argparse.ArgumentTypeError(
                f"a range must ascend and hold at most {_MAX_SEEDS:,} integers; received {part!r}"
            )
        seeds += range(int(first), end + 1)
    if len(set(seeds)) < len(seeds):
        raise argparse.ArgumentTypeError(f"must be distinct integers; received {text!r}")
    return seeds


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Train with each seed and summarize the accuracies."""
    from mnistcnn.cli.train import DIGITS_EPOCHS

    require(options.command_name, "keras")
    console = common.new_console()
    summary_path = options.output / "sweep.json"
    check_summary = partial(
        common.check_outputs,
        [summary_path],
        loading.data_files(options.data, options.test_data),
        named=False,
    )
    check_summary()
    changes = recipe_options.overrides(options)
    if len(options.recipe) > 1:
        changes.pop("name", None)  # each keeps its own, by which runs are distinguished
    recipes = [recipe_options.resolve_recipe(name, changes) for name in options.recipe]
    dataset, data = loading.load_dataset(options, console, tensorflow=False)
    epochs = None
    if "epochs" not in changes and data["source"] == "digits":
        epochs = DIGITS_EPOCHS
        console.print(f"Epochs: at most {epochs}, because the dataset is small.")
    try:
        result = mnistcnn.sweep(
            dataset,
            seeds=options.seeds,
            recipe=recipes,
            epochs=epochs,
            processes=options.processes,
            ray=options.ray,
            output=options.output,
        )
    except (ModuleNotFoundError, RuntimeError) as error:  # documented by sweep
        raise common.CommandError(escape(error, limit=1000)) from error
    console.print(str(result))
    console.print(f"In {escape(options.output)}: a file for each run, and sweep.json.")
    report = {
        "command": options.command,
        "versions": common.versions(),
        "data": data,
        "summaries": [summary.to_dict() for summary in result.summaries],
    }
    check_summary()
    common.save_json(summary_path, report)
    return report | {"runs": [sweep_run.to_dict() for sweep_run in result.runs]}
