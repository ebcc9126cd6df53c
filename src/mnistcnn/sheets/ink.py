"""The ink on a flat page: how much darker each pixel is than the paper around it."""

from __future__ import annotations

import cv2
import numpy as np

from mnistcnn.sheets.layout import PIXELS_PER_MM
from mnistcnn.types import Float32Array, UInt8Array

# Resolution and size of the filter that removes all ink from the page: wider than a box.
_BACKGROUND_PIXELS_PER_MM, _BACKGROUND_MM = 3, 13.5
_SMOOTHING = 1.0  # standard deviation in pixels
_MIN_PAPER = 8  # gray level, which bounds the noise in black shadows


def ink_strength(page: UInt8Array) -> Float32Array:
    """Return the ink of a flat page: the strongest of the colors, relative to the paper around."""
    strongest = np.full(page.shape[:2], -1, np.float32)
    for channel in np.moveaxis(page, 2, 0):
        paper = np.maximum(_paper_brightness(channel), _MIN_PAPER)
        smooth = cv2.GaussianBlur(channel.astype(np.float32), (0, 0), _SMOOTHING)
        np.maximum(strongest, 1 - smooth / paper, out=strongest)
    return strongest


def _paper_brightness(channel: UInt8Array) -> Float32Array:
    """Return the brightness of the paper: a closing removes what is dark and thin.

    Unlike a mean or a median, it keeps the edge of a shadow where it is.
    """
    height, width = channel.shape
    scale = _BACKGROUND_PIXELS_PER_MM / PIXELS_PER_MM
    size = round(width * scale), round(height * scale)
    small = cv2.resize(np.ascontiguousarray(channel), size, interpolation=cv2.INTER_AREA)
    side = round(_BACKGROUND_MM * _BACKGROUND_PIXELS_PER_MM) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    closed = cv2.morphologyEx(cv2.medianBlur(small, 3), cv2.MORPH_CLOSE, kernel)
    closed = cv2.GaussianBlur(closed.astype(np.float32), (0, 0), _BACKGROUND_PIXELS_PER_MM / 3)
    return np.asarray(cv2.resize(closed, (width, height), interpolation=cv2.INTER_LINEAR))
