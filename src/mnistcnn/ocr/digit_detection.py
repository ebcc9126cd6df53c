"""Detection of the digits on a page: the page network at the scale and rotation that suit it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from mnistcnn.ocr.instances import DigitInstance, find_instances
from mnistcnn.ocr.page_network import PageMaps, Polarity, keep_polarity
from mnistcnn.ocr.results import Box
from mnistcnn.types import Float32Array

# Maps an image, ``float32 (h, w, 3)`` in [0, 1], to the output of the page network.
ComputeMaps: TypeAlias = Callable[[Float32Array], PageMaps]

# Largest number of pixels of a view of the whole image, and of the second view.
_FIRST_PIXELS, _SECOND_PIXELS = 1_000_000, 2_000_000
# Scale of the coarse view, relative to the full one, and its shortest possible side.
_COARSE_RATIO, _MIN_SIDE = 0.35, 20
# Size of digits, in pixels, outside which a second view follows, and their size in that view.
_MIN_SIZE, _MAX_SIZE, _TARGET_SIZE = 20, 80, 44
# Largest magnification of an image.
_MAX_SCALE = 2.0
# Change of scale below which a second view is not worth its time.
_MIN_CHANGE = 1.2
# Margin around the digits, in digit sizes, in the second view.
_MARGIN = 1.5
# Logarithm of the odds that the text is upright, before anything is read, and the most that one
# digit can contribute: a 6 is a 9 when turned.
_UPRIGHT_LOG_ODDS, _MAX_DIGIT_LOG_ODDS = 3.0, 2.0


@dataclass(frozen=True)
class PageView:
    """The part of a page that the page network sees: turned upright, cropped and scaled.

    Parameters
    ----------
    quarter_turns : int
        Clockwise quarter turns of the text in the image, 0 to 3.
    box : tuple of int
        Left, top, right and bottom of the part in the upright image.
    scale : float
        Pixels of the view per pixel of the image.
    """

    quarter_turns: int
    box: Box
    scale: float

    def render(self, image: Float32Array) -> Float32Array:
        """Return the view of an image, ``float32 (h, w, 3)`` in [0, 1]."""
        left, top, right, bottom = self.box
        part = np.rot90(image, self.quarter_turns)[top:bottom, left:right]
        if self.scale != 1:
            size = tuple(max(1, round(side * self.scale)) for side in (right - left, bottom - top))
            method = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_CUBIC
            part = np.asarray(cv2.resize(np.ascontiguousarray(part), size, interpolation=method))
            part = np.clip(part, 0, 1).reshape(*part.shape[:2], -1)
        return np.broadcast_to(part, (*part.shape[:2], 3))

    def to_image(self, box: Box, shape: Sequence[int]) -> tuple[float, float, float, float]:
        """Return where a box of the view lies in the image, which has this shape."""
        left, top, right, bottom = (edge / self.scale for edge in box)
        left, right = self.box[0] + left, self.box[0] + right
        top, bottom = self.box[1] + top, self.box[1] + bottom
        for turn in reversed(range(self.quarter_turns)):
            # Width of the image before it was turned counterclockwise for the last time.
            width = shape[1 - turn % 2]
            left, top, right, bottom = width - bottom, left, width - top, right
        return left, top, right, bottom


@dataclass(frozen=True, eq=False)
class Detection:
    """The digits of a page, and the view in which they were found."""

    view: PageView
    instances: list[DigitInstance]


def detect_digits(
    image: Float32Array, compute_maps: ComputeMaps, *, polarity: Polarity = "auto"
) -> Detection:
    """Return the digits on a page.

    The whole image is viewed at two scales: with at most one megapixel and, for large digits, 0.35
    times as large. The view with more evidence of digits is kept. Where they are too small or too
    large for the page network, or turned, a second view shows the part of the image that has
    digits, upright, and scaled so that they are 44 pixels tall.

    Parameters
    ----------
    image : Float32Array
        ``(h, w, 1)`` or ``(h, w, 3)`` in [0, 1].
    compute_maps : callable
        The page network, as `PageNetwork` is.
    polarity : {"auto", "dark", "light"}
        Which ink counts, as in `keep_polarity`.
    """

    def look(view: PageView) -> Detection:
        rendered = view.render(image)
        maps = keep_polarity(compute_maps(rendered), rendered, polarity)
        return Detection(view, find_instances(maps))

    height, width = image.shape[:2]
    scale = min(1.0, math.sqrt(_FIRST_PIXELS / (height * width)))
    scales = [scale]
    if min(height, width) * scale * _COARSE_RATIO >= _MIN_SIDE:
        scales.append(scale * _COARSE_RATIO)
    views = [PageView(0, (0, 0, width, height), scale) for scale in scales]
    best = max(map(look, views), key=_evidence)
    if not best.instances:
        return best
    view = _second_view(best, image.shape)
    return best if view is None else max(look(view), best, key=_evidence)


def _evidence(detection: Detection) -> float:
    """Return the number of digits, each weighted by its squared probability."""
    return sum((one.peak * float(one.probabilities.max())) ** 2 for one in detection.instances)


def _second_view(first: Detection, shape: Sequence[int]) -> PageView | None:
    """Return the second view, or None if the first one is good enough."""
    turns = _quarter_turns(first.instances)
    size = _typical_size(first.instances)
    scale = first.view.scale
    if not _MIN_SIZE <= size <= _MAX_SIZE:
        scale = min(scale * _TARGET_SIZE / size, _MAX_SCALE)
    left, top, right, bottom = _digits_box(first, _MARGIN * size, turns, shape)
    scale = min(scale, math.sqrt(_SECOND_PIXELS / ((right - left) * (bottom - top))))
    change = scale / first.view.scale
    if not turns and 1 / _MIN_CHANGE < change < _MIN_CHANGE:
        return None
    return PageView(turns, (left, top, right, bottom), scale)


def _digits_box(first: Detection, margin: float, turns: int, shape: Sequence[int]) -> Box:
    """Return the box around the digits, with a margin, in pixels of the upright image."""
    boxes = np.array([one.box for one in first.instances]) / first.view.scale
    margin /= first.view.scale
    left, top = boxes[:, :2].min(axis=0) - margin
    right, bottom = boxes[:, 2:].max(axis=0) + margin
    height, width = shape[:2]
    for _ in range(turns):
        # A counterclockwise quarter turn.
        left, top, right, bottom = top, width - right, bottom, width - left
        height, width = width, height
    return (
        max(0, math.floor(left)),
        max(0, math.floor(top)),
        min(width, math.ceil(right)),
        min(height, math.ceil(bottom)),
    )


def _typical_size(instances: Sequence[DigitInstance]) -> float:
    """Return the median size of the digits, weighted by the height of their peaks."""
    sizes = np.array([max(instance.coverage.shape) for instance in instances])
    order = np.argsort(sizes)
    weights = np.cumsum(np.array([instance.peak for instance in instances])[order])
    return float(sizes[order][np.searchsorted(weights, weights[-1] / 2)])


def _quarter_turns(instances: Sequence[DigitInstance]) -> int:
    """Return the most probable number of clockwise quarter turns of the text."""
    log_probabilities = np.log(np.maximum([one.rotation for one in instances], 1e-3))
    odds = log_probabilities - log_probabilities[:, :1]
    evidence = np.clip(odds, -_MAX_DIGIT_LOG_ODDS, _MAX_DIGIT_LOG_ODDS).sum(axis=0)
    best = int(evidence.argmax())
    return best if evidence[best] > _UPRIGHT_LOG_ODDS else 0
