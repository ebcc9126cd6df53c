"""The output of ``mnistcnn read``: text, a table on the terminal, CSV or JSON."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mnistcnn.cli import common
from mnistcnn.cli.fields import Field
from mnistcnn.utils.text import describe_error, escape

if TYPE_CHECKING:
    from mnistcnn import Digit, Reading

# The reading of each field by its name, or the reason why there is none.
FieldReadings: TypeAlias = Mapping[str, "Reading | ValueError"]
OutputFormat: TypeAlias = Literal["text", "csv", "json"]

_LINES_HEADER = ("image", "line", "text", "probability", "error")
_DECIMALS = 4


class ReadingOutput:
    """Prints what is read in each image, and collects the report.

    Parameters
    ----------
    output_format : {"text", "csv", "json"}
        ``"json"`` prints errors only.
    form : sequence of Field or None
        The fields of a form; None if images are read as a whole.
    num_images : int
        Number of images to come.
    """

    def __init__(
        self, output_format: OutputFormat, form: Sequence[Field] | None, num_images: int
    ) -> None:
        self._format = output_format
        self._form = form
        self._num_images = num_images
        self._results: list[dict[str, Any]] = []
        self._failed = 0
        if output_format == "csv":
            _print_csv([_LINES_HEADER if form is None else csv_header(form)])

    def add(self, path: Path, readings: FieldReadings) -> None:
        """Print the readings of an image."""
        errors = [
            f"{name}: {reading}" if self._form else str(reading)
            for name, reading in readings.items()
            if isinstance(reading, ValueError)
        ]
        for error in errors:
            common.print_error(f"{path}: {error}")
        if self._form is not None:
            fields = {name: _to_dict(reading) for name, reading in readings.items()}
            self._append({"image": str(path), "fields": fields}, failed=bool(errors))
            rows = [_field_row(str(path), readings, "; ".join(errors))]
        else:
            (reading,) = readings.values()
            self._append({"image": str(path), **_to_dict(reading)}, failed=bool(errors))
            rows = _line_rows(str(path), reading)
        if self._format == "csv":
            _print_csv(rows)
        elif self._format == "text" and not errors:
            if self._num_images > 1:
                print("" if len(self._results) == 1 else "\n", f"==> {escape(path)} <==", sep="")
            (reading,) = readings.values()
            _print_text(reading)

    def add_failure(self, path: Path, error: Exception) -> None:
        """Print why an image could not be read."""
        common.print_error(error)
        self._append({"image": str(path), "error": describe_error(error)}, failed=True)
        if self._format == "csv":
            num_empty = len(_LINES_HEADER if self._form is None else csv_header(self._form)) - 2
            _print_csv([[str(path), *[""] * num_empty, escape(error)]])

    def report(self) -> dict[str, Any]:
        """Return the report; print how many images failed."""
        if self._failed and self._num_images > 1:
            outcome = "could not be read" if self._form is None else "could not be read completely"
            common.print_error(f"{self._failed} of {self._num_images} images {outcome}")
        return {"images": self._results, "failed": self._failed}

    def _append(self, result: dict[str, Any], *, failed: bool) -> None:
        self._results.append(result)
        self._failed += failed


def csv_header(form: Sequence[Field]) -> list[str]:
    """Return the columns of the table with one row per image."""
    columns = [column for field in form for column in (field.name, f"{field.name} probability")]
    return ["image", *columns, "error"]


def _print_csv(rows: Sequence[Sequence[object]]) -> None:
    """Print rows with the exact names of files; on a terminal, these are escaped."""
    if sys.stdout.isatty():
        rows = [[escape(cell) for cell in row] for row in rows]
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)


def _to_dict(reading: Reading | ValueError) -> dict[str, Any]:
    if isinstance(reading, ValueError):
        return {"text": None, "error": str(reading)}
    return reading.to_dict()


def _line_rows(image: str, reading: Reading | ValueError) -> list[list[object]]:
    """Return a row for each line of an image, or one row without a line."""
    if isinstance(reading, ValueError):
        return [[image, "", "", "", escape(reading)]]
    if reading.fitted_text is not None or not reading.lines:
        return [[image, "", reading.text, round(reading.probability, _DECIMALS), ""]]
    return [
        [image, number, text, round(math.prod(digit.confidence for digit in line), _DECIMALS), ""]
        for number, (text, line) in enumerate(_text_lines(reading), 1)
    ]


def _field_row(image: str, readings: FieldReadings, error: str) -> list[object]:
    """Return the row of an image with a text and a probability for each field."""
    row: list[object] = [image]
    for reading in readings.values():
        if isinstance(reading, ValueError):
            row += ["", ""]
        else:
            row += [reading.text, round(reading.probability, _DECIMALS)]
    return [*row, error]


def _print_text(reading: Reading | ValueError) -> None:
    """Print the text; on a terminal, with the confidence of each line."""
    if isinstance(reading, ValueError):
        return
    if not sys.stdout.isatty():
        if reading.text:
            print(reading.text)
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not reading.digits:
        console.print("No digits.")
        return
    table = Table("line", "text", "least confident digit", "confidence", box=None, pad_edge=False)
    for number, (text, line) in enumerate(_text_lines(reading), 1):
        position, digit = min(enumerate(line, 1), key=lambda item: item[1].confidence)
        least = f"{digit.label} ({position} of {len(line)})"
        table.add_row(str(number), text, least, f"{digit.confidence:.1%}")
    console.print(table)


def _text_lines(reading: Reading) -> list[tuple[str, tuple[Digit, ...]]]:
    """Return the text and the digits of each line; a text that fits a pattern is one line."""
    if reading.fitted_text is not None:
        return [(reading.fitted_text, reading.digits)]
    return list(zip(reading.text.split("\n"), reading.lines, strict=True))
