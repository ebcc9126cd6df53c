"""Directives for the accuracy of fine-tuning."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, percent, versions_text


def _row(name: str, result: dict[str, Any]) -> list[str]:
    cells = [name]
    for kind in ("digits", "mnist"):
        mean, std = result[kind]["mean"], result[kind]["std"]
        cells.append(f"{percent(mean)} ± {100 * std:.2f}")
    return cells


def _before(part: dict[str, Any]) -> list[str]:
    before = part["before"]
    return ["before", percent(before["digits"]), percent(before["mnist"])]


class Accuracy(BenchmarkTable):
    """Accuracy before and after fine-tuning."""

    results = "finetuning"
    module = "benchmarks.accuracy.finetuning"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return the table and the versions."""
        part = report["test"]
        (result,) = part["after"].values()
        counts = part["images"]
        header = [
            "accuracy", f"{counts['digits']:,} other digits", f"{counts['mnist']:,} of MNIST",
        ]  # fmt: skip
        rows = [_before(part), _row(f"after {report['labeled_images']} images", result)]
        seeds = len(result["runs"])
        text = f"Mean and standard deviation over {seeds} seeds. Versions: {versions_text(report)}."
        return [self.table(header, rows), nodes.paragraph(text=text)]


class Search(BenchmarkTable):
    """Accuracy with other settings, on the images that they were chosen with."""

    results = "finetuning"
    module = "benchmarks.accuracy.finetuning"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return the table."""
        part = report["search"]
        counts = part["images"]
        header = [
            "settings", f"{counts['digits']:,} other digits",
            f"{counts['mnist']:,} training images of MNIST",
        ]  # fmt: skip
        rows = [_row(name, result) for name, result in part["after"].items()]
        return [self.table(header, [_before(part), *rows])]
