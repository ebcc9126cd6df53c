"""The command ``mnistcnn data``: report what a data set holds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistcnn
from mnistcnn.cli import arguments, common, loading
from mnistcnn.cli.plot import SUFFIXES
from mnistcnn.utils.requirements import require
from mnistcnn.utils.text import escape

if TYPE_CHECKING:
    from rich.console import Console

    from mnistcnn.data.description import DatasetDescription


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "data",
        parents=[arguments.json_arguments()],
        help="report the format, classes and values of a dataset",
        description="Report what a dataset holds: format, number of images, classes, range of "
        "values, and what looks wrong. A path may be an .npz, IDX or CSV file, a zip archive of "
        "these, or a folder.",
    )
    parser.add_argument("source", metavar="DATA", help="a path, or a dataset by name")
    arguments.add_transpose(parser)
    parser.add_argument(
        "--contact-sheet",
        type=Path,
        metavar="FILE",
        help="write images of each class to a .png, .svg or .pdf file",
    )
    parser.set_defaults(run=run, output_is_result=True)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Describe the dataset and, if requested, write a contact sheet."""
    from mnistcnn.utils.validation import check_path

    sheet: Path | None = options.contact_sheet
    inputs = loading.data_files(options.source)
    if sheet is not None:
        require("--contact-sheet", "matplotlib")
        check_path("--contact-sheet", sheet, suffixes=SUFFIXES)
        common.check_outputs([sheet], inputs, named=True)
    description = _describe(options)
    console = common.new_console()
    _print(description, options.source, console)
    report = {"source": options.source, **description.to_dict()}
    if sheet is not None:
        from mnistcnn.plotting.contact_sheet import plot_contact_sheet

        part = next(iter(description.parts.values()))
        figure = plot_contact_sheet(part.split, description.class_names)
        common.check_outputs([sheet], inputs, named=True)
        common.save_figure(sheet, figure)
        console.print(f"{escape(sheet)}: contact sheet")
        report["contact_sheet"] = str(sheet)
    return report


def _describe(options: argparse.Namespace) -> DatasetDescription:
    from mnistcnn.data.catalog import NAMED_DATASETS
    from mnistcnn.data.description import describe_dataset, describe_file

    source = options.source
    if source == "digits" or source in NAMED_DATASETS or not Path(source).exists():
        dataset = mnistcnn.load_data(source)  # reports an unknown name
        return describe_dataset(source, dataset)
    return describe_file(Path(source), transpose=options.transpose)


def _print(description: DatasetDescription, source: str, console: Console) -> None:
    console.print(f"{escape(source)}: {description.format}")
    width = max(len(name) for name in ("images", *description.class_names))
    reports = description.to_dict()["parts"]
    console.print(" " * width, *(f"{name:>10}" for name in reports))
    console.print(f"{'images':>{width}}", *(f"{part['images']:>10,}" for part in reports.values()))
    for name in description.class_names:
        counts = (f"{part['classes'][name]:>10,}" for part in reports.values())
        console.print(f"{escape(name):>{width}}", *counts)
    for name, part in reports.items():
        low, high = part["values"]
        console.print(f"{name}: {part['stored']}, values {low:g}...{high:g}")
    for note in description.notes:
        console.print(f"Note: {escape(note)}")
