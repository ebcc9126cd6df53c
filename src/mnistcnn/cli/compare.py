"""The command ``mnistcnn compare``: test whether one model is better than another."""

from __future__ import annotations

import argparse
from typing import Any

import mnistcnn
from mnistcnn.cli import arguments, common, loading
from mnistcnn.cli.stored_evaluation import check_source, evaluation_file, load_evaluation
from mnistcnn.utils.text import escape


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "compare",
        parents=[arguments.data_arguments(), arguments.json_arguments()],
        help="test whether one model is better than another",
        description="Evaluate two models on the same test images and compare them with McNemar's "
        "exact test. Saved evaluations are compared without the dataset.",
    )
    parser.add_argument("a", metavar="A", help=arguments.SOURCE_HELP)
    parser.add_argument("b", metavar="B", help="the model or saved evaluation to compare with")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Compare two models on the same images, or two saved evaluations."""
    console = common.new_console()
    sources = [options.a, options.b]
    for source in sources:
        check_source(source)
    report: dict[str, Any] = {"versions": common.versions(), "a": options.a, "b": options.b}
    dataset = None
    if any(evaluation_file(source) is None for source in sources):
        dataset, report["data"] = loading.load_dataset(
            options, console, tensorflow=loading.has_keras()
        )
    a, b = (load_evaluation(source, dataset) for source in sources)
    result = mnistcnn.compare(a, b)
    for name, source, evaluation in (("a", options.a, a), ("b", options.b, b)):
        low, high = evaluation.accuracy_ci
        console.print(
            f"{name}: {escape(source)}, accuracy {evaluation.accuracy:.2%} "
            f"(95 % CI {low:.2%} to {high:.2%})"
        )
    console.print(str(result))
    return report | {"accuracy": {"a": a.accuracy, "b": b.accuracy}, **result.to_dict()}
