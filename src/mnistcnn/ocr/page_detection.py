"""Finding the sheet in a picture that shows more: paper on a desk, a button on a screen.

A sheet is a region that is lighter or darker than all around it, has the shape of a
rectangle, and has something on it. Digits have another shape, or nothing on them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.types import Float32Array

_SMALL = 256
# A picture with a shorter side shows a digit, whose bowls are no sheets, and no more.
_SHORTEST = 64
# Shares of the picture that a sheet takes.
_LEAST, _MOST = 0.12, 0.92
# Share of the upright or turned rectangle about it that a sheet fills.
_FILLED = 0.85
# Share of the sheet that is covered by what is on it.
_COVERED = (0.003, 0.5)
# Of the longer side: how wide the edge of a sheet is, that belongs to neither side.
_EDGE = 0.012
# Within so many pixels of its edge, a sheet and what is beyond differ by so much of what
# light and dark differ by on the whole; and so they do along so much of the edge.
_NEAR, _SHARP, _NEARLY = 3, 0.5, 0.8
# Further in and further out it still does: a ruled line is an edge with the same paper beyond.
_FAR, _APART = 9, 0.35


def detect_page(grey: Float32Array) -> NDArray[np.bool_] | None:
    """Return where the sheet is, ``bool (h, w)``, or None if the whole picture is one.

    Parameters
    ----------
    grey : Float32Array
        ``(h, w)``: brightness in [0, 1].
    """
    scale = min(1.0, _SMALL / max(grey.shape))
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    if min(grey.shape) < _SHORTEST or min(size) < 8:
        return None
    levels = np.rint(255 * cv2.resize(grey, size, interpolation=cv2.INTER_AREA)).astype(np.uint8)
    levels = np.asarray(cv2.GaussianBlur(levels, (3, 3), 0))
    _, light = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    sheets = [_page_mask(np.asarray(mask), levels) for mask in (light, 255 - light)]
    found = max((one for one in sheets if one is not None), key=np.count_nonzero, default=None)
    if found is None:
        return None
    # Without its edge, where the light of both sides mixes.
    edge = 2 * max(1, round(_EDGE * max(size))) + 1
    inner = cv2.erode(np.pad(found, 1), np.ones((edge, edge), np.uint8))[1:-1, 1:-1]
    full = cv2.resize(inner, grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(full > 0)


def _page_mask(mask: NDArray[np.uint8], levels: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return the largest region of a mask, with what is on it, if it is a sheet."""
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    outline = max(outlines, key=cv2.contourArea)
    filled = np.zeros_like(mask)
    cv2.drawContours(filled, [outline], -1, 1, thickness=cv2.FILLED)
    area = int(filled.sum())
    _, (width, height), _ = cv2.minAreaRect(outline)
    covered = np.count_nonzero((filled > 0) & (mask == 0)) / max(area, 1)
    is_sheet = (
        _LEAST < area / mask.size < _MOST
        and area > _FILLED * (width + 1) * (height + 1)
        and _COVERED[0] < covered < _COVERED[1]
    )
    if not is_sheet:
        return None
    # Around it all, since digits at the edge of a shadow have sharp edges, too.
    around = np.zeros_like(mask)
    cv2.drawContours(around, [cv2.convexHull(outline)], -1, 1, thickness=cv2.FILLED)
    return filled if _has_sharp_edges(around, mask, levels) else None


def _has_sharp_edges(
    around: NDArray[np.uint8], mask: NDArray[np.uint8], levels: NDArray[np.uint8]
) -> bool:
    """Tell a sheet from light that fades: nearly everywhere it ends within some pixels."""
    edge = (cv2.dilate(around, np.ones((3, 3), np.uint8)) > 0) & (around == 0)
    if not edge.any():
        return False
    near = np.ones((2 * _NEAR + 1,) * 2, np.uint8)
    # Light and dark on both sides of the edge, as far as they are apart nearby.
    steps = cv2.morphologyEx(levels, cv2.MORPH_GRADIENT, near)[edge]
    apart = abs(float(levels[mask > 0].mean()) - float(levels[mask == 0].mean()))
    inside = cv2.erode(np.pad(around, _NEAR), near)[_NEAR:-_NEAR, _NEAR:-_NEAR]
    sides = [_median_near(levels, one)[edge] for one in (inside, 1 - cv2.dilate(around, near))]
    differ = np.abs(sides[0] - sides[1]) > _APART * apart
    # Where there is no other side so far out, nothing speaks against a sheet.
    differ |= ~np.isfinite(sides[0] - sides[1])
    return float(np.mean((steps > _SHARP * apart) & differ)) > _NEARLY


def _median_near(levels: NDArray[np.uint8], where: NDArray[np.uint8]) -> Float32Array:
    """Return the mean level of those pixels near each place, NaN where none is near."""
    size = (2 * _FAR + 1,) * 2
    inside = where.astype(np.float32)
    total = cv2.boxFilter(levels * inside, -1, size, normalize=False)
    count = np.rint(cv2.boxFilter(inside, -1, size, normalize=False))
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float32)
