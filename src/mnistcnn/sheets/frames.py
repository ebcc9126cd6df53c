"""The frames of the boxes on a flat page, and the smooth displacement that they show."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.sheets.layout import BOX_SIZE, PIXELS_PER_MM, Layout
from mnistcnn.types import Float32Array

# Distance in millimeters within which the side of a frame is searched for; and that from the ends
# of the side within which the other sides begin.
_SEARCH_MM, _END_MM = 1.4, 2.0
# The frame of a box is continuous, ink that crosses it is not: the quantile along a side.
_SIDE_QUANTILE = 0.3
_MIN_FRAME_STRENGTH = 0.05
_MAX_SIZE_ERROR_MM = 0.8  # of a frame
_DEGREE = 3  # of the polynomials of the displacement
_FIT_ROUNDS, OUTLIER_MM = 4, 0.25
_GRID_CELLS = 32  # a side, over which the displacement is interpolated


def nominal_frames(layout: Layout) -> NDArray[np.float64]:
    """Return left, top, right and bottom of each box in millimeters."""
    origins = layout.box_origins()
    return np.concatenate([origins, origins + BOX_SIZE], axis=1)


def find_frames(ink: Float32Array, layout: Layout) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Search for the sides of each frame near their places.

    Returns
    -------
    tuple
        Whether each side is found, ``(num_boxes, 4)``, and its distance from its place in
        millimeters; opposite sides are found if their distance from each other is right.
    """
    frames = nominal_frames(layout)
    found = np.zeros(frames.shape, bool)
    offsets = np.zeros(frames.shape)
    for axis in (0, 1):  # sides that are vertical, then those that are horizontal
        image = ink if axis == 0 else ink.T
        # Smoothing along the side makes a line of print that is broken into dots continuous.
        image = cv2.blur(np.ascontiguousarray(image), (1, PIXELS_PER_MM))
        starts = frames[:, 1 - axis] + _END_MM
        for side in (axis, axis + 2):
            found[:, side], offsets[:, side] = _find_sides(image, frames[:, side], starts)
        width_error = offsets[:, axis + 2] - offsets[:, axis]
        is_square = np.abs(width_error - np.median(width_error)) < _MAX_SIZE_ERROR_MM
        found[:, axis] &= is_square
        found[:, axis + 2] &= is_square
    return found, offsets


def _find_sides(
    image: Float32Array, positions: NDArray[np.float64], starts: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Search for the vertical line near each position; all in millimeters."""
    reach = round(_SEARCH_MM * PIXELS_PER_MM)
    length = round((BOX_SIZE - 2 * _END_MM) * PIXELS_PER_MM)
    columns = np.floor(positions * PIXELS_PER_MM).astype(int)
    shifts = np.arange(-reach - 1, reach + 2)
    rows = np.floor(starts * PIXELS_PER_MM).astype(int)[:, None] + np.arange(length)
    strips = image[rows[:, :, None], (columns[:, None] + shifts)[:, None, :]]
    profiles = np.quantile(strips, _SIDE_QUANTILE, axis=1)
    peaks = 1 + np.argmax(profiles[:, 1:-1], axis=1)
    index = np.arange(len(peaks))
    before, peak, after = (profiles[index, peaks + step] for step in (-1, 0, 1))
    curvature = before - 2 * peak + after
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = np.where(curvature < 0, (before - after) / (2 * curvature), 0)
    pixels = columns + shifts[peaks] + np.clip(fraction, -0.5, 0.5) + 0.5
    strength = peak - np.median(profiles, axis=1)
    return strength > _MIN_FRAME_STRENGTH, pixels / PIXELS_PER_MM - positions


def fit_displacement(
    layout: Layout, found: NDArray[np.bool_], offsets: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coefficients of the displacement along x and y, fitted to the sides found."""
    frames = nominal_frames(layout)
    centers = (frames[:, :2] + frames[:, 2:]) / 2
    coefficients: list[NDArray[np.float64]] = []
    for axis in (0, 1):
        points, targets = [], []
        for side in (axis, axis + 2):
            point = centers.copy()
            point[:, axis] = frames[:, side]
            points.append(point[found[:, side]])
            targets.append(offsets[found[:, side], side])
        terms = _terms(layout, *np.concatenate(points).T)
        target = np.concatenate(targets)
        weights = np.ones(len(target))
        for _ in range(_FIT_ROUNDS):
            fit, *_ = np.linalg.lstsq(terms * weights[:, None], target * weights, rcond=None)
            weights = 1 / (1 + (np.abs(terms @ fit - target) / OUTLIER_MM) ** 2)
        coefficients.append(np.asarray(fit, np.float64))
    return coefficients[0], coefficients[1]


def displacement_at(
    layout: Layout, x: Float32Array, y: Float32Array, coefficients: NDArray[np.float64]
) -> Float32Array:
    """Return the displacement at each pixel, interpolated from a coarse grid."""
    steps = np.linspace(0, 1, _GRID_CELLS + 1)
    grid = np.meshgrid(steps * layout.width, steps * layout.height)
    coarse = _terms(layout, *grid) @ coefficients
    u, v = (
        positions * np.float32(_GRID_CELLS / side)
        for positions, side in ((x, layout.width), (y, layout.height))
    )
    return np.asarray(cv2.remap(coarse.astype(np.float32), u, v, cv2.INTER_LINEAR), np.float32)


def _terms(layout: Layout, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the terms of a polynomial of two variables, along the last axis."""
    u, v = 2 * x / layout.width - 1, 2 * y / layout.height - 1
    powers = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    return np.stack([u**i * v**j for i, j in powers], axis=-1)
