"""Directives for the time to load data."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, percent, ratio, versions_text


class CsvLoading(BenchmarkTable):
    """Seconds to load a CSV file."""

    results = "csv_loading"
    module = "benchmarks.data.csv_loading"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and the versions."""
        rows = []
        for name, row in report["files"].items():
            seconds = row["seconds"]
            rows.append(
                [
                    f"{name}, {row['bytes'] / 1e6:.0f} MB",
                    f"{seconds['load_data']['median']:.2f}",
                    f"{seconds['pandas']['median']:.2f}",
                    ratio(row["relative_to_pandas"]),
                ]
            )
        header = [
            f"{report['images']:,} images", "load_data, s", "pandas.read_csv, s", "ratio",
        ]  # fmt: skip
        versions = versions_text(report)
        text = f"Medians of the CPU time of alternating calls. Versions: {versions}."
        return [self.table(header, rows), nodes.paragraph(text=text)]


class SheetAccuracy(BenchmarkTable):
    """Digits and spoiled boxes of photographed forms."""

    results = "sheets"
    module = "benchmarks.data.sheets"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table of the digits, one of the spoiled boxes, and the versions."""
        digits = []
        spoiled: dict[str, list[int]] = {}
        for megapixels, row in report["megapixels"].items():
            results = row["results"]
            outcomes = results["digit"]
            count = row["digits"]
            correct, wrong = outcomes.get("correct", 0), outcomes.get("misclassified", 0)
            digits.append(
                [
                    f"{megapixels} megapixels",
                    f"{row['photos'] - len(row['failures'])} of {row['photos']}",
                    f"{count:,}",
                    percent(correct / count),
                    percent(row["correct_originals"] / count),
                    f"{count - correct - wrong}",
                    f"{row['seconds']['median']:.1f}",
                ]
            )
            for content, each in results.items():
                if content != "digit":
                    totals = spoiled.setdefault(content, [0, 0])
                    totals[0] += sum(each.values())
                    totals[1] += each.get("correct", 0) + each.get("misclassified", 0)
        header = [
            "photos of", "read", "digits", "correct", "as in MNIST", "digits rejected",
            "CPU time per photo, s",
        ]  # fmt: skip
        rows = [
            [content, f"{total:,}", f"{total - accepted:,}", f"{accepted:,}"]
            for content, (total, accepted) in spoiled.items()
        ]
        spoiled_header = ["boxes made", "number", "rejected", "accepted"]
        versions = nodes.paragraph(text=f"Versions: {versions_text(report)}.")
        return [self.table(header, digits), self.table(spoiled_header, rows), versions]
