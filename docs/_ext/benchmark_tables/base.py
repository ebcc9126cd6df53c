"""The base class of the directives: a table from a file of benchmarks/results."""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"

Rows = list[list[str]]


def percent(fraction: float) -> str:
    """Format a fraction as a percentage."""
    return f"{100 * fraction:.2f}\N{NO-BREAK SPACE}%"


def ratio(value: float) -> str:
    """Format a ratio."""
    return f"{value:.2f}\N{NO-BREAK SPACE}×"


def value_range(summary: dict[str, float], form: str) -> str:
    """Format the range of a summary of timings."""
    return f"{summary['min']:{form}} to {summary['max']:{form}}"


def versions_text(report: dict[str, Any]) -> str:
    """Format the versions of a report."""
    return ", ".join(f"{name} {version}" for name, version in report["versions"].items())


def load_results(name: str) -> dict[str, Any]:
    """Load the results file of a benchmark."""
    return dict(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))


class BenchmarkTable(SphinxDirective):
    """A directive that shows one results file.

    Attributes
    ----------
    results : str
        The name of the file, without its suffix.
    module : str
        The benchmark that writes it.
    """

    results: str
    module: str

    def run(self) -> list[nodes.Node]:
        """Load the results and return the nodes."""
        path = RESULTS / f"{self.results}.json"
        if not path.is_file():
            raise self.error(f"{path} does not exist; create it with: python -m {self.module}")
        self.env.note_dependency(str(path))
        return self.content_of(load_results(self.results))

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return the nodes that show a report."""
        raise NotImplementedError

    def table(self, header: list[str], rows: Rows) -> nodes.table:
        """Create a table whose first column names the row."""
        group = nodes.tgroup(cols=len(header))
        group += [nodes.colspec(colwidth=1) for _ in header]
        head, body = nodes.thead(), nodes.tbody()
        head += self._row(header)
        body += [self._row(row) for row in rows]
        group += [head, body]
        table = nodes.table(classes=["colwidths-auto"])
        table += group
        return table

    @staticmethod
    def _row(cells: list[str]) -> nodes.row:
        row = nodes.row()
        for index, cell in enumerate(cells):
            entry = nodes.entry(classes=["text-left" if index == 0 else "text-right"])
            entry += nodes.paragraph(text=cell)
            row += entry
        return row
