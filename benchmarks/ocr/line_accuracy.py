"""Lines and words that `Recognizer.read` reads right on photos, scans and drawings by strangers.

    python -m benchmarks.ocr.line_accuracy [--min-confidence P]

A line is a number or a row of a table, and of no use if one digit is wrong or missing. The worst
is a line that becomes shorter unnoticed: in a reading that omits no digit and has a high
probability. The pictures are those of `picture_set`, without those that show no handwritten digit.
The truth does not tell where words end, so a word that was read counts as right if all its digits
are. Without MNISTCNN_PICTURES nothing is measured. Results go to
benchmarks/results/line_accuracy.json.
"""

from __future__ import annotations

import argparse
import inspect
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import mnistcnn
from benchmarks.harness import argument_parser, package_versions, parse_args, write_results
from benchmarks.ocr.alignment import edit_distance, matched_characters
from benchmarks.ocr.picture_set import (
    KINDS,
    VARIABLE,
    draw_picture_set,
    load_pictures,
    picture_folder,
)

DEFAULT = inspect.signature(mnistcnn.Recognizer.read).parameters["min_confidence"].default
# Probability from which a reading looks certain.
CERTAIN = 0.5
PACKAGES = ("mnistcnn", "onnxruntime", "opencv-python-headless")
COUNTS = (
    *("pictures", "exact", "lines", "right", "wrong", "shorter", "missing", "unnoticed"),
    *("extra", "words", "right_words"),
)

LinePair = tuple[int | None, int | None]


def align_lines(read: Sequence[str], true: Sequence[str]) -> list[LinePair]:
    """Return the pairs of lines with the fewest edits, in order; None: no such line."""
    costs = [[sum(map(len, true[:column])) for column in range(len(true) + 1)]]
    for line in read:
        before = costs[-1]
        after = [before[0] + len(line)]
        for column, other in enumerate(true):
            paired = before[column] + edit_distance(line, other)
            after.append(min(paired, before[column + 1] + len(line), after[-1] + len(other)))
        costs.append(after)
    pairs: list[LinePair] = []
    row, column = len(read), len(true)
    while row or column:
        cost = costs[row][column]
        if column and cost == costs[row][column - 1] + len(true[column - 1]):
            column -= 1
            pairs.append((None, column))
        elif row and cost == costs[row - 1][column] + len(read[row - 1]):
            row -= 1
            pairs.append((row, None))
        else:
            row, column = row - 1, column - 1
            pairs.append((row, column))
    return pairs[::-1]


def count_lines(reading: mnistcnn.Reading, truth: str) -> dict[str, int]:
    """Count the lines of one picture, and the words that were read.

    Parameters
    ----------
    reading : Reading
        Of the picture.
    truth : str
        The digits, with a newline between lines.

    Returns
    -------
    dict
        The ``lines`` of the truth are ``right``, ``wrong``, ``shorter`` or ``missing``. Of the last
        two, those in a reading without omitted digits whose probability is at least `CERTAIN` are
        ``unnoticed``. Lines that were read where there is none are ``extra``.
    """
    read = reading.text.replace(" ", "").split("\n") if reading.lines else []
    true = truth.split("\n")
    counts = dict.fromkeys(COUNTS, 0)
    counts |= {"pictures": 1, "exact": int(read == true), "lines": len(true)}
    for row, column in align_lines(read, true):
        if column is None:
            counts["extra"] += 1
        elif row is None:
            counts["missing"] += 1
        elif read[row] == true[column]:
            counts["right"] += 1
        else:
            counts["shorter" if len(read[row]) < len(true[column]) else "wrong"] += 1
    if not reading.omitted and reading.probability >= CERTAIN:
        counts["unnoticed"] = counts["shorter"] + counts["missing"]
    return counts | _count_words(reading.text, truth)


def _count_words(text: str, truth: str) -> dict[str, int]:
    matches = iter(matched_characters(text.replace(" ", ""), truth))
    words: list[list[bool]] = [[]]
    for character in text:
        # Blanks are not in the text that is compared, newlines are.
        matched = character == " " or next(matches)
        if character in " \n":
            words.append([])
        else:
            words[-1].append(matched)
    words = [word for word in words if word]
    return {"words": len(words), "right_words": sum(all(word) for word in words)}


def measure(
    recognizer: mnistcnn.Recognizer, folder: Path, min_confidence: float
) -> dict[str, dict[str, int]]:
    """Return the counts of each kind of picture, and of all."""
    totals = {kind: dict.fromkeys(COUNTS, 0) for kind in (*KINDS, "all")}
    for picture in load_pictures(folder):
        if not picture.truth:
            continue
        reading = recognizer.read(picture.path, min_confidence=min_confidence)
        counts = count_lines(reading, picture.truth)
        print(f"{picture.path.name}: {counts['right']} of {counts['lines']} lines", flush=True)
        for kind in (picture.kind, "all"):
            for name, count in counts.items():
                totals[kind][name] += count
    return {kind: counts for kind, counts in totals.items() if counts["pictures"]}


def _print_table(kinds: dict[str, dict[str, int]]) -> None:
    table = Table("", *COUNTS)
    for kind, counts in kinds.items():
        table.add_row(kind, *(f"{counts[name]:,}" for name in COUNTS))
    Console().print(table)


def _measure(folder: Path, options: argparse.Namespace) -> None:
    kinds = measure(mnistcnn.Recognizer(), folder, options.min_confidence)
    _print_table(kinds)
    report: dict[str, Any] = {
        "versions": package_versions(*PACKAGES),
        "min_confidence": options.min_confidence,
        "certain": CERTAIN,
        "kinds": kinds,
    }
    write_results(options.output, report)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and save."""
    parser = argument_parser(__doc__, "line_accuracy.json")
    parser.add_argument("--min-confidence", type=float, default=DEFAULT)
    options = parse_args(parser, argv)
    if options.smoke:
        with tempfile.TemporaryDirectory() as name:
            draw_picture_set(Path(name))
            _measure(Path(name), options)
        return
    folder = picture_folder()
    if folder is None:
        print(f"Nothing is measured: {VARIABLE}, the folder with the pictures, is not set.")
        return
    _measure(folder, options)


if __name__ == "__main__":
    main()
