"""Compose a page: a kind of paper, what is written on it, and marks."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from tools.page_network import cell_pages, digit_pages, digitless_pages
from tools.page_network.curves import Generator
from tools.page_network.glyphs import Glyphs
from tools.page_network.layers import InkLayer, Layout
from tools.page_network.marks import MARKS
from tools.page_network.rules_and_frames import PAPERS
from tools.page_network.sheet import Sheet

__all__ = ["KINDS", "MARKS", "PAPERS", "InkLayer", "Layout", "draw_layout"]

# Relative weights; those from "printed page" on hold no handwritten digit, 17 % together.
KINDS: dict[str, tuple[float, Callable[[Sheet], None]]] = {
    "digit rows": (0.2, digit_pages.digit_rows),
    "squared digits": (0.06, digit_pages.squared_digits),
    "scattered digits": (0.06, digit_pages.scattered_digits),
    "single digit": (0.1, digit_pages.single_digit),
    "equations": (0.11, digit_pages.equations),
    "sums": (0.04, digit_pages.sums),
    "lists": (0.09, digit_pages.lists),
    "tables": (0.08, cell_pages.tables),
    "digit grid": (0.05, cell_pages.digit_grid),
    "sudoku": (0.07, cell_pages.sudoku),
    "forms": (0.06, cell_pages.forms),
    "print with digits": (0.05, digit_pages.print_with_digits),
    "labelled blanks": (0.03, digit_pages.labelled_blanks),
    "envelope": (0.02, digit_pages.envelope),
    "printed page": (0.025, digitless_pages.printed_page),
    "receipt": (0.015, digitless_pages.receipt),
    "printed numbers": (0.045, digitless_pages.printed_numbers),
    "handwritten words": (0.03, digitless_pages.handwritten_words),
    "drawing": (0.015, digitless_pages.drawing),
    "empty table": (0.035, digitless_pages.empty_table),
    "plain shapes": (0.015, digitless_pages.plain_shapes),
    "scene": (0.01, digitless_pages.scene),
    "blank": (0.01, digitless_pages.blank),
}
# Kinds that bring their own lines, so that ruled paper is rare.
_RULED_KINDS = {"tables", "digit grid", "sudoku", "forms", "labelled blanks", "empty table"}


def draw_layout(
    generator: Generator,
    glyphs: Glyphs,
    size: tuple[int, int],
    *,
    without: Collection[str] = (),
) -> Layout:
    """Draw a flat page.

    Parameters
    ----------
    generator : numpy.random.Generator
        Source of everything random; equal states draw equal pages.
    glyphs : Glyphs
        Draws digits, letters, symbols and print.
    size : tuple of int
        Height and width in pixels.
    without : collection of str, default=()
        Names of `KINDS`, `PAPERS` and `MARKS` to leave out; others are ignored, so that names of
        photographic effects may be among them.

    Returns
    -------
    Layout
        Ink layers from bottom to top, the digit of each pixel, and the labels.

    Raises
    ------
    ValueError
        If every kind of page is left out.
    """
    names = [name for name in KINDS if name not in without]
    if not names:
        raise ValueError(f"at least one kind of page must remain; received without={without!r}")
    weights = np.array([KINDS[name][0] for name in names])
    kind = names[generator.choice(len(names), p=weights / weights.sum())]
    sheet = Sheet(generator, glyphs, size)
    _choose_paper(sheet, without, 0.15 if kind in _RULED_KINDS else 1.0)
    KINDS[kind][1](sheet)
    for name, (probability, draw) in MARKS.items():
        if generator.random() < probability and name not in without:
            draw(sheet)
    return sheet.finish()


def _choose_paper(sheet: Sheet, without: Collection[str], share: float) -> None:
    roll = sheet.generator.random()
    for name, (probability, draw) in PAPERS.items():
        roll -= share * probability
        if roll < 0:
            if name not in without:
                draw(sheet)
            return
