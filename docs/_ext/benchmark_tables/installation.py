"""The directive for the size of both distributions and their time to the first reading."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, value_range


class Installation(BenchmarkTable):
    """Size and times of each distribution."""

    results = "installation"
    module = "benchmarks.inference.installation"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and the version of Python."""
        rows = []
        for name, row in report["distributions"].items():
            first, imported = row["first_reading_seconds"], row["import_seconds"]
            rows.append(
                [
                    name,
                    f"{row['bytes'] / 1e6:,.0f}",
                    f"{len(row['packages'])}",
                    f"{imported['median']:.2f}",
                    f"{first['median']:.2f}",
                    value_range(first, ".2f"),
                ]
            )
        header = [
            "", "installed size, MB", "packages", "import, s", "first reading, s", "range, s",
        ]  # fmt: skip
        text = (
            "Times are medians of the CPU time of new processes, from startup until a picture "
            "of five "
            f"digits has been read. Python {report['versions']['python']} on Linux."
        )
        return [self.table(header, rows), nodes.paragraph(text=text)]
