"""The content of one box: a digit crop, or the reason why there is none."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.digit_image import to_digit_image
from mnistcnn.sheets.layout import PIXELS_PER_MM
from mnistcnn.types import Float32Array, UInt8Array

Reason: TypeAlias = Literal[
    "empty", "too faint", "too small", "crosses the border", "blotted", "blurred"
]

# Distance in millimeters from the middle of the frame: the ink of the frame ends within the first,
# ink between the two touches it.
_INNER_MM, _TOUCH_MM = 0.6, 0.9
# Strength below which there is no ink, and below which it is too faint: absolute, and in standard
# deviations of the noise. A pencil has about 0.3.
_MIN_INK, _MIN_INK_DEVIATIONS = 0.06, 5.0
_MIN_STRENGTH, _MIN_STRENGTH_DEVIATIONS = 0.14, 8.0
_PAPER_QUANTILES = (0.05, 0.2)
_FULL_INK_QUANTILE = 0.9
_INK_FRACTION = 0.4  # of the full ink above which a pixel is ink
_MIN_SPECK_MM2 = 0.4
_MIN_SIDE_MM = 2.0  # of the longer side
_MAX_STROKE_MM = 4.5
_MAX_EDGE_MM = 1.3  # distance over which the ink fades at the edge of a stroke


def read_box(
    ink: Float32Array, frame: NDArray[np.float64]
) -> tuple[UInt8Array | None, Reason | None]:
    """Return the digit crop in a box, or the reason why there is none.

    Parameters
    ----------
    ink : Float32Array
        ``(h, w)``: the ink on the flat page.
    frame : numpy.ndarray
        Left, top, right and bottom of the box in pixels, in the middle of the line.
    """
    margin = round(_INNER_MM * PIXELS_PER_MM)
    left, top = (int(np.floor(edge)) + margin for edge in frame[:2])
    right, bottom = (int(np.ceil(edge)) - margin for edge in frame[2:])
    box = np.ascontiguousarray(ink[top:bottom, left:right])
    if np.quantile(box, _PAPER_QUANTILES[1]) > _MIN_STRENGTH:
        return None, "blotted"  # so full of ink that it would pass for the paper below
    mask, strength, noise = _find_ink(box)
    if not mask.any():
        return None, "empty"
    reason = _reason(box, mask, strength, noise)
    if reason is not None:
        return None, reason
    digit = np.where(_grow(mask), np.clip(box, 0, 1), 0)
    image = to_digit_image((1 - digit)[..., None].astype(np.float32))
    return image, None


def _find_ink(box: Float32Array) -> tuple[NDArray[np.bool_], float, float]:
    """Return the mask of the ink without specks, the strength of full ink and the noise."""
    # The lowest values are paper, even in a box with much ink: of a normal distribution, the
    # quantiles 0.05 and 0.2 lie 1.64 and 0.84 standard deviations below the mean.
    low, high = np.quantile(box, _PAPER_QUANTILES)
    noise = float(high - low) / 0.8
    paper = float(high) + 0.84 * noise
    above = box > max(_MIN_INK, paper + _MIN_INK_DEVIATIONS * noise)
    mask = _without_specks(above)
    if not mask.any():
        return mask, 0.0, noise
    strength = float(np.quantile(box[mask], _FULL_INK_QUANTILE))
    return _without_specks(mask & (box > _INK_FRACTION * strength)), strength, noise


def _without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    large = stats[:count, cv2.CC_STAT_AREA] >= _MIN_SPECK_MM2 * PIXELS_PER_MM**2
    large[0] = False
    return np.asarray(large[labels])


def _reason(
    box: Float32Array, mask: NDArray[np.bool_], strength: float, noise: float
) -> Reason | None:
    if strength < max(_MIN_STRENGTH, _MIN_STRENGTH_DEVIATIONS * noise):
        return "too faint"
    if _edge_width(box, mask, strength) > _MAX_EDGE_MM:
        return "blurred"
    stroke = 2 * cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5).max()
    if stroke > _MAX_STROKE_MM * PIXELS_PER_MM:
        return "blotted"
    ring = round((_TOUCH_MM - _INNER_MM) * PIXELS_PER_MM)
    if mask.sum() > mask[ring:-ring, ring:-ring].sum():
        return "crosses the border"
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    if side < _MIN_SIDE_MM * PIXELS_PER_MM:
        return "too small"
    return None


def _edge_width(box: Float32Array, mask: NDArray[np.bool_], strength: float) -> float:
    """Return the distance in millimeters over which the ink fades at the edges of strokes."""
    edges = _grow(mask) & ~mask
    down, across = np.gradient(box)
    slopes = np.hypot(down, across)[edges] * PIXELS_PER_MM
    return strength / max(float(np.quantile(slopes, 0.75)), 1e-6)


def _grow(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    kernel = np.ones((5, 5), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), bool)
