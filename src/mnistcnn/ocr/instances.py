"""Digit instances: which ink of a page belongs to which digit, from the maps of the page network.

Each pixel of digit ink votes for the center of its digit, and belongs to the peak of the map of
centers that is nearest to its vote. So strokes of one digit need not touch, and those of two
digits may. After Cheng et al., "Panoptic-DeepLab" (2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.images.brightness import to_gray
from mnistcnn.ocr.page_network import CELL_SIZE, PageMaps, Polarity
from mnistcnn.ocr.results import Box
from mnistcnn.types import Float32Array, Float64Array

_Indices: TypeAlias = NDArray[np.intp]
# Rows and columns.
_Cells: TypeAlias = tuple[_Indices, _Indices]

# Coverage by digit ink from which a pixel votes: the soft edge of a stroke does, too.
_MIN_COVERAGE = 0.1
# Lowest peak of the map of centers.
_MIN_PEAK = 0.1
# Number of peaks per image, the highest ones: more than a full page of writing has.
_MAX_PEAKS = 2500
# Distance in digit sizes within which a peak is a side lobe of a higher one.
_MIN_DISTANCE = 0.15
# Distance in digit sizes from its peak beyond which a vote counts for none.
_MAX_VOTE_DISTANCE = 0.5
# Longer side of the ink, relative to the size that the network estimates.
_MIN_RELATIVE_SIZE = 0.35
# Ink of an instance in pixels.
_MIN_INK = 6.0
# Coverage by ink below which a pixel is paper.
_MAX_PAPER_INK = 0.1
# Distance in digit sizes from the center within which the class is averaged.
_CENTER_RADIUS = 0.1


@dataclass(frozen=True, eq=False)
class DigitInstance:
    """The ink of one digit on a page.

    Parameters
    ----------
    left, top : int
        Position of the ink's bounding box in the image.
    coverage : Float32Array
        ``(h, w)`` in [0, 1]: coverage of each pixel in the box by the ink of this digit.
    probabilities : Float32Array
        ``(10,)``: the page network's probability of each digit, averaged near the center.
    peak : float
        Height of the peak of the map of centers, in [0, 1].
    purity : float
        Digit ink as a fraction of all ink at the digit's pixels, in [0, 1].
    """

    left: int
    top: int
    coverage: Float32Array
    probabilities: Float32Array
    peak: float
    purity: float

    @property
    def box(self) -> Box:
        """Bounding box in the image."""
        height, width = self.coverage.shape
        return self.left, self.top, self.left + width, self.top + height


class _Peaks(NamedTuple):
    """Peaks of the map of centers: positions in pixels and heights, ``(n,)`` each."""

    x: Float32Array
    y: Float32Array
    height: Float32Array


class _Peak(NamedTuple):
    """One peak."""

    x: float
    y: float
    height: float


def find_instances(maps: PageMaps) -> list[DigitInstance]:
    """Return the digits on a page, the highest peak of the map of centers first.

    At most 2,500 digits are returned.
    """
    rows, columns = np.nonzero(maps.digit_ink > _MIN_COVERAGE)
    peaks = _find_peaks(maps.centers)
    if not len(rows) or not len(peaks.x):
        return []
    votes_x, votes_y = _votes(maps, rows, columns)
    cells = rows // CELL_SIZE, columns // CELL_SIZE
    ink = maps.digit_ink[rows, columns]
    log_sizes = np.log(maps.sizes[cells])
    nearest = _nearest(peaks, votes_x, votes_y, maps.centers.shape)
    sizes = np.exp(_means(nearest, log_sizes, ink, len(peaks.x)))
    peaks, sizes = _suppress_side_lobes(peaks, sizes)
    nearest = _nearest(peaks, votes_x, votes_y, maps.centers.shape)
    distances = np.hypot(votes_x - peaks.x[nearest], votes_y - peaks.y[nearest])
    valid = np.flatnonzero(distances < _MAX_VOTE_DISTANCE * sizes[nearest])
    # Pixels of one digit next to each other.
    order = valid[np.argsort(nearest[valid], kind="stable")]
    ends = np.cumsum(np.bincount(nearest[order], minlength=len(peaks.x)))
    groups = np.split(order, ends[:-1])
    instances = [
        _instance(maps, (rows[group], columns[group]), _Peak(x, y, height), size)
        for group, x, y, height, size in zip(
            groups, *(part.tolist() for part in (*peaks, sizes)), strict=True
        )
    ]
    return [instance for instance in instances if instance is not None]


def _find_peaks(centers: Float32Array) -> _Peaks:
    """Return the local maxima of the map of centers, the highest first."""
    neighborhood = np.asarray(cv2.dilate(centers, np.ones((3, 3), np.uint8)))
    rows, columns = np.nonzero((centers >= neighborhood) & (centers > _MIN_PEAK))
    heights = centers[rows, columns]
    order = np.argsort(-heights, kind="stable")[:_MAX_PEAKS]
    x, y = (_cell_center(index[order]) for index in (columns, rows))
    return _Peaks(x, y, heights[order])


def _cell_center(index: _Indices) -> Float32Array:
    """Return the position of a cell's center in pixels; the center of pixel i is at i."""
    return (CELL_SIZE * index + (CELL_SIZE - 1) / 2).astype(np.float32)


def _votes(maps: PageMaps, rows: _Indices, columns: _Indices) -> tuple[Float32Array, Float32Array]:
    """Return where each pixel sees the center of its digit, (x, y) in pixels.

    The votes of cells are interpolated, weighted by their ink: where two digits touch, the
    border between them is finer than a cell.
    """
    height, width = maps.centers.shape
    padding = height * CELL_SIZE - len(maps.digit_ink), width * CELL_SIZE - len(maps.digit_ink.T)
    ink = np.pad(maps.digit_ink, [(0, padding[0]), (0, padding[1])])
    weight = np.asarray(cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA))
    weight = weight**2 + np.float32(1e-6)
    across = _cell_center(np.arange(width)) + maps.offsets[0]
    down = _cell_center(np.arange(height))[:, np.newaxis] + maps.offsets[1]
    stack = np.stack([weight, weight * across, weight * down], axis=-1)
    size = CELL_SIZE * width, CELL_SIZE * height
    full = np.asarray(cv2.resize(stack, size, interpolation=cv2.INTER_LINEAR))[rows, columns]
    return full[:, 1] / full[:, 0], full[:, 2] / full[:, 0]


def _nearest(peaks: _Peaks, x: Float32Array, y: Float32Array, shape: tuple[int, ...]) -> _Indices:
    """Return the index of the peak that is nearest to each point."""
    is_background = np.ones(shape, np.uint8)
    rows, columns = (peaks.y // CELL_SIZE).astype(int), (peaks.x // CELL_SIZE).astype(int)
    is_background[rows, columns] = 0
    _, labels = cv2.distanceTransformWithLabels(
        is_background, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = np.asarray(labels)
    index_of_label = np.zeros(int(labels.max()) + 1, np.intp)
    index_of_label[labels[rows, columns]] = np.arange(len(rows))
    point_rows = np.clip(np.rint(y / CELL_SIZE - 0.375), 0, shape[0] - 1).astype(int)
    point_columns = np.clip(np.rint(x / CELL_SIZE - 0.375), 0, shape[1] - 1).astype(int)
    nearest: _Indices = index_of_label[labels[point_rows, point_columns]]
    return nearest


def _means(
    groups: _Indices, values: Float32Array, weights: Float32Array, count: int
) -> Float64Array:
    """Return the weighted mean of the values of each group; 0 for a group without any."""
    totals = np.bincount(groups, weights, count)
    return np.bincount(groups, weights * values, count) / np.maximum(totals, 1e-9)


def _suppress_side_lobes(peaks: _Peaks, sizes: Float64Array) -> tuple[_Peaks, Float64Array]:
    """Return the peaks, ordered by height, without those near a higher one; and their sizes."""
    keep = np.ones(len(sizes), bool)
    for i in range(len(sizes)):
        if keep[i]:
            distances = np.hypot(peaks.x[i + 1 :] - peaks.x[i], peaks.y[i + 1 :] - peaks.y[i])
            keep[i + 1 :] &= distances > _MIN_DISTANCE * sizes[i]
    return _Peaks(peaks.x[keep], peaks.y[keep], peaks.height[keep]), sizes[keep]


def _instance(maps: PageMaps, pixels: _Cells, peak: _Peak, size: float) -> DigitInstance | None:
    """Return the digit that consists of these pixels, or None if there is too little ink."""
    rows, columns = pixels
    ink = maps.digit_ink[pixels]
    solid = ink > 0.5
    if not solid.any() or float(ink.sum()) < _MIN_INK:
        return None
    top, left = int(rows[solid].min()), int(columns[solid].min())
    height, width = int(rows[solid].max()) + 1 - top, int(columns[solid].max()) + 1 - left
    if max(height, width) < _MIN_RELATIVE_SIZE * size:
        return None
    inside = (rows >= top) & (rows < top + height) & (columns >= left) & (columns < left + width)
    coverage = np.zeros((height, width), np.float32)
    coverage[rows[inside] - top, columns[inside] - left] = ink[inside]
    other = float(maps.other_ink[rows[solid], columns[solid]].sum())
    return DigitInstance(
        left=left,
        top=top,
        coverage=coverage,
        probabilities=_mean_softmax(
            maps.class_logits, _cells_around(peak, _CENTER_RADIUS * size, maps.centers.shape)
        ),
        peak=peak.height,
        purity=float(ink[solid].sum()) / (float(ink[solid].sum()) + other),
    )


def _cells_around(peak: _Peak, radius: float, shape: tuple[int, ...]) -> _Cells:
    """Return the cells whose center is within the radius of a peak, at least the peak's own."""
    steps = int(radius / CELL_SIZE)
    row, column = int(peak.y // CELL_SIZE), int(peak.x // CELL_SIZE)
    down, across = np.mgrid[-steps : steps + 1, -steps : steps + 1]
    inside = np.hypot(down, across) * CELL_SIZE <= radius
    rows, columns = row + down[inside], column + across[inside]
    valid = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return rows[valid], columns[valid]


def _mean_softmax(logits: Float32Array, cells: _Cells) -> Float32Array:
    """Return the mean probabilities over cells, from ``(classes, h, w)`` logits."""
    values = logits[:, cells[0], cells[1]]
    exponentials = np.exp(values - values.max(axis=0))
    return np.asarray((exponentials / exponentials.sum(axis=0)).mean(axis=1), np.float32)


def select_polarity(
    instances: list[DigitInstance], maps: PageMaps, image: Float32Array, polarity: Polarity
) -> list[DigitInstance]:
    """Return the instances of one polarity.

    Parameters
    ----------
    instances : list of DigitInstance
        What `find_instances` found in the maps.
    maps : PageMaps
        The output of the page network.
    image : Float32Array
        ``(h, w, 3)`` in [0, 1]: its input.
    polarity : {"auto", "dark", "light"}
        Ink that is darker, or lighter, than the pixels without ink around it. ``"auto"``: any.
    """
    if polarity == "auto" or not instances:
        return instances
    gray = to_gray(image)
    is_paper = maps.digit_ink + maps.other_ink < _MAX_PAPER_INK
    return [
        one for one in instances if (_contrast(one, gray, is_paper) > 0) == (polarity == "dark")
    ]


def _contrast(instance: DigitInstance, gray: Float32Array, is_paper: NDArray[np.bool_]) -> float:
    """Return how much darker the ink of an instance is than the paper around it."""
    left, top, right, bottom = instance.box
    margin = max(right - left, bottom - top) // 4 + 2
    around = (
        slice(max(0, top - margin), bottom + margin),
        slice(max(0, left - margin), right + margin),
    )
    paper = gray[around][is_paper[around]]
    if not paper.size:
        paper = gray[around].ravel()
    ink = np.average(gray[top:bottom, left:right], weights=instance.coverage)
    return float(np.median(paper) - ink)


__all__ = ["DigitInstance", "find_instances", "select_polarity"]
