"""Directives for the time to load data."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, ratio, versions_text


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
        text = f"Medians of the processor time of interleaved calls. Versions: {versions}."
        return [self.table(header, rows), nodes.paragraph(text=text)]
