"""The arguments of the commands that look at results: compare, plot and report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mnistcnn.cli.common import min_int
from mnistcnn.cli.compare import compare
from mnistcnn.cli.plot import plot
from mnistcnn.cli.report import report

_MODEL = "the file of a network, or the word best or robust"
_SOURCE = (
    f"{_MODEL}; or result.json or evaluation.json, or their folder, for the evaluation kept there"
)


def add(commands: Any, data: argparse.ArgumentParser, shared: argparse.ArgumentParser) -> None:
    """Add the commands."""
    compare_parser = commands.add_parser(
        "compare",
        parents=[data, shared],
        help="tell whether one network is better than another",
        description="Evaluate two networks on the same test images and compare them by McNemar's "
        "exact test. Of evaluations that were kept the data are not needed.",
    )
    compare_parser.add_argument("a", metavar="A", help=_SOURCE)
    compare_parser.add_argument("b", metavar="B", help="the other one, likewise")
    compare_parser.set_defaults(action=compare)

    plot_parser = commands.add_parser(
        "plot",
        help="draw a picture of a training, a result or a network",
        description="Draw one picture and write it as PNG, SVG or PDF. "
        "'mnistcnn plot KIND --help' shows what a kind takes.",
    )
    kinds = plot_parser.add_subparsers(title="kinds", required=True, metavar="KIND", dest="kind")
    for name, text, of, options in (
        ("history", "loss and accuracy over the epochs", "run", ()),
        ("confusion-matrix", "which digits were taken for which", "source", ("data",)),
        ("mistakes", "the images that were read wrong", "source", ("data", "most")),
        ("reliability", "how often answers of a given confidence are right", "source", ("data",)),
        ("filters", "the weights of both convolutions", "model", ()),
        ("activations", "what both convolutions find in an image", "model", ("data", "image")),
        ("digits", "images of a data set with their labels", None, ("data", "part", "most")),
    ):
        _add_kind(kinds, name, text, of, options, data=data, shared=shared)

    report_parser = commands.add_parser(
        "report",
        parents=[data, shared],
        help="write a page about a network: figures, mistakes, pictures",
        description="Evaluate a network on the test images and write one HTML page that needs "
        "nothing else, no network either: figures, mistakes, calibration and, if result.json of "
        "the training lies beside the file, how it was trained.",
    )
    report_parser.add_argument("model", metavar="MODEL", help=_MODEL)
    report_parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE.html",
        default=Path("report.html"),
        help="where the page goes (default: %(default)s)",
    )
    report_parser.set_defaults(action=report)


def _add_kind(
    kinds: Any,
    name: str,
    text: str,
    of: str | None,
    options: tuple[str, ...],
    *,
    data: argparse.ArgumentParser,
    shared: argparse.ArgumentParser,
) -> None:
    parents = [data, shared] if "data" in options else [shared]
    kind = kinds.add_parser(name, parents=parents, help=text, description=f"Draw {text}.")
    if of == "run":
        kind.add_argument("run", metavar="RUN", help="the result.json of a training, or its folder")
    elif of is not None:
        kind.add_argument("model", metavar="MODEL", help=_SOURCE if of == "source" else _MODEL)
    if "image" in options:
        kind.add_argument(
            "--image",
            type=min_int(0),
            default=0,
            metavar="N",
            help="which of the test images, from 0 (default: %(default)s)",
        )
    if "part" in options:
        kind.add_argument(
            "--part", choices=("train", "test"), default="test", help="default: %(default)s"
        )
    if "most" in options:
        kind.add_argument(
            "--max-images",
            type=min_int(1),
            default=40,
            metavar="N",
            help="how many are drawn at most (default: %(default)s)",
        )
    kind.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help=f"ends in .png, .svg or .pdf (default: {name}.png)",
    )
    kind.set_defaults(action=plot)
