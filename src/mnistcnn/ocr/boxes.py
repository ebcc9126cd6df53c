"""Boxes on a page: overlap, and rotation by quarter turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistcnn.types import Float64Array

# Left, top, right and bottom in pixels.
Edges: TypeAlias = tuple[float, float, float, float]

# Part of the smaller of two boxes from which they cover each other.
_MAX_SHARED = 0.3


def intersections(first: ArrayLike, second: ArrayLike) -> tuple[Float64Array, ...]:
    """Return the shared area of each box with each of another list, and the areas of all boxes.

    Parameters
    ----------
    first, second : array_like
        ``(n, 4)`` and ``(m, 4)``: left, top, right and bottom.

    Returns
    -------
    tuple of numpy.ndarray
        Shared areas ``(n, m)``, areas ``(n,)`` and ``(m,)``.
    """
    left, top, right, bottom = np.asarray(first, float).reshape(-1, 4).T
    others = np.ascontiguousarray(np.asarray(second, float).reshape(-1, 4).T)
    # In place, since a full page has thousands of boxes in both lists.
    shared = _overlap(left, right, others[0], others[2])
    shared *= _overlap(top, bottom, others[1], others[3])
    areas = (right - left) * (bottom - top)
    return shared, areas, (others[2] - others[0]) * (others[3] - others[1])


def _overlap(
    starts: Float64Array, ends: Float64Array, other_starts: Float64Array, other_ends: Float64Array
) -> Float64Array:
    """Return the length that each interval shares with each other one, ``(n, m)``."""
    lengths = np.minimum(ends[:, np.newaxis], other_ends)
    lengths -= np.maximum(starts[:, np.newaxis], other_starts)
    return np.maximum(lengths, 0, out=lengths)


def intersection_over_union(first: ArrayLike, second: ArrayLike) -> Float64Array:
    """Return the intersection over union of each box with each of another list, ``(n, m)``."""
    shared, areas, other_areas = intersections(first, second)
    union = areas[:, np.newaxis] + other_areas
    union -= shared
    shared /= np.maximum(union, 1e-6, out=union)
    return shared


def cover(boxes: ArrayLike, box: Edges) -> NDArray[np.bool_]:
    """Return whether each box ``(n, 4)`` and another one share a large part of the smaller one."""
    shared, areas, area = intersections(boxes, box)
    return np.asarray(shared[:, 0] > _MAX_SHARED * np.minimum(areas, area))


def turn_back(edges: Edges, quarter_turns: int, shape: Sequence[int]) -> Edges:
    """Return where a box of an image that was turned lies in the image, which has this shape.

    The image was turned counterclockwise, as by `numpy.rot90`.
    """
    left, top, right, bottom = edges
    for turn in reversed(range(quarter_turns)):
        # Width of the image before it was turned for the last time.
        width = shape[1 - turn % 2]
        left, top, right, bottom = width - bottom, left, width - top, right
    return left, top, right, bottom
