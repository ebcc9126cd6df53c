"""The output of ``mnistcnn read``: text, a table on the terminal, CSV or JSON."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mnistcnn.cli import common
from mnistcnn.cli.fields import Field
from mnistcnn.cli.pages import Page
from mnistcnn.utils.text import describe_error, escape

if TYPE_CHECKING:
    from mnistcnn import Digit, Reading

# The reading of each field by its name, or the reason why there is none.
FieldReadings: TypeAlias = Mapping[str, "Reading | ValueError"]
OutputFormat: TypeAlias = Literal["text", "csv", "json"]

_LINES_HEADER = ("image", "page", "line", "text", "probability", "error")
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
        self._unit = "images"
        if output_format == "csv":
            _print_csv([_LINES_HEADER if form is None else csv_header(form)])

    def add(self, name: str, page: Page, readings: FieldReadings) -> None:
        """Print the readings of a page of an image."""
        title = self._start(name, page)
        errors = [
            f"{field}: {reading}" if self._form else str(reading)
            for field, reading in readings.items()
            if isinstance(reading, ValueError)
        ]
        for error in errors:
            common.print_error(f"{title}: {error}")
        result: dict[str, Any] = {"image": name, "page": page.number}
        start = [name, page.number]
        if self._form is not None:
            fields = {field: _to_dict(reading) for field, reading in readings.items()}
            self._append({**result, "fields": fields}, failed=bool(errors))
            rows = [[*start, *_field_cells(readings), "; ".join(errors)]]
        else:
            (reading,) = readings.values()
            self._append({**result, **_to_dict(reading)}, failed=bool(errors))
            rows = [[*start, *cells] for cells in _line_cells(reading)]
        if self._format == "csv":
            _print_csv(rows)
        elif self._format == "text" and not errors:
            if self._num_images > 1 or page.num_pages > 1:
                print("" if len(self._results) == 1 else "\n", f"==> {escape(title)} <==", sep="")
            (reading,) = readings.values()
            _print_text(reading)

    def add_failure(self, name: str, page: Page, error: Exception) -> None:
        """Print why a page of an image, or the image, could not be read."""
        title = self._start(name, page)
        # Errors about the file itself begin with its name.
        is_named = page.num_pages == 1 or str(error).startswith(title)
        common.print_error(error if is_named else f"{title}: {error}")
        number = {} if page.number is None else {"page": page.number}
        self._append({"image": name, **number, "error": describe_error(error)}, failed=True)
        if self._format == "csv":
            num_empty = len(_LINES_HEADER if self._form is None else csv_header(self._form)) - 3
            _print_csv([[name, page.number or "", *[""] * num_empty, escape(error)]])

    def report(self) -> dict[str, Any]:
        """Return the report; print how many images or pages failed."""
        if self._failed and len(self._results) > 1:
            outcome = "could not be read" if self._form is None else "could not be read completely"
            common.print_error(f"{self._failed} of {len(self._results)} {self._unit} {outcome}")
        return {"images": self._results, "failed": self._failed}

    def _start(self, name: str, page: Page) -> str:
        """Return how messages name a page."""
        if page.num_pages == 1:
            return name
        self._unit = "pages"
        return f"{name}, page {page.number}"

    def _append(self, result: dict[str, Any], *, failed: bool) -> None:
        self._results.append(result)
        self._failed += failed


def csv_header(form: Sequence[Field]) -> list[str]:
    """Return the columns of the table with one row per page."""
    columns = [column for field in form for column in (field.name, f"{field.name} probability")]
    return ["image", "page", *columns, "error"]


def _print_csv(rows: Sequence[Sequence[object]]) -> None:
    """Print rows with the exact names of files; on a terminal, these are escaped."""
    if sys.stdout.isatty():
        rows = [[escape(cell) for cell in row] for row in rows]
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)


def _to_dict(reading: Reading | ValueError) -> dict[str, Any]:
    if isinstance(reading, ValueError):
        return {"text": None, "error": str(reading)}
    return reading.to_dict()


def _line_cells(reading: Reading | ValueError) -> list[list[object]]:
    """Return line, text, probability and error of each line of a page, at least one."""
    if isinstance(reading, ValueError):
        return [["", "", "", escape(reading)]]
    if reading.fitted_text is not None or not reading.lines:
        return [["", reading.text, round(reading.probability, _DECIMALS), ""]]
    return [
        [number, text, round(_line_probability(reading, number - 1), _DECIMALS), ""]
        for number, (text, _) in enumerate(_text_lines(reading), 1)
    ]


def _line_probability(reading: Reading, index: int) -> float:
    """Return the probability that the digits and signs of a line are right."""
    digits = math.prod(digit.confidence for digit in reading.lines[index])
    return math.prod(
        (sign.confidence for sign in reading.signs if sign.line == index), start=digits
    )


def _field_cells(readings: FieldReadings) -> list[object]:
    """Return the text and the probability of each field."""
    cells: list[object] = []
    for reading in readings.values():
        if isinstance(reading, ValueError):
            cells += ["", ""]
        else:
            cells += [reading.text, round(reading.probability, _DECIMALS)]
    return cells


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
