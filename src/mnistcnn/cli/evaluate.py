"""What ``mnistcnn evaluate`` and ``mnistcnn compare`` do, and evaluations for other commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.cli import common, loading
from mnistcnn.cli.stored_evaluation import evaluate_source

if TYPE_CHECKING:
    from rich.console import Console

    from mnistcnn import Evaluation


def evaluate(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate the file of a network, or shipped weights."""
    console = common.new_console()
    loading.check_model(options.model)
    _, test, data = loading.load(options.data, console)
    result = evaluate_source(loading.resolve_model(options.model), test)
    show(result, console)
    report = {
        "versions": common.versions(),
        "data": data,
        "model": options.model,
        "test": result.to_dict(),
    }
    if options.output:
        common.save_json(options.output / "evaluation.json", report)
        common.save_figure(
            options.output / "confusion_matrix.png", mnistcnn.plot_confusion_matrix(result)
        )
    return report


def show(result: Evaluation, console: Console) -> None:
    """Print an evaluation: in a terminal as a table, elsewhere as plain text."""
    console.print(result if console.is_terminal else str(result))
