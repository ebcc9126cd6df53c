"""Directives for the faults that were tried, and what was lost."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import RESULTS, BenchmarkTable, Rows, load_results, versions_text

FAILURES = ("other errors", "too slow", "crashed or hung")
LOSSES = ("different_results", "unreadable_files")
COMMAND_LOSSES = ("damaged_files", "other_files", "tracebacks", "failed_reruns")


class FaultCounts(BenchmarkTable):
    """Faults, tries and losses of all robustness benchmarks; absent files are left out."""

    def run(self) -> list[nodes.Node]:
        """Load the files that exist, and return one table."""
        rows: Rows = []
        for results, rows_of in _ROWS.items():
            path = RESULTS / f"{results}.json"
            if path.is_file():
                self.env.note_dependency(str(path))
                rows += rows_of(load_results(results))
        return [self.table(["fault", "tried", "correct", "lost"], rows)]


class FuzzResults(BenchmarkTable):
    """Outcomes of mutated files by format."""

    results = "fuzz"
    module = "benchmarks.robustness.fuzz"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and a line on how it was measured."""
        rows = [
            [
                name,
                f"{row['cases']:,}",
                f"{row['rejected']:,}",
                f"{row['read']:,}",
                f"{sum(row[failure] for failure in FAILURES):,}",
                f"{row['longest_seconds']:.2f}",
                f"{row['memory_mib']:.0f}",
            ]
            for name, row in report["formats"].items()
        ]
        header = ["format", "mutated files", "rejected", "read", "failures"]
        header += ["longest, s", "memory, MiB"]
        note = nodes.paragraph("", "Measured by ")
        note += [
            nodes.literal(text=report["command"]),
            nodes.Text(f" with {versions_text(report)}."),
        ]
        return [self.table(header, rows), note]


def _fuzz_rows(report: dict[str, Any]) -> Rows:
    failed = sum(row[failure] for row in report["formats"].values() for failure in FAILURES)
    text = f"mutated files of {len(report['formats'])} formats"
    return [_row(text, report["cases"], failed)]


def _fault_count_rows(report: dict[str, Any]) -> Rows:
    return [_row(name, row["tried"], row["failed"]) for name, row in report["kinds"].items()]


def _concurrent_download_rows(report: dict[str, Any]) -> Rows:
    text = f"{report['processes']} processes at once with one empty cache"
    return [_row(text, report["rounds"], report["rounds"] - report["correct_rounds"])]


def _crash_recovery_rows(report: dict[str, Any]) -> Rows:
    rows = []
    for fault in dict.fromkeys(row["fault"] for row in report["rows"]):
        of_fault = [row for row in report["rows"] if row["fault"] == fault]
        kills = sum(row["kills"] for row in of_fault)
        lost = sum(row[name] for row in of_fault for name in LOSSES)
        rows.append(_row(f"{fault}, in training", kills, lost))
    return rows


def _command_kills_rows(report: dict[str, Any]) -> Rows:
    rows = []
    for fault in dict.fromkeys(row["fault"] for row in report["rows"]):
        of_fault = [row for row in report["rows"] if row["fault"] == fault]
        kills = sum(row["kills"] for row in of_fault)
        lost = sum(any(row[name] for name in COMMAND_LOSSES) for row in of_fault)
        rows.append(_row(f"{fault}, in {len(of_fault)} commands that write files", kills, lost))
    return rows


def _row(text: str, tried: int, lost: int) -> list[str]:
    return [text, f"{tried:,}", f"{tried - lost:,}", f"{lost:,}"]


_ROWS = {
    "fuzz": _fuzz_rows,
    "fault_count": _fault_count_rows,
    "concurrent_download": _concurrent_download_rows,
    "crash_recovery": _crash_recovery_rows,
    "command_kills": _command_kills_rows,
}
