"""Directives for the accuracy of reading pages."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, percent


class _OcrTable(BenchmarkTable):
    results = "ocr_accuracy"
    module = "benchmarks.ocr.accuracy"


class PageStyles(_OcrTable):
    """The error rate on pages of each style."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        rows = []
        for name, part in report["page_styles"].items():
            low, high = part["accuracy_ci"]
            rows.append(
                [
                    name,
                    f"{part['digits']:,}",
                    percent(1 - part["accuracy"]),
                    f"{percent(1 - high)} to {percent(1 - low)}",
                    f"{part['exact_pages']} of {part['pages']}",
                    f"{part['milliseconds']:.0f}",
                ]
            )
        header = ["page style", "digits", "error rate", "95 % interval", "exact pages", "ms/page"]
        return [self.table(header, rows)]


class Weights(_OcrTable):
    """The error rate with each set of weights, on digits that none was trained on."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        rows = [
            [
                digits,
                name,
                f"{part['characters']:,}",
                f"{errors:,}",
                percent(errors / part["characters"]),
            ]
            for digits, part in report["weights"].items()
            for name, errors in part["errors"].items()
        ]
        return [self.table(["digits", "weights", "characters", "errors", "error rate"], rows)]


class Confidence(_OcrTable):
    """The fraction of each kind of picture that each confidence accepts."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        part = report["confidence"]
        compared = part["thresholds"].index(0.9)
        rows = []
        for name, accepted in part["accepted"].items():
            fractions = [*accepted, part["accepted_by_classifier"][name][compared]]
            cells = [f"{100 * value:.1f}\N{NO-BREAK SPACE}%" for value in fractions]
            rows.append([name, f"{part['pictures'][name]:,}", *cells])
        header = ["", "pictures", *[f"{threshold:g}" for threshold in part["thresholds"]]]
        return [self.table([*header, "0.9, classifier alone"], rows)]
