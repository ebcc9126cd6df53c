"""A directive that shows what each format of an export costs and keeps."""

from typing import Any

from docutils import nodes

from benchmark_tables.table import FigureTable, share

SMALL = "litert-int8"


class Exports(FigureTable):
    """Size, agreement with Keras and accuracy of each format, for each shipped network."""

    results = "exports"
    module = "benchmarks.inference.exports"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return a table for each set of weights, and a line on how it was made."""
        images = report["images"]
        head = ["format", "bytes", "largest difference", "other answers", "test accuracy"]
        content: list[nodes.Node] = []
        for name, figures in report["weights"].items():
            keras = share(figures["keras"]["right"] / images)
            rows = [
                [
                    format_name,
                    f"{row['bytes']:,}",
                    f"{row['largest_difference']:g}",
                    str(row["other_answers"]),
                    share(row["right"] / images),
                ]
                for format_name, row in figures.items()
                if format_name != "keras"
            ]
            text = f"The weights {name}, with which Keras reads {keras} of the test images right:"
            content += [nodes.paragraph(text=text), self.table(head, rows)]
        check = report["check"].values()
        used = max(
            row["largest"] / row["tolerance"]
            for rows in check
            for name, row in rows.items()
            if name != SMALL
        )
        mean = max(rows[SMALL]["mean"] for rows in check)
        bounds = (
            f"On the images of the check, over {len(check)} networks, the largest difference in "
            f"float32 was {used:.2f} of what is allowed; the largest mean difference with 8 bits "
            f"was {mean:g}."
        )
        versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
        text = (
            f"Difference: of any of the ten probabilities of the {images:,} test images from that "
            f"of Keras. Measured with {versions}."
        )
        return [*content, nodes.paragraph(text=text), nodes.paragraph(text=bounds)]
