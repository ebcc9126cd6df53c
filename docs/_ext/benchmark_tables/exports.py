"""A directive for the size and accuracy of each export format."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, percent, versions_text

INT8 = "litert-int8"


class ExportFormats(BenchmarkTable):
    """Size, agreement with Keras and accuracy of each format, for each set of weights."""

    results = "exports"
    module = "benchmarks.inference.exports"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table for each set of weights, and a line on how it was measured."""
        images = report["images"]
        header = ["format", "bytes", "max. difference", "changed predictions", "test accuracy"]
        content: list[nodes.Node] = []
        for name, by_format in report["weights"].items():
            keras = percent(by_format["keras"]["correct"] / images)
            rows = [
                [
                    format_name,
                    f"{row['bytes']:,}",
                    f"{row['max_difference']:g}",
                    str(row["changed_predictions"]),
                    percent(row["correct"] / images),
                ]
                for format_name, row in by_format.items()
                if format_name != "keras"
            ]
            text = f"The weights {name}, whose test accuracy in Keras is {keras}:"
            content += [nodes.paragraph(text=text), self.table(header, rows)]
        networks = report["parity"].values()
        used = max(
            row["max"] / row["tolerance"]
            for rows in networks
            for name, row in rows.items()
            if name != INT8
        )
        mean = max(rows[INT8]["mean"] for rows in networks)
        parity = (
            f"On the images of the parity check, over {len(networks)} networks, the largest "
            f"difference in float32 was {used:.2f} of the tolerance; the largest mean difference "
            f"in int8 was {mean:g}."
        )
        text = (
            f"Max. difference: the largest difference from Keras in any probability of the "
            f"{images:,} test images. Measured with {versions_text(report)}."
        )
        return [*content, nodes.paragraph(text=text), nodes.paragraph(text=parity)]
