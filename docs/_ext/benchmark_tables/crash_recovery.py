"""Directives that show what runs survived, and what it costs that they repeat and go on."""

from typing import Any

from docutils import nodes

from benchmark_tables.table import FigureTable

COUNTS = ("runs", "kills", "went_on", "other_ends", "unreadable", "litter")


def _seconds(figures: dict[str, float]) -> str:
    return f"{figures['median']:.2f} ({figures['least']:.2f} to {figures['most']:.2f})"


def _versions(report: dict[str, Any]) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return f"On {report['cores']} cores ({report['machine']}) with {listed}."


class Survival(FigureTable):
    """Faults, tries and losses."""

    results = "crash_recovery"
    module = "benchmarks.robustness.crash_recovery"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and a line on how it was made."""
        rows = [
            [row["fault"], row["way"], *(str(row[name]) for name in COUNTS)]
            for row in report["rows"]
        ]
        totals = [sum(row[name] for row in report["rows"]) for name in COUNTS]
        rows.append(["together", "", *map(str, totals)])
        head = ["fault", "training", "runs", "kills", "goes on"]
        head += ["other ends", "can't be read", "litter"]
        return [self.table(head, rows), nodes.paragraph(text=_versions(report))]


class Determinism(FigureTable):
    """What TensorFlow's determinism costs, and what it changes."""

    results = "determinism"
    module = "benchmarks.training.determinism"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and a line on how it was made."""
        rows = [
            [
                name,
                _seconds(row["without"]),
                _seconds(row["with"]),
                f"{row['ratio']:.2f}",
                *(str(len(row[f"ends_{kind}"])) for kind in ("without", "with")),
            ]
            for name, row in report["determinism"].items()
        ]
        head = ["recipe", "without, s", "with, s", "ratio", "different ends without", "with"]
        text = f"An epoch of {report['images']:,} images. {_versions(report)}"
        return [self.table(head, rows), nodes.paragraph(text=text)]


class States(FigureTable):
    """What it costs to keep the state of a run."""

    results = "determinism"
    module = "benchmarks.training.determinism"

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return one table and a line on how it was made."""
        rows = []
        for name, row in report["states"].items():
            times = row["milliseconds"]
            rows.append(
                [
                    name,
                    f"{row['bytes']:,}",
                    str(row["states"]),
                    f"{times['median']:.0f} ({times['least']:.0f} to {times['most']:.0f})",
                    f"{row['epoch_seconds']:.1f}",
                    f"{100 * row['share']:.2f}\N{NO-BREAK SPACE}%",
                ]
            )
        head = ["recipe", "bytes", "states", "ms for each", "an epoch, s", "of the training's time"]
        text = (
            f"Epochs of {report['kept_images']:,} images, kept at their ends and every "
            f"{report['every']} steps."
        )
        return [self.table(head, rows), nodes.paragraph(text=text)]
