"""What the directives that show measured figures share. No figure is typed into a page."""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"

Rows = list[list[str]]


def share(value: float) -> str:
    """Return a share as a percentage."""
    return f"{100 * value:.2f}\N{NO-BREAK SPACE}%"


class FigureTable(SphinxDirective):
    """A directive that makes nodes of one file in ``benchmarks/results``."""

    results: str
    module: str

    def run(self) -> list[nodes.Node]:
        """Read the file and make the nodes."""
        path = RESULTS / f"{self.results}.json"
        if not path.is_file():
            command = f"python -m {self.module}"
            raise self.error(f"{path} is absent; make it with: {command}")
        self.env.note_dependency(str(path))
        return self.content_of(json.loads(path.read_text(encoding="utf-8")))

    def content_of(self, report: dict[str, Any]) -> list[nodes.Node]:
        """Return what stands in the page."""
        raise NotImplementedError

    def table(self, head: list[str], rows: Rows) -> nodes.table:
        """Make a table whose first column names the row."""
        group = nodes.tgroup(cols=len(head))
        group += [nodes.colspec(colwidth=1) for _ in head]
        header, body = nodes.thead(), nodes.tbody()
        header += self._row(head)
        body += [self._row(row) for row in rows]
        group += [header, body]
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
