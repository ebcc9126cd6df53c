"""What ``mnistcnn sweep`` does, and its arguments."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import mnistcnn
from mnistcnn.cli import common, loading
from mnistcnn.cli.common import min_int

_MAX_SEEDS = 10_000


def add(
    commands: Any, data: argparse.ArgumentParser, shared: argparse.ArgumentParser, recipes: Any
) -> None:
    """Add the command."""
    sweep = commands.add_parser(
        "sweep",
        parents=[data, shared],
        help="train with many seeds, and tell the mean accuracy and its interval",
        description="Train by each recipe with each seed, several at a time, and evaluate each "
        "network on the test images. FOLDER gets a file for each run as it ends; runs that are "
        "there already are not done again, so a sweep that was stopped goes on where it was.",
    )
    sweep.add_argument(
        "--seeds",
        type=seeds,
        required=True,
        metavar="SEEDS",
        help="integers and ranges of them, such as 0-9 or 0,3,7-9",
    )
    sweep.add_argument(
        "--recipe",
        choices=recipes,
        nargs="+",
        default=["baseline"],
        help="one or several (default: baseline)",
    )
    sweep.add_argument("--epochs", type=min_int(1), help="in place of the recipe's")
    sweep.add_argument("--batch-size", type=min_int(1), help="in place of the recipe's")
    place = sweep.add_mutually_exclusive_group()
    place.add_argument(
        "--processes",
        type=min_int(1),
        metavar="N",
        help="how many train at a time (default: one for each core)",
    )
    place.add_argument(
        "--ray",
        metavar="ADDRESS|auto|local",
        help="train on this Ray cluster instead; needs the extra ray",
    )
    sweep.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        default=Path("mnistcnn-sweep"),
        help="where the files go (default: %(default)s)",
    )
    sweep.set_defaults(action=run)


def seeds(text: str) -> list[int]:
    """Return the numbers that ``0,3,7-9`` stands for."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise argparse.ArgumentTypeError(
                f"must be integers and ranges such as 0-9 or 0,3,7-9; received {text!r}"
            )
        end = int(last) if dash else int(first)
        if not 0 <= end - int(first) < _MAX_SEEDS:
            raise argparse.ArgumentTypeError(
                f"a range must go up, over at most {_MAX_SEEDS:,} numbers; received {part!r}"
            )
        found += range(int(first), end + 1)
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"must be different numbers; received {text!r}")
    return found


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Train with each seed, and tell how far the results lie apart."""
    from mnistcnn.cli.train import DIGITS_EPOCHS

    console = common.new_console()
    *dataset, data = loading.load(options.data, console, tensorflow=False)
    epochs = options.epochs
    if epochs is None and data["source"] == "digits":
        epochs = DIGITS_EPOCHS
        console.print(f"Epochs: at most {epochs}, since the set is small.")
    try:
        found = mnistcnn.sweep(
            mnistcnn.Dataset(*dataset),
            seeds=options.seeds,
            recipe=options.recipe,
            epochs=epochs,
            batch_size=options.batch_size,
            processes=options.processes,
            ray=options.ray,
            output=options.output,
        )
    except (ModuleNotFoundError, RuntimeError) as error:  # as sweep documents them
        raise common.CommandError(str(error)) from error
    console.print(str(found))
    console.print(f"In {options.output}: a file for each run, and sweep.json.")
    report = {
        "command": options.command,
        "versions": common.versions(),
        "data": data,
        "figures": [each.to_dict() for each in found.figures],
    }
    common.save_json(options.output / "sweep.json", report)
    return report | {"runs": [each.to_dict() for each in found.runs]}
