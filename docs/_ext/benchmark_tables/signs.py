"""The directive for numbers with decimal points, commas and minus signs."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, versions_text


class Signs(BenchmarkTable):
    """Right numbers by kind and by style of page, and the signs in strangers' pictures."""

    results = "sign_accuracy"
    module = "benchmarks.ocr.sign_accuracy"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table, and a line on the pictures and on how it was measured."""
        rows = [
            [
                name,
                f"{counts['lines']:,}",
                f"{counts['digits_right']:,}",
                f"{counts['right']:,}",
                f"{counts['signs']:,}",
                f"{counts['missing_signs']:,}",
                f"{counts['false_signs']:,}",
            ]
            for part in (report["kinds"], report["page_styles"])
            for name, counts in part.items()
        ]
        header = [
            "", "numbers", "all digits right", "and all signs",
            "signs in these", "missing", "false",
        ]  # fmt: skip
        pictures = report["pictures"]
        text = (
            f"On the {pictures['pictures']} pictures by strangers, {pictures['right_signs']} of "
            f"{pictures['signs']} signs are found, and {pictures['false_signs']} false ones. "
            f"Measured with {versions_text(report)}."
        )
        return [self.table(header, rows), nodes.paragraph(text=text)]
