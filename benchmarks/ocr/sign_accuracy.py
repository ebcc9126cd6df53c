"""Numbers with decimal points, commas and minus signs that `Recognizer.read` reads right.

    python -m benchmarks.ocr.sign_accuracy [--pages N] [--data PATH]

Prices, dates, signed numbers and numbers without signs are drawn from MNIST test images, in ten
styles; each line is a number. The other pictures are those of `picture_set`, of which an entry
names the signs between its digits in reading order as ``"signs"``, by default none; they are left
out without MNISTCNN_PICTURES. Results go to benchmarks/results/sign_accuracy.json.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import mnistcnn
from benchmarks.harness import argument_parser, package_versions, parse_args, write_results
from benchmarks.ocr.alignment import matched_characters
from benchmarks.ocr.picture_set import draw_picture_set, load_pictures, picture_folder
from benchmarks.ocr.signed_numbers import NUMBER_KINDS, STYLES, draw_signed_page

SIGNS = ".,-"
PACKAGES = ("mnistcnn", "onnxruntime", "opencv-python-headless")
COUNTS = ("lines", "digits_right", "right", "signs", "missing_signs", "false_signs")


def count_numbers(text: str, truth: str) -> dict[str, int]:
    """Count the lines of a page, and the signs in those whose digits are right.

    Parameters
    ----------
    text : str
        What was read.
    truth : str
        What was written, with a newline between lines.

    Returns
    -------
    dict
        For each of `COUNTS`, how many. A page with another number of lines has none that is right.
    """
    counts = dict.fromkeys(COUNTS, 0)
    read, true = text.replace(" ", "").split("\n"), truth.split("\n")
    counts["lines"] = len(true)
    if len(read) != len(true):
        return counts
    for line, expected in zip(read, true, strict=True):
        counts["right"] += line == expected
        if _digits(line) == _digits(expected):
            counts["digits_right"] += 1
            found, written = len(line), len(expected)
            matched = sum(matched_characters(line, expected))
            counts["signs"] += len(expected) - len(_digits(expected))
            counts["missing_signs"] += written - matched
            counts["false_signs"] += found - matched
    return counts


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def measure_numbers(
    recognizer: mnistcnn.Recognizer, split: mnistcnn.Split, num_pages: int
) -> dict[str, dict[str, dict[str, int]]]:
    """Read pages of each style and kind; return their counts by kind and by style."""
    by_kind = {kind: dict.fromkeys(COUNTS, 0) for kind in NUMBER_KINDS}
    by_style = {style: dict.fromkeys(COUNTS, 0) for style in STYLES}
    for i, (style, look) in enumerate(STYLES.items()):
        for j, kind in enumerate(NUMBER_KINDS):
            for number in range(num_pages):
                generator = np.random.default_rng([i, j, number])
                page = draw_signed_page(*split, generator, look, kind)
                reading = recognizer.read(page.picture, signs=SIGNS)
                for name, count in count_numbers(reading.text, page.text).items():
                    by_kind[kind][name] += count
                    by_style[style][name] += count
        print(f"{style}: {by_style[style]}", flush=True)
    return {"kinds": by_kind, "page_styles": by_style}


def measure_pictures(recognizer: mnistcnn.Recognizer, folder: Path) -> dict[str, int]:
    """Read pictures of handwriting; return how many signs were found, right or wrong."""
    counts = dict.fromkeys(("pictures", "signs", "right_signs", "false_signs"), 0)
    for picture in load_pictures(folder):
        reading = recognizer.read(picture.path, signs=SIGNS)
        found = "".join(sign.label for sign in reading.signs)
        right = sum(matched_characters(found, picture.signs))
        counts["pictures"] += 1
        counts["signs"] += len(picture.signs)
        counts["right_signs"] += right
        counts["false_signs"] += len(found) - right
        if found or picture.signs:
            print(f"{picture.path.name}: {found!r}, true {picture.signs!r}", flush=True)
    return counts


def _print_table(parts: dict[str, dict[str, dict[str, int]]]) -> None:
    table = Table("", *COUNTS)
    for part in parts.values():
        for name, counts in part.items():
            table.add_row(name, *(f"{counts[column]:,}" for column in COUNTS))
    Console().print(table)


def _measure(
    split: mnistcnn.Split, num_pages: int, folder: Path | None, options: argparse.Namespace
) -> None:
    recognizer = mnistcnn.Recognizer()
    numbers = measure_numbers(recognizer, split, num_pages)
    _print_table(numbers)
    report: dict[str, Any] = {"versions": package_versions(*PACKAGES), "pages": num_pages}
    report |= numbers
    report["pictures"] = measure_pictures(recognizer, folder) if folder else None
    write_results(options.output, report)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and save."""
    parser = argument_parser(__doc__, "sign_accuracy.json")
    parser.add_argument("--pages", type=int, default=2, help="pages of each style and kind")
    parser.add_argument("--data", help="MNIST, as load_data takes it")
    options = parse_args(parser, argv)
    if options.smoke:
        with tempfile.TemporaryDirectory() as name:
            draw_picture_set(Path(name))
            _measure(mnistcnn.load_data("digits").test, 1, Path(name), options)
        return
    data = mnistcnn.load_data(options.data) if options.data else mnistcnn.load_data()
    split = data.test
    _measure(split, options.pages, picture_folder(), options)


if __name__ == "__main__":
    main()
