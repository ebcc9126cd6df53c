"""Errors in the text of pictures, by kind of picture."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rich.table import Table

from benchmarks.ocr.alignment import edit_distance
from benchmarks.ocr.peers import ReadText
from benchmarks.ocr.picture_set import KINDS, LabeledPicture


@dataclass(frozen=True, kw_only=True)
class TextReading:
    """The text that was read from a picture, and the seconds that it took."""

    picture: LabeledPicture
    text: str
    seconds: float

    @cached_property
    def errors(self) -> int:
        """The characters to insert, delete or substitute for the handwritten digits."""
        return edit_distance(self.text, self.picture.truth)

    @cached_property
    def errors_with_print(self) -> int:
        """The errors, or those compared with the handwritten and the printed digits if fewer."""
        if self.picture.with_print == self.picture.truth:
            return self.errors
        return min(self.errors, edit_distance(self.text, self.picture.with_print))


def read_picture(picture: LabeledPicture, read: ReadText) -> TextReading:
    """Read one picture."""
    started = time.perf_counter()
    text = read(picture.path)
    return TextReading(picture=picture, text=text, seconds=time.perf_counter() - started)


def count_by_kind(readings: Sequence[TextReading]) -> dict[str, dict[str, Any]]:
    """Return the counts of each kind of picture, and of all."""
    by_kind = {
        kind: [reading for reading in readings if reading.picture.kind == kind] for kind in KINDS
    }
    return {kind: _count(group) for kind, group in {**by_kind, "all": readings}.items() if group}


def _count(readings: Sequence[TextReading]) -> dict[str, Any]:
    return {
        "pictures": len(readings),
        "characters": sum(len(reading.picture.truth) for reading in readings),
        "errors": sum(reading.errors for reading in readings),
        "errors_with_print": sum(reading.errors_with_print for reading in readings),
        "exact": sum(not reading.errors for reading in readings),
        "most_errors": max(reading.errors for reading in readings),
        "seconds": round(sum(reading.seconds for reading in readings), 2),
        "median_seconds": round(statistics.median(reading.seconds for reading in readings), 2),
        "slowest_seconds": round(max(reading.seconds for reading in readings), 2),
    }


def errors_table(readers: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Table:
    """Return a table of the errors and exact pictures of each reader by kind of picture."""
    kinds = list(next(iter(readers.values())))
    table = Table("errors / characters, exact pictures", *kinds)
    for name, counts in readers.items():
        rows = [counts[kind] for kind in kinds]
        cells = (
            f"{r['errors']:,} / {r['characters']}, {r['exact']} of {r['pictures']}" for r in rows
        )
        table.add_row(name, *cells)
    return table
