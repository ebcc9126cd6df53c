"""Directives for reading photos, scans and drawings by strangers, beside other packages."""

from typing import Any

from docutils import nodes

from benchmark_tables.base import BenchmarkTable, percent, versions_text

KINDS = {
    "plain": "plain paper or screen",
    "lines": "ruled or squared paper, tables, grids, forms",
    "light": "uneven light, shadow, texture, desk",
    "signs": "with symbols or letters",
    "none": "no handwritten digit",
    "all": "all",
}
READERS = {
    "mnistcnn": "mnistcnn",
    "rapidocr": "RapidOCR",
    "easyocr": "EasyOCR",
    "tesseract": "Tesseract",
}


class _PhotographsTable(BenchmarkTable):
    results = "photographs"
    module = "benchmarks.ocr.photographs"


class Errors(_PhotographsTable):
    """Errors and exact pictures of each reader, by kind of picture."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table, and a line on how it was measured."""
        part = report["pictures"]
        readers = part["readers"]
        names = [name for name in READERS if name in readers]
        rows = []
        for kind, title in KINDS.items():
            counts = [readers[name][kind] for name in names]
            shared = [f"{counts[0]['pictures']}", f"{counts[0]['characters']:,}"]
            rows.append([title, *shared, *(_errors(count) for count in counts)])
        everything = [readers[name]["all"] for name in names]
        rows.append(
            [
                "all, printed digits accepted",
                f"{everything[0]['pictures']}",
                f"{everything[0]['characters']:,}",
                *(f"{count['errors_with_print']:,}" for count in everything),
            ]
        )
        header = ["", "pictures", "characters", *(READERS[name] for name in names)]
        peers = ", ".join(
            f"{READERS[name]} {version}" for name, version in part["peer_versions"].items()
        )
        text = (
            f"Number of errors and, in parentheses, of pictures without an error. Weights "
            f"{part['weights']}, min_confidence {part['min_confidence']:g}. Measured with "
            f"{versions_text(report)}, "
            f"{peers}."
        )
        return [self.table(header, rows), nodes.paragraph(text=text)]


class Singles(_PhotographsTable):
    """The pictures of one digit that each reader reads as exactly this digit."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        readers = report["singles"]["readers"]
        rows = [
            [
                title,
                f"{row['right']} of {row['pictures']}",
                percent(row["right"] / row["pictures"]),
                str(row["empty"]),
                str(row["several"]),
            ]
            for name, title in READERS.items()
            if (row := readers.get(name))
        ]
        return [self.table(["", "right", "accuracy", "nothing read", "several digits"], rows)]


class Confidence(_PhotographsTable):
    """The fraction of right digits among those with at least a confidence."""

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table."""
        rows = []
        for least, row in report["confidence"]["at_least"].items():
            low, high = row["precision_ci"]
            right = percent(row["precision"]) if row["digits"] else ""
            interval = f"{percent(low)} to {percent(high)}"
            found = percent(row["recall"])
            rows.append([least, f"{row['digits']:,}", right, interval, found])
        header = ["confidence at least", "digits", "right", "95 % interval", "of all true digits"]
        return [self.table(header, rows)]


def _errors(count: dict[str, Any]) -> str:
    return f"{count['errors']:,} ({count['exact']})"
