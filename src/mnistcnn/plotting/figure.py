"""Figures that notebooks display without pyplot."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A figure that is displayed when it is the last expression of a cell.

    A notebook displays Matplotlib's own class only once pyplot has been imported. Since pyplot does
    not know the figure, it is not displayed a second time at the end of the cell.
    """

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def new_figure(size: tuple[float, float]) -> Figure:
    """Return a figure of this width and height in inches."""
    return NotebookFigure(figsize=size, layout="constrained")
