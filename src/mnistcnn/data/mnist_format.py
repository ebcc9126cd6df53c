"""How MNIST was laid out: ink in a 20 × 20 box, its centre of mass in the middle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistcnn.types import IMAGE_SIZE, UInt8Array

BOX_SIZE = 20
# In pixel indices; MNIST's own images have their mean centre of mass at 14.0, 14.0.
CENTER = IMAGE_SIZE / 2


def to_mnist_format(ink: NDArray[np.float32]) -> UInt8Array:
    """Bring a drawing to 28 × 28 the way MNIST was made.

    The drawing is cropped to its ink, scaled so that its longer side fills 20 pixels
    (proportions and grey levels kept), and moved by whole pixels until its centre of
    mass lies in the middle of the field.

    Parameters
    ----------
    ink : numpy.ndarray
        ``float32`` of any shape ``(h, w)``; 0 is paper, 1 full ink.

    Returns
    -------
    numpy.ndarray
        ``uint8`` of shape ``(28, 28)``. All 0 if there is no ink.

    Notes
    -----
    The procedure is the one that LeCun, Cortes and Burges describe for MNIST. The
    scaling is Pillow's bicubic resize, whose filter widens when it shrinks.
    """
    field = np.zeros((IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        return field
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX_SIZE / max(cropped.shape)
    height, width = (max(1, round(side * scale)) for side in cropped.shape)
    resized = Image.fromarray(np.ascontiguousarray(cropped, dtype=np.float32)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    glyph = np.rint(np.clip(np.asarray(resized), 0, 1) * 255).astype(np.uint8)
    mass = float(glyph.sum())
    if not mass:
        return field
    top = _start(float(glyph.sum(axis=1) @ np.arange(height)) / mass, height)
    left = _start(float(glyph.sum(axis=0) @ np.arange(width)) / mass, width)
    field[top : top + height, left : left + width] = glyph
    return field


def _start(centre_of_mass: float, length: int) -> int:
    return min(max(round(CENTER - centre_of_mass), 0), IMAGE_SIZE - length)
