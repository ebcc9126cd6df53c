"""Reading order: group boxes into lines of text, from top to bottom and from left to right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnistcnn.types import Float64Array

# Vertical overlap of a box with a line, relative to the lower height, for it to belong to the line.
_MIN_OVERLAP = 0.4
# A line may bend, so a box is compared with this many of the last boxes of a line.
_NUM_LAST_BOXES = 3
# The right neighbor of a box starts within this many heights.
_MAX_NEIGHBOR_GAP = 2
# Its vertical offset is at most this fraction of its distance, plus this fraction of the height.
_MAX_SLOPE, _MAX_OFFSET = 0.45, 0.25


def group_into_lines(boxes: Sequence[tuple[float, float, float, float]]) -> list[list[int]]:
    """Return the indices of the boxes by line, top to bottom, each line from left to right.

    Parameters
    ----------
    boxes : sequence of tuple of float
        Left, top, right and bottom of each. Lines may be tilted: their slope is estimated from
        neighboring boxes.
    """
    if not boxes:
        return []
    left, top, right, bottom = np.asarray(boxes, float).T
    half_heights = (bottom - top) / 2
    slope = _line_slope(left, top, right, bottom)
    # Vertical centers after the tilt is removed.
    centers = (top + bottom) / 2 - slope * (left + right) / 2
    lines: list[list[int]] = []
    # Means over the last boxes of each line.
    line_centers, line_half_heights = np.empty(len(left)), np.empty(len(left))
    for i in np.argsort(left, kind="stable").tolist():
        center, half_height = line_centers[: len(lines)], line_half_heights[: len(lines)]
        low = np.maximum(center - half_height, centers[i] - half_heights[i])
        high = np.minimum(center + half_height, centers[i] + half_heights[i])
        overlap = (high - low) / np.maximum(2 * np.minimum(half_height, half_heights[i]), 1)
        best = int(overlap.argmax()) if lines else 0
        if not lines or overlap[best] <= _MIN_OVERLAP:
            best = len(lines)
            lines.append([])
        lines[best].append(i)
        last = lines[best][-_NUM_LAST_BOXES:]
        line_centers[best], line_half_heights[best] = (
            centers[last].mean(),
            half_heights[last].mean(),
        )
    return sorted(lines, key=lambda line: float(centers[line].mean()))


def _line_slope(
    left: Float64Array, top: Float64Array, right: Float64Array, bottom: Float64Array
) -> float:
    """Return the slope of the lines, positive downwards: the median over pairs of neighbors."""
    x, y, heights = (left + right) / 2, (top + bottom) / 2, bottom - top
    slopes = []
    for i in range(len(x)):
        dx, dy = x - x[i], y - y[i]
        is_neighbor = (dx > 0) & (left - right[i] < _MAX_NEIGHBOR_GAP * heights[i])
        is_neighbor &= np.abs(dy) < _MAX_SLOPE * dx + _MAX_OFFSET * heights[i]
        if is_neighbor.any():
            j = np.flatnonzero(is_neighbor)[dx[is_neighbor].argmin()]
            # Digits of different heights may be aligned at the bottom, the top or the center.
            offsets = bottom[j] - bottom[i], top[j] - top[i], dy[j]
            slopes.append(np.median(offsets) / dx[j])
    # Of an even number, the middle one that is more level: an exponent must not tilt a short line.
    slopes.sort()
    middle = slopes[(len(slopes) - 1) // 2 : len(slopes) // 2 + 1]
    return float(min(middle, key=abs, default=0.0))
