"""Directives that show what was tried against the package, and what was lost."""

import json
from typing import Any

from docutils import nodes

from benchmark_tables.table import RESULTS, FigureTable, Rows

LOSSES = ("other errors", "too slow", "crashed or hung")


class Faults(FigureTable):
    """Faults, tries and losses of all that was measured; a file that is absent is left out."""

    results = "fault_count"
    module = "benchmarks.robustness.fault_count"

    def run(self) -> list[nodes.Node]:
        """Read those of the files that are there, and make one table."""
        rows: Rows = []
        for program in _ROWS:
            path = RESULTS / f"{program}.json"
            if path.is_file():
                self.env.note_dependency(str(path))
                rows += _ROWS[program](json.loads(path.read_text(encoding="utf-8")))
        return [self.table(["fault", "tried", "right", "lost"], rows)]


class Fuzz(FigureTable):
    """What came of damaged files, by format."""

    results = "fuzz"
    module = "benchmarks.robustness.fuzz"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and a line on how it was made."""
        rows = [
            [
                name,
                f"{row['cases']:,}",
                f"{row['refused']:,}",
                f"{row['read']:,}",
                f"{sum(row[loss] for loss in LOSSES):,}",
                f"{row['longest_seconds']:.2f}",
                f"{row['memory_mib']:.0f}",
            ]
            for name, row in report["formats"].items()
        ]
        head = ["format", "damaged files", "refused", "read", "anything else"]
        head += ["longest, s", "memory, MiB"]
        versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
        made = nodes.paragraph("", "Made by ")
        made += [nodes.literal(text=report["command"]), nodes.Text(f" with {versions}.")]
        return [self.table(head, rows), made]


def _of_fuzz(report: dict[str, Any]) -> Rows:
    lost = sum(row[loss] for row in report["formats"].values() for loss in LOSSES)
    text = f"damaged files of {len(report['formats'])} formats"
    return [[text, f"{report['cases']:,}", f"{report['cases'] - lost:,}", f"{lost:,}"]]


def _of_faults(report: dict[str, Any]) -> Rows:
    return [
        [name, f"{row['tried']:,}", f"{row['tried'] - row['lost']:,}", f"{row['lost']:,}"]
        for name, row in report["kinds"].items()
    ]


def _of_neighbours(report: dict[str, Any]) -> Rows:
    tried, right = report["rounds"], report["right_rounds"]
    text = f"{report['processes']} processes at once on one empty cache"
    return [[text, f"{tried:,}", f"{right:,}", f"{tried - right:,}"]]


def _of_survival(report: dict[str, Any]) -> Rows:
    rows = []
    for fault in dict.fromkeys(row["fault"] for row in report["rows"]):
        of_it = [row for row in report["rows"] if row["fault"] == fault]
        kills = sum(row["kills"] for row in of_it)
        lost = sum(row[name] for row in of_it for name in ("other_ends", "unreadable", "litter"))
        rows.append([f"{fault}, in a training", f"{kills:,}", f"{kills - lost:,}", f"{lost:,}"])
    return rows


_ROWS = {
    "fuzz": _of_fuzz,
    "fault_count": _of_faults,
    "concurrent_download": _of_neighbours,
    "crash_recovery": _of_survival,
}
