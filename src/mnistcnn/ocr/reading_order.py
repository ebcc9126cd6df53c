"""Putting boxes into lines, in the order in which people read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnistcnn.types import Float64Array

# Two boxes are of one line when so much of the lower one's height is shared.
_MIN_VERTICAL_OVERLAP = 0.4
# A line may bend, so a box is compared with the last few before it.
_MAX_GAP = 3
# A neighbour to the right begins within two heights, and is no further up or down than this
# share of its distance.
_STEEPEST = 0.45


def group_into_lines(boxes: Sequence[tuple[int, int, int, int]]) -> list[list[int]]:
    """Return the indices of boxes by line, top to bottom, each line from left to right.

    Parameters
    ----------
    boxes : sequence of tuple of int
        Left, top, right and bottom of each. Lines may run uphill or downhill: their slope
        is that between neighbours.
    """
    if not boxes:
        return []
    left, top, right, bottom = np.asarray(boxes, float).T
    half = (bottom - top) / 2
    middle = (top + bottom) / 2 - _baseline_slope(left, top, right, bottom) * (left + right) / 2
    lines: list[list[int]] = []
    # Of the last few in each line.
    centres, reaches = np.empty(len(left)), np.empty(len(left))
    for one in np.argsort(left, kind="stable").tolist():
        centre, reach = centres[: len(lines)], reaches[: len(lines)]
        low = np.maximum(centre - reach, middle[one] - half[one])
        high = np.minimum(centre + reach, middle[one] + half[one])
        share = (high - low) / np.maximum(2 * np.minimum(reach, half[one]), 1)
        best = int(share.argmax()) if lines else 0
        if not lines or share[best] <= _MIN_VERTICAL_OVERLAP:
            best = len(lines)
            lines.append([])
        lines[best].append(one)
        near = lines[best][-_MAX_GAP:]
        centres[best], reaches[best] = middle[near].mean(), half[near].mean()
    return sorted(lines, key=lambda line: float(middle[line].mean()))


def _baseline_slope(
    left: Float64Array, top: Float64Array, right: Float64Array, bottom: Float64Array
) -> float:
    """Return by how many pixels lines fall for one to the right: the median of neighbours."""
    x, y, height = (left + right) / 2, (top + bottom) / 2, bottom - top
    slopes = []
    for one in range(len(x)):
        across, down = x - x[one], y - y[one]
        beside = (across > 0) & (left - right[one] < 2 * height[one])
        beside &= np.abs(down) < _STEEPEST * across + 0.25 * height[one]
        if beside.any():
            other = np.flatnonzero(beside)[across[beside].argmin()]
            # Digits stand on a line with their feet, or hang from it with their heads.
            steps = bottom[other] - bottom[one], top[other] - top[one], down[other]
            slopes.append(np.median(steps) / across[other])
    return float(np.median(slopes)) if slopes else 0.0
