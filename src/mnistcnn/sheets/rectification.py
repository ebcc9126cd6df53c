"""Rectification: the page of a form in a picture, as the ink on the flat sheet.

The corners of the marks give a homography. Paper is rarely flat, and lenses distort, so the frames
of the boxes are then searched for near their places, and a smooth displacement is fitted to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.sheets.frames import (
    OUTLIER_MM,
    displacement_at,
    find_frames,
    fit_displacement,
    nominal_frames,
)
from mnistcnn.sheets.ink import ink_strength
from mnistcnn.sheets.layout import PIXELS_PER_MM, Layout
from mnistcnn.types import Float32Array, UInt8Array

# Pixels per millimeter of a picture above which it is downscaled first, which avoids aliasing.
_MAX_PIXELS_PER_MM = 10.0
_MARKS_DIAGONAL_MM = 340.0  # of either paper, roughly
_MIN_FRAMES = 0.5  # fraction of the frames without which a page is not read


@dataclass(frozen=True, eq=False)
class FlatPage:
    """The ink on the flat sheet.

    Parameters
    ----------
    ink : Float32Array
        ``(h, w)``, `PIXELS_PER_MM` pixels per millimeter, at most 1: 0 is blank paper, with noise
        around it, 1 black. Shadows and the color of the light are compensated.
    frames : numpy.ndarray
        ``float64 (num_boxes, 4)``: left, top, right and bottom of each box in pixels, in the middle
        of the line.
    """

    ink: Float32Array
    frames: NDArray[np.float64]


def flatten_page(
    brightness: Float32Array, mark_corners: NDArray[np.float64], layout: Layout
) -> FlatPage:
    """Return the ink on the sheet of a form.

    Parameters
    ----------
    brightness : Float32Array
        ``(h, w, 1)`` or ``(h, w, 3)``: the picture, in [0, 1].
    mark_corners : numpy.ndarray
        ``(4, 4, 2)``: the corners of the marks in the picture.
    layout : Layout
        Of the form.

    Raises
    ------
    ValueError
        If the frames of less than half of the boxes are where they should be. The message is the
        end of a sentence that begins with the name of the picture.
    """
    picture, corners = _downscale(brightness, mark_corners)
    homography, _ = cv2.findHomography(layout.mark_corners().reshape(-1, 2), corners.reshape(-1, 2))
    if homography is None:
        raise ValueError("must show the four corner marks of a form at its corners")
    x, y = _grid(layout)
    # The frames are gray, so they are in each channel.
    green = np.ascontiguousarray(picture[..., picture.shape[2] // 2, None])
    found, offsets = find_frames(ink_strength(_sample(green, homography, x, y)), layout)
    _check_found(found)
    displacement = fit_displacement(layout, found, offsets)
    dx, dy = (displacement_at(layout, x, y, each) for each in displacement)
    ink = ink_strength(_sample(picture, homography, x + dx, y + dy))
    found, offsets = find_frames(ink, layout)
    _check_found(found)
    nominal = nominal_frames(layout)
    near = np.abs(offsets) < 2 * OUTLIER_MM
    return FlatPage(ink, (nominal + np.where(found & near, offsets, 0)) * PIXELS_PER_MM)


def pixels_per_mm(mark_corners: NDArray[np.float64], layout: Layout) -> float:
    """Return the resolution of a picture at that corner of the form where it is lowest."""
    sides = np.roll(mark_corners, -1, axis=1) - mark_corners
    expected = layout.mark_corners()
    length = float(np.hypot(*(expected[0, 1] - expected[0, 0])))
    return float(np.hypot(sides[..., 0], sides[..., 1]).mean(axis=1).min()) / length


def _downscale(
    brightness: Float32Array, corners: NDArray[np.float64]
) -> tuple[UInt8Array, NDArray[np.float64]]:
    """Return the picture as ``uint8``, at most as fine as the flat page needs."""
    picture = np.rint(brightness * 255).astype(np.uint8)
    diagonal = np.hypot(*(corners[2, 2] - corners[0, 0]))
    scale = _MAX_PIXELS_PER_MM * _MARKS_DIAGONAL_MM / float(diagonal)
    if scale >= 1:
        return picture, corners
    size = [max(1, round(side * scale)) for side in picture.shape[1::-1]]
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
    ratio = np.array(size) / picture.shape[1::-1]
    return small, (corners + 0.5) * ratio - 0.5


def _grid(layout: Layout) -> tuple[Float32Array, Float32Array]:
    """Return x and y of each pixel of the flat page in millimeters."""
    width, height = (round(side * PIXELS_PER_MM) for side in (layout.width, layout.height))
    x, y = ((np.arange(size, dtype=np.float32) + 0.5) / PIXELS_PER_MM for size in (width, height))
    columns, rows = np.meshgrid(x, y)
    return columns.astype(np.float32), rows.astype(np.float32)


def _sample(
    picture: UInt8Array, homography: NDArray[np.float64], x: Float32Array, y: Float32Array
) -> UInt8Array:
    h = homography.astype(np.float32)
    # At the horizon, which may lie beyond the marks, the depth is 0.
    depth = h[2, 0] * x + h[2, 1] * y + h[2, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = (h[0, 0] * x + h[0, 1] * y + h[0, 2]) / depth
        rows = (h[1, 0] * x + h[1, 1] * y + h[1, 2]) / depth
    flat = cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8).reshape(*x.shape, -1)


def _check_found(found: NDArray[np.bool_]) -> None:
    num_found = int(found.all(axis=1).sum())
    if num_found < _MIN_FRAMES * len(found):
        raise ValueError(
            f"must show the frames of at least half of the boxes; {num_found} of {len(found)} were "
            "found: photograph the page lying flat, in focus and from above"
        )
