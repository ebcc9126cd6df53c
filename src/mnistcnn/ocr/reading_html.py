"""A reading as HTML for notebooks: its text, and its digits with their confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mnistcnn.notebook import html
from mnistcnn.types import UInt8Array

_MAX_DIGITS = 30
_MAX_TEXT = 1000


class ShownDigit(Protocol):
    """What is shown of a digit."""

    @property
    def label(self) -> int:
        """The digit."""

    @property
    def confidence(self) -> float:
        """Probability that it is this digit."""

    @property
    def image(self) -> UInt8Array:
        """``(28, 28)``: the digit crop."""


def reading_html(
    text: str,
    *,
    probability: float,
    lines: Sequence[Sequence[ShownDigit]],
    omitted: Sequence[ShownDigit],
) -> str:
    """Return the text of a reading, and an image of its digits with their confidences."""
    digits = [digit for line in lines for digit in line]
    count = "1 digit" if len(digits) == 1 else f"{len(digits):,} digits"
    parts = [html.heading("Reading", f"{count}, probability {probability:.1%}")]
    if not digits:
        return html.block(*parts, html.line("no digits"))
    parts.append(f"<pre>{html.escape(text, limit=_MAX_TEXT)}</pre>")
    shown = digits[:_MAX_DIGITS]
    parts += [
        '<div style="display: inline-block; text-align: center; margin: 0.2em 0.4em">'
        f"{html.gray_image(np.asarray(digit.image), alt=str(digit.label))}"
        f'<div style="font-size: 80%">{digit.label}: {digit.confidence:.0%}</div></div>'
        for digit in shown
    ]
    if len(shown) < len(digits):
        parts.append(html.line(f"and {len(digits) - len(shown):,} more"))
    if omitted:
        parts.append(html.line(f"{len(omitted):,} omitted"))
    return html.block(*parts)
