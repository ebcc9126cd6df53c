"""Directives for crash recovery and for the cost of determinism and of checkpoints."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, versions_text

COUNTS = ("runs", "kills", "resumed", "different_results", "unreadable_files")


def _with_range(summary: dict[str, float], digits: int) -> str:
    median, low, high = (f"{summary[key]:.{digits}f}" for key in ("median", "min", "max"))
    return f"{median} ({low} to {high})"


def _machine(report: dict[str, Any]) -> str:
    return (
        f"Measured on {report['cores']} cores ({report['machine']}) with {versions_text(report)}."
    )


class CrashRecovery(BenchmarkTable):
    """Kills of running trainings, and losses."""

    results = "crash_recovery"
    module = "benchmarks.robustness.crash_recovery"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and a line on how it was measured."""
        rows = [
            [row["fault"], row["training"], *(str(row[name]) for name in COUNTS)]
            for row in report["rows"]
        ]
        totals = [sum(row[name] for row in report["rows"]) for name in COUNTS]
        rows.append(["total", "", *map(str, totals)])
        header = ["fault", "training", *(name.replace("_", " ") for name in COUNTS)]
        return [self.table(header, rows), nodes.paragraph(text=_machine(report))]


class _DeterminismTable(BenchmarkTable):
    results = "determinism"
    module = "benchmarks.training.determinism"


class DeterminismCost(_DeterminismTable):
    """The cost of TensorFlow's determinism, and what it changes."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and a line on how it was measured."""
        rows = [
            [
                name,
                _with_range(row["default"], 2),
                _with_range(row["deterministic"], 2),
                f"{row['ratio']:.2f}",
                *(str(len(row[f"{kind}_weights"])) for kind in ("default", "deterministic")),
            ]
            for name, row in report["determinism"].items()
        ]
        header = ["recipe", "default, s", "deterministic, s", "ratio"]
        header += ["distinct results, default", "deterministic"]
        text = f"One epoch of {report['images']:,} images. {_machine(report)}"
        return [self.table(header, rows), nodes.paragraph(text=text)]


class CheckpointCost(_DeterminismTable):
    """The cost of checkpoints."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and a line on how it was measured."""
        rows = [
            [
                name,
                f"{row['bytes']:,}",
                str(row["checkpoints"]),
                _with_range(row["milliseconds"], 0),
                f"{row['epoch_seconds']:.1f}",
                f"{100 * row['overhead']:.2f}\N{NO-BREAK SPACE}%",
            ]
            for name, row in report["checkpoints"].items()
        ]
        header = ["recipe", "bytes", "checkpoints", "ms per checkpoint", "epoch, s"]
        header.append("of the training time")
        text = (
            f"Epochs of {report['checkpoint_images']:,} images, with a checkpoint at the end of "
            f"each and every {report['checkpoint_every']} steps."
        )
        return [self.table(header, rows), nodes.paragraph(text=text)]
