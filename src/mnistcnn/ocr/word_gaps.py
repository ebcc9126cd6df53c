"""Words: digits of a line between gaps that are much wider than the usual ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from mnistcnn.types import Float64Array

_Box: TypeAlias = tuple[int, int, int, int]

# A gap between words is wider than this many digit heights, plus this many usual gaps.
_MIN_GAP = 0.7
_USUAL_GAPS = 2.0
# The usual gap is this quantile of the gaps of a line. Where a line has fewer gaps than this, it
# is that of the page.
_USUAL_QUANTILE = 0.25
_MIN_COUNT = 3


def find_words(lines: Sequence[Sequence[_Box]], rotation: int) -> list[list[slice]]:
    """Return the words of each line.

    Digits with equal distances, such as those in the cells of a form, are one word, however wide
    the distances are.

    Parameters
    ----------
    lines : sequence of sequence of tuple of int
        Left, top, right and bottom of each digit, in reading order.
    rotation : int
        Degrees clockwise by which the text is turned: 0, 90, 180 or 270.
    """
    gaps = [_relative_gaps(line, rotation) for line in lines]
    page_gap = _usual_gap(np.concatenate([np.zeros(0), *gaps]))
    words = []
    for line, line_gaps in zip(lines, gaps, strict=True):
        usual_gap = _usual_gap(line_gaps) if len(line_gaps) >= _MIN_COUNT else page_gap
        is_wide = line_gaps > _MIN_GAP + _USUAL_GAPS * usual_gap
        starts = [0, *(np.flatnonzero(is_wide) + 1).tolist()]
        words.append([slice(*ends) for ends in zip(starts, [*starts[1:], len(line)], strict=True)])
    return words


def _relative_gaps(boxes: Sequence[_Box], rotation: int) -> Float64Array:
    """Return the gaps between neighboring digits of a line, in digit heights."""
    if len(boxes) < 2:
        return np.zeros(0)
    left, top, right, bottom = np.asarray(boxes, np.float64).T
    start, end, low, high = {
        0: (left, right, top, bottom),
        90: (top, bottom, left, right),
        180: (-right, -left, top, bottom),
        270: (-bottom, -top, left, right),
    }[rotation]
    gaps: Float64Array = (start[1:] - end[:-1]) / np.median(high - low)
    return gaps


def _usual_gap(gaps: Float64Array) -> float:
    """Return a low quantile of the gaps; 0 if there are none, or if the digits overlap."""
    if not len(gaps):
        return 0.0
    return max(0.0, float(np.quantile(gaps, _USUAL_QUANTILE, method="lower")))
