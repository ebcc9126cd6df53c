"""ocr.cut_paths"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.ocr.binarization import AREA
from mnistcnn.ocr.components import Component
from mnistcnn.types import Float32Array

CutPath = NDArray[np.intp]
_MAX_PATHS = 12

_BEND, _CRUMB = 0.18, 0.12


def cut_paths(part: Component) -> list[CutPath]:
    """Return paths along which a part may be cut: a column for each row, left to right."""
    count = min(_MAX_PATHS, part.width // 3, max(3, round(7 * part.width / part.height)))
    if count < 1:
        return []
    bend = max(2, round(_BEND * part.height))
    # A band about each of some places; beyond the part, nothing can be cut.
    middles = np.rint(np.linspace(0.12, 0.88, count) * part.width).astype(np.intp)
    wide = np.pad(part.strength, [(0, 0), (bend, bend)], constant_values=np.inf)
    bands = np.stack([wide[:, one : one + 2 * bend + 1] for one in middles], axis=1)
    found: list[CutPath] = []
    for seam in _cheapest_paths(bands).T + middles[:, np.newaxis] - bend:
        if not any(np.abs(seam - other).max() < 2 for other in found):
            found.append(seam)
    return found


def _cheapest_paths(bands: Float32Array) -> NDArray[np.intp]:
    """Return ``(rows, bands)``: the path down each band that crosses the least ink.

    From row to row it goes at most a column aside (dynamic programming, as in Avidan and
    Shamir, "Seam carving for content-aware image resizing", 2007).
    """
    height, count, width = bands.shape
    aside = np.abs(np.arange(width) - width // 2) / width
    # Of two ways through paper alone, the straighter one.
    costs = bands + 0.02 * aside + 0.01
    totals = np.full((height, count, width + 2), np.inf, costs.dtype)
    totals[0, :, 1:-1] = costs[0]
    least = np.empty_like(costs[0])
    for before, after, cost in zip(totals, totals[1:], costs[1:], strict=False):
        np.minimum(before[:, :-2], before[:, 1:-1], out=least)
        np.minimum(least, before[:, 2:], out=least)
        np.add(cost, least, out=after[:, 1:-1])
    paths = np.empty((height, count), np.intp)
    paths[-1] = totals[-1, :, 1:-1].argmin(axis=1)
    each, aside = np.arange(count)[:, np.newaxis], np.arange(3)
    for row in range(height - 1, 0, -1):
        ways = totals[row - 1, each, paths[row][:, np.newaxis] + aside]
        paths[row - 1] = paths[row] + ways.argmin(axis=1) - 1
    return paths


def slice_between(part: Component, left: CutPath | None, right: CutPath | None) -> Component | None:
    """Return what lies between two seams (None: the part's own end), or None if nothing does."""
    # Only columns that one of the seams or both leave free.
    first = 0 if left is None else min(int(left.min()), part.width)
    end = part.width if right is None else max(int(right.max()), 0)
    columns = np.arange(max(first, 0), end)
    strength = part.strength[:, max(first, 0) : end]
    inside = np.ones(strength.shape, bool)
    if not inside.size:
        return None
    if left is not None:
        inside &= columns >= left[:, np.newaxis]
    if right is not None:
        inside &= columns < right[:, np.newaxis]
    ink = inside & (strength > 0.5)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    if len(stats) < 2:
        return None
    # What the cut leaves of a neighbour is not part of the digit.
    crumbs = stats[:, AREA] < _CRUMB * stats[1:, AREA].max()
    crumbs[0] = False
    ink &= ~crumbs[labels]
    rows, across = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    place = slice(rows[0], rows[-1] + 1), slice(across[0], across[-1] + 1)
    strength = np.where(inside & ~crumbs[labels], strength, 0)[place]
    return Component(part.left + int(columns[across[0]]), part.top + int(rows[0]), strength)
