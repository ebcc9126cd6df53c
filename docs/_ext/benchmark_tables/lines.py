"""The directive for lines and words of photos, scans and drawings by strangers."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, versions_text
from benchmark_tables.photographs import KINDS

COLUMNS = ("right", "wrong", "shorter", "missing", "unnoticed", "extra")


class Lines(BenchmarkTable):
    """Right, wrong and missing lines by kind of picture, and the right words."""

    results = "line_accuracy"
    module = "benchmarks.ocr.line_accuracy"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table, and a line on how it was measured."""
        kinds = report["kinds"]
        rows = [
            [
                title,
                f"{counts['pictures']}",
                f"{counts['lines']:,}",
                *(f"{counts[name]:,}" for name in COLUMNS),
                f"{counts['right_words']:,} of {counts['words']:,}",
            ]
            for kind, title in KINDS.items()
            if (counts := kinds.get(kind))
        ]
        header = ["", "pictures", "lines", *COLUMNS, "correct words"]
        text = (
            f"min_confidence {report['min_confidence']:g}. Unnoticed errors are those in "
            "readings that omit "
            f"no digit and have a probability of at least {report['certain']:g}. Measured with "
            f"{versions_text(report)}."
        )
        return [self.table(header, rows), nodes.paragraph(text=text)]
