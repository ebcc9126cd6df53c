"""Digit crops: the ink of a digit in MNIST's format, the input of the classifier."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.size_normalization import BOX_SIZE, to_mnist_format
from mnistcnn.types import Float32Array, UInt8Array

# Longer side, in pixels, at which strokes are widened before a crop is scaled to MNIST's size;
# strokes are then about ten pixels wide.
_WORKING_SIZE = 80
# Narrowest stroke in a digit crop, in pixels of MNIST's 20 × 20 box: the strokes of a thinner pen
# are widened to it. A fifth of MNIST's digits have thinner ones.
_MIN_STROKE_WIDTH = 2.0
# Coverage, in [0, 1], below which there is no ink.
_MIN_COVERAGE = 0.05


def digit_crop(coverage: Float32Array) -> UInt8Array:
    """Return the ink of a digit in the format of MNIST, ``uint8 (28, 28)``.

    Parameters
    ----------
    coverage : Float32Array
        ``(h, w)``: coverage of each pixel of the digit's bounding box by its ink, in [0, 1].
    """
    height, width = coverage.shape
    scale = _WORKING_SIZE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    ink = np.clip(cv2.resize(coverage, size, interpolation=method), 0, 1, dtype=np.float32)
    # Downscaling makes the strokes of a thin pen pale.
    ink /= max(float(ink.max()), _MIN_COVERAGE)
    missing_width = _MIN_STROKE_WIDTH * _WORKING_SIZE / BOX_SIZE - stroke_width(ink)
    if missing_width > 0:
        radius = round(missing_width / 2)
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        ink = np.asarray(cv2.dilate(_pad(ink, radius), disk), np.float32)
    return to_mnist_format(np.where(ink < _MIN_COVERAGE, np.float32(0), ink))


def stroke_width(coverage: Float32Array) -> float:
    """Return the mean width of the strokes in pixels."""
    mask = _pad((coverage > 0.5).view(np.uint8), 1)
    distances = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
    inside = distances[mask.view(bool)]
    # Across a stroke of w pixels the distances to the edge are 1, 2, 3, ..., 2, 1, with a mean of
    # about w / 4 + 1 / 2.
    return 4 * float(inside.mean()) - 2 if inside.size else 0.0


def _pad(array: NDArray[Any], width: int) -> NDArray[Any]:
    """Pad an array with zeros on each side, much faster than `numpy.pad`."""
    return np.asarray(cv2.copyMakeBorder(array, width, width, width, width, cv2.BORDER_CONSTANT))
