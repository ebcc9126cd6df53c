"""The command ``mnistcnn sheet``: print forms for handwriting, and read photos of them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistcnn.cli import arguments, common
from mnistcnn.utils.text import escape

if TYPE_CHECKING:
    from mnistcnn.sheets.results import SheetReading

_FORM, _DATASET = Path("sheet.pdf"), Path("digits.npz")
_PAPERS = ("a4", "letter")
_PRINT_OPTIONS: dict[str, Any] = {"paper": "a4", "page": 1, "pages": 1}


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "sheet",
        parents=[arguments.json_arguments()],
        help="print a form for handwritten digits, and read photos of it",
        description="Write a form to print, on which people write digits; or, with --read, turn "
        "photos or scans of filled-in forms into a labeled dataset. Boxes that can't be read are "
        "listed with the reason. If a photo can't be read, the remaining ones are still processed "
        "and the exit code is 1.",
    )
    parser.add_argument(
        "--read", nargs="+", type=Path, metavar="PHOTO", help="photos of filled-in forms to read"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help=f"the form, .pdf or .png (default: {_FORM}); with --read the dataset, .npz "
        f"(default: {_DATASET})",
    )
    parser.add_argument(
        "--class-names",
        metavar="A,B,C",
        help="the characters to write, with commas between them (default: the ten digits); with "
        "--read the same as for the form",
    )
    parser.add_argument("--paper", choices=_PAPERS, help="default: a4")
    parser.add_argument(
        "--page",
        type=arguments.min_int(1),
        metavar="N",
        help="number of the first page (default: 1)",
    )
    parser.add_argument(
        "--pages", type=arguments.min_int(1), metavar="N", help="number of pages (default: 1)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Write a form, or the dataset that photos of forms hold."""
    names = None if options.class_names is None else options.class_names.split(",")
    if options.read is None:
        return _write_form(options, names)
    for name in _PRINT_OPTIONS:
        if getattr(options, name) is not None:
            raise ValueError(f"--{name} must not be combined with --read; received both")
    return _read_photos(options, names)


def _write_form(options: argparse.Namespace, names: Sequence[str] | None) -> dict[str, Any]:
    from mnistcnn import write_sheet

    path: Path = options.output or _FORM
    common.check_outputs([path], [], named=options.output is not None)
    values = {name: getattr(options, name) or default for name, default in _PRINT_OPTIONS.items()}
    write_sheet(
        path,
        paper=values["paper"],
        first_page=values["page"],
        num_pages=values["pages"],
        class_names=names,
    )
    num_pages = values["pages"]
    common.new_console().print(
        f"{escape(path)}: form, {num_pages} page{'s' if num_pages > 1 else ''}"
    )
    return {"path": str(path), **values}


def _read_photos(options: argparse.Namespace, names: Sequence[str] | None) -> dict[str, Any]:
    from mnistcnn.sheets.class_names import check_printable_names
    from mnistcnn.sheets.read_sheet import read_page
    from mnistcnn.sheets.results import NPZ_SUFFIXES, merge_readings
    from mnistcnn.utils.validation import check_path

    path: Path = options.output or _DATASET
    class_names = check_printable_names(names)
    check_path("--output", path, suffixes=NPZ_SUFFIXES)
    photos = list(dict.fromkeys(options.read))
    check_output = partial(_check_dataset, path, photos, named=options.output is not None)
    check_output()
    readings: list[SheetReading] = []
    failures: list[dict[str, str]] = []
    for index, photo in enumerate(common.track(photos, len(photos), "Reading")):
        try:
            readings.append(
                read_page(photo, index=index, name=escape(photo), class_names=class_names)
            )
        except (OSError, ValueError) as error:
            common.print_error(error)
            failures.append({"picture": str(photo), "error": str(error)})
    reading = merge_readings(readings, class_names)
    _print_boxes(reading, photos)
    saved = len(reading.images) > 0
    if saved:
        check_output()
        reading.save(path)
        common.new_console().print(f"{escape(path)}: {len(reading.images):,} images")
    elif readings:
        common.print_error("no box could be read, so there is no dataset")
    return {
        "path": str(path) if saved else None,
        "pictures": [str(photo) for photo in photos],
        "errors": failures,
        "failed": len(failures) + (not saved),
        **reading.to_dict(),
    }


def _check_dataset(path: Path, photos: Sequence[Path], *, named: bool) -> None:
    """Check that the output is no input and, unless it is named, does not exist.

    An earlier dataset may hold pages that are no longer available.
    """
    if not named and os.path.lexists(path):
        raise FileExistsError(
            f"{escape(path)} must not exist; it does: choose another file with --output, or name "
            "this one to replace it"
        )
    common.check_outputs([path], photos, named=True)


def _print_boxes(reading: SheetReading, photos: Sequence[Path]) -> None:
    """Print, for each photo, how many boxes were read, and those that were not, unless empty."""
    console = common.new_console()
    for index in sorted({box.picture for box in (*reading.boxes, *reading.unreadable)}):
        read = [box for box in reading.boxes if box.picture == index]
        unreadable = [box for box in reading.unreadable if box.picture == index]
        page = (read + unreadable)[0].page
        console.print(
            f"{escape(photos[index])}: page {page}, {len(read)} of {len(read) + len(unreadable)} "
            "boxes read"
        )
        empty = [box for box in unreadable if box.reason == "empty"]
        if empty:
            console.print(f"  empty: {len(empty)}")
        for box in unreadable:
            if box.reason != "empty":
                name = escape(reading.class_names[box.label])
                console.print(f"  row {box.row}, column {box.column} ({name}): {box.reason}")
