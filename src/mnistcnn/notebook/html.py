"""HTML of results in a notebook: escaped, and without colors, so that dark themes work."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

_MAX_CHARS = 200
_CELL_STYLE = "text-align: {side}; padding: 0.15em 0.6em"
_TABLE_STYLE = "border-collapse: collapse; font-variant-numeric: tabular-nums"


def escape(value: object, *, limit: int = _MAX_CHARS) -> str:
    """Return ``str(value)`` as HTML that shows just these characters, at most `limit`."""
    text = str(value)
    if len(text) > limit:
        text = f"{text[: limit - 3]}..."
    return html.escape(text)


def block(*parts: str) -> str:
    """Return the HTML of one output of a cell."""
    return f"<div>{''.join(parts)}</div>"


def line(value: object, *, limit: int = _MAX_CHARS) -> str:
    """Return one line of text."""
    return f'<div style="padding: 0.15em 0">{escape(value, limit=limit)}</div>'


def heading(name: str, text: object = "") -> str:
    """Return the name of a class in bold and a text about the object."""
    return f'<div style="padding: 0.15em 0"><b>{escape(name)}</b> {escape(text)}</div>'


def table(
    rows: Iterable[Sequence[object]], *, header: Sequence[str] = (), left_columns: int = 1
) -> str:
    """Return a table, with numbers flush right.

    Parameters
    ----------
    rows : iterable of sequence
        The text of each cell.
    header : sequence of str, optional
        The titles of the columns.
    left_columns : int, default 1
        Number of columns of text, which are flush left.
    """

    def row(cells: Sequence[object], tag: str) -> str:
        styles = [
            _CELL_STYLE.format(side="left" if index < left_columns else "right")
            for index in range(len(cells))
        ]
        return "".join(
            f'<{tag} style="{style}">{escape(cell)}</{tag}>'
            for cell, style in zip(cells, styles, strict=True)
        )

    head = f"<thead><tr>{row(header, 'th')}</tr></thead>" if header else ""
    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    return f'<table style="{_TABLE_STYLE}">{head}<tbody>{body}</tbody></table>'


def details(summary: str, content: str, *, is_open: bool) -> str:
    """Return a part that the reader can open and close."""
    state = " open" if is_open else ""
    return f"<details{state}><summary>{escape(summary)}</summary>{content}</details>"


def gray_image(pixels: Any, *, alt: str, zoom: float = 1.0) -> str:
    """Return an image that the HTML contains.

    Parameters
    ----------
    pixels : numpy.ndarray
        ``uint8 (h, w)``; 0 is black.
    alt : str
        The text for readers who do not see it.
    zoom : float, default 1.0
        Width of a pixel on the screen.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    height, width = pixels.shape
    return (
        f'<img src="data:image/png;base64,{data}" alt="{escape(alt)}" '
        f'width="{width * zoom:.0f}" height="{height * zoom:.0f}" '
        'style="image-rendering: pixelated; vertical-align: middle; margin: 0.15em">'
    )
