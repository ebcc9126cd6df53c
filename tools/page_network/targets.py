"""Targets of the page network: what its outputs should be for a synthetic page."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.page_network.photo import Page

# Cells of the head are this many pixels wide; position of the center of the first one.
CELL = 4
CELL_CENTER = (CELL - 1) / 2
# Size of a digit, in pixels, whose predicted logarithm is 0.
UNIT_SIZE = 32.0
# Class of a cell that is not at the center of a digit.
NO_CLASS = 255
# Digits smaller than this many pixels, or that differ from the pixels around them by less than this
# many levels plus a part of their deviation, can't be read: they are ignored.
_MIN_SIZE, _MIN_CONTRAST, _MIN_CONTRAST_TO_NOISE = 10, 8.0, 0.8
# Distance from a digit's center, in digit sizes, up to which cells give its class.
_CLASS_RADIUS = 0.15
# Standard deviation of the peak at a digit's center, in digit sizes, and the least one in cells.
_PEAK_WIDTH, _MIN_PEAK_WIDTH = 0.12, 0.7


class Targets(NamedTuple):
    """Targets for one page of ``(h, w)`` pixels, or for a batch of pages with a leading axis.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8 (h, w, 3)``.
    ink : numpy.ndarray
        ``uint8 (h, w, 3)``: coverage by the ink of digits and by other ink, and 255 where the
        loss ignores it.
    centers : numpy.ndarray
        ``uint8 (h / 4, w / 4)``: heat map, 255 at the center of each digit.
    geometry : numpy.ndarray
        ``float16 (h / 4, w / 4, 5)``: offset to the center along x and y in digit sizes,
        logarithm of the size, the weight of the cell in their loss, which is 0 without digit ink,
        and its weight in the loss of the class.
    classes : numpy.ndarray
        ``uint8 (h / 4, w / 4)``: label of a digit around its center, 255 elsewhere.
    """

    image: NDArray[np.uint8]
    ink: NDArray[np.uint8]
    centers: NDArray[np.uint8]
    geometry: NDArray[np.float16]
    classes: NDArray[np.uint8]


def to_targets(page: Page) -> Targets:
    """Return the targets of a page."""
    height, width = (side // CELL for side in page.instances.shape)
    ignored = _illegible(page)
    ignored_pixels = ignored[page.instances]
    owners = np.where(ignored_pixels, np.int16(0), page.instances)
    owners = owners.reshape(height, CELL, width, CELL).max(axis=(1, 3))
    rows, columns = np.nonzero(owners)
    owner = owners[rows, columns] - 1
    geometry = np.zeros((height, width, 4), np.float32)
    classes = np.full((height, width), NO_CLASS, np.uint8)
    centers = np.zeros((height, width), np.float32)
    class_weights = np.zeros((height, width), np.float32)
    if len(page.digits):
        center_x, center_y, widths, heights, labels = page.digits.T
        sizes = np.maximum(np.maximum(widths, heights), CELL)
        geometry[rows, columns, 0] = (center_x[owner] - CELL * columns - CELL_CENTER) / sizes[owner]
        geometry[rows, columns, 1] = (center_y[owner] - CELL * rows - CELL_CENTER) / sizes[owner]
        geometry[rows, columns, 2] = np.log(sizes[owner] / UNIT_SIZE)
        cells = np.bincount(owner, minlength=len(sizes))
        # A large digit weighs more than a small one, but not as much as its area.
        geometry[rows, columns, 3] = 1 / np.sqrt(cells[owner])
        for i in np.flatnonzero(~ignored[1:]).tolist():
            _add_peak(centers, center_x[i], center_y[i], sizes[i])
            region, weight = _center_region(center_x[i], center_y[i], sizes[i])
            classes[region], class_weights[region] = labels[i], weight
    ignored_area = cv2.dilate(ignored_pixels.astype(np.uint8), np.ones((5, 5), np.uint8))
    return Targets(
        page.image,
        np.stack([page.digit_ink, page.other_ink, 255 * ignored_area], axis=2),
        np.rint(255 * centers).astype(np.uint8),
        np.dstack([geometry, class_weights]).astype(np.float16),
        classes,
    )


def _illegible(page: Page) -> NDArray[np.bool_]:
    """Return, for each value of `Page.instances`, whether that digit can't be read."""
    count = len(page.digits) + 1
    illegible = np.zeros(count, bool)
    if count == 1:
        return illegible
    around = cv2.dilate(page.instances, np.ones((7, 7), np.uint8))
    positions = np.flatnonzero(around)
    owner = around.ravel()[positions]
    digit_ink = page.digit_ink.ravel()[positions]
    is_paper = np.maximum(digit_ink, page.other_ink.ravel()[positions]) == 0
    is_ink = (digit_ink >= 128) & (owner == page.instances.ravel()[positions])
    visible = np.zeros(count, bool)
    for channel in page.image.reshape(-1, 3)[positions].T.astype(np.float32):
        ink = _means(owner, channel, is_ink, count)
        paper = _means(owner, channel, is_paper, count)
        variance = _means(owner, channel**2, is_paper, count) - paper**2
        deviation = np.sqrt(np.maximum(variance, 0))
        visible |= np.abs(ink - paper) > _MIN_CONTRAST + _MIN_CONTRAST_TO_NOISE * deviation
    illegible[1:] = ~visible[1:] | (page.digits[:, 2:4].max(axis=1) < _MIN_SIZE)
    return illegible


def _means(
    labels: NDArray[np.int16], values: NDArray[np.float32], mask: NDArray[np.bool_], count: int
) -> NDArray[np.float64]:
    """Return the mean value of the pixels with each label."""
    labels = labels[mask]
    totals = np.bincount(labels, values[mask], minlength=count)
    return totals / np.maximum(np.bincount(labels, minlength=count), 1)


def _center_region(x: float, y: float, size: float) -> tuple[tuple[slice, slice], float]:
    """Return the cells around a digit's center that give its class, and the weight of each."""
    radius = int(_CLASS_RADIUS * size / CELL)
    column, row = int((x + 0.5) // CELL), int((y + 0.5) // CELL)
    rows, columns = (slice(max(i - radius, 0), i + radius + 1) for i in (row, column))
    return (rows, columns), 1 / (2 * radius + 1)


def _add_peak(centers: NDArray[np.float32], x: float, y: float, size: float) -> None:
    """Raise the heat map to a Gaussian whose maximum of 1 lies in the cell of (x, y)."""
    sigma = max(_PEAK_WIDTH * size / CELL, _MIN_PEAK_WIDTH)
    radius = int(3 * sigma) + 1
    column, row = int((x + 0.5) // CELL), int((y + 0.5) // CELL)
    left, top = max(column - radius, 0), max(row - radius, 0)
    region = centers[top : row + radius + 1, left : column + radius + 1]
    if not region.size:
        return
    dx = np.arange(left, left + region.shape[1]) - column
    dy = np.arange(top, top + region.shape[0]) - row
    peak = np.exp(-(dx**2 + dy[:, np.newaxis] ** 2) / (2 * sigma**2))
    np.maximum(region, peak, out=region, casting="unsafe")
