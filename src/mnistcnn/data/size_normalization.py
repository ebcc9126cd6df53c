"""MNIST's image format: the digit fits a 20 × 20 box, its center of mass is in the center."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistcnn.types import IMAGE_SIZE, UInt8Array

BOX_SIZE = 20
# In pixel indices; the mean center of mass of MNIST's images is at (14.0, 14.0).
CENTER = IMAGE_SIZE / 2


def to_mnist_format(ink: NDArray[np.float32]) -> UInt8Array:
    """Normalize the size and position of a digit to 28 × 28 pixels, as in MNIST.

    The image is cropped to its ink, scaled so that its longer side has 20 pixels (aspect
    ratio and gray levels are preserved), and shifted by an integer number of pixels so
    that its center of mass is in the center.

    Parameters
    ----------
    ink : numpy.ndarray
        ``float32`` of any shape ``(h, w)``; 0 is the background, 1 full ink.

    Returns
    -------
    numpy.ndarray
        ``uint8`` of shape ``(28, 28)``. All 0 if there is no ink.

    Notes
    -----
    LeCun, Cortes and Burges describe this procedure for MNIST. The scaling is Pillow's
    bicubic resize, which is antialiased.
    """
    image = np.zeros((IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        return image
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX_SIZE / max(cropped.shape)
    height, width = (max(1, round(side * scale)) for side in cropped.shape)
    resized = Image.fromarray(np.ascontiguousarray(cropped, dtype=np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    digit = np.rint(np.clip(np.asarray(resized), 0, 1) * 255).astype(np.uint8)
    mass = float(digit.sum())
    if not mass:
        return image
    top = _start(float(digit.sum(axis=1) @ np.arange(height)) / mass, height)
    left = _start(float(digit.sum(axis=0) @ np.arange(width)) / mass, width)
    image[top : top + height, left : left + width] = digit
    return image


def _start(center_of_mass: float, length: int) -> int:
    return min(max(round(CENTER - center_of_mass), 0), IMAGE_SIZE - length)
