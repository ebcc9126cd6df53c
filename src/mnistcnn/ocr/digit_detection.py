"""Detection of the digits on a page: the page network at several scales, the text turned upright.

The network recognizes digits of 20 to 60 pixels best, so it processes the page at several scales,
as in an image pyramid, and the digits of the best one are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from mnistcnn.ocr.instances import DigitInstance, find_instances
from mnistcnn.ocr.page_network import PageMaps, Polarity, keep_polarity
from mnistcnn.types import Float32Array

# Maps an image, ``float32 (h, w, 3)`` in [0, 1], to the output of the page network.
ComputeMaps: TypeAlias = Callable[[Float32Array], PageMaps]
# Left, top, right and bottom, in pixels of the upright image.
_Edges: TypeAlias = tuple[float, float, float, float]

# Largest number of pixels of the first scale; all scales relative to it; and the shortest side
# of an image.
_FIRST_PIXELS, _RELATIVE_SCALES, _MIN_SIDE = 1_000_000, (1.0, 0.7, 0.5, 0.35, 0.25, 0.18), 20
# Digits smaller than this at the first scale are enlarged to the second size, in at most so many
# pixels and by at most this factor, with a margin in digit sizes around them.
_SMALL_SIZE, _TARGET_SIZE, _ENLARGED_PIXELS, _MAX_SCALE, _MARGIN = 30, 44, 2_000_000, 2.0, 1.5
# Score below which a digit counts against the scale: fragments of a digit have such scores.
_FRAGMENT_SCORE = 0.25
# Logarithm of the odds that the text is upright, before anything is read, and the most that one
# digit can contribute: a 6 is a 9 when turned.
_UPRIGHT_LOG_ODDS, _MAX_DIGIT_LOG_ODDS = 3.0, 2.0


@dataclass(frozen=True, eq=False)
class DetectedDigit:
    """A digit on a page.

    Parameters
    ----------
    instance : DigitInstance
        The digit in the scaled image in which it was found.
    edges : tuple of float
        Left, top, right and bottom in the image that was turned upright.
    """

    instance: DigitInstance
    edges: _Edges

    @property
    def score(self) -> float:
        """Confidence that this is a digit whose class is recognized, in [0, 1]."""
        one = self.instance
        return one.peak * one.purity * float(one.probabilities.max())


@dataclass(frozen=True, eq=False)
class Detection:
    """The digits on a page.

    Parameters
    ----------
    digits : list of DetectedDigit
        The digits, in no particular order.
    quarter_turns : int
        Clockwise quarter turns of the text in the image, 0 to 3.
    """

    digits: list[DetectedDigit]
    quarter_turns: int = 0


def detect_digits(
    image: Float32Array, compute_maps: ComputeMaps, *, polarity: Polarity = "auto"
) -> Detection:
    """Return the digits on a page.

    Parameters
    ----------
    image : Float32Array
        ``(h, w, 1)`` or ``(h, w, 3)`` in [0, 1].
    compute_maps : callable
        The page network, as `PageNetwork` is.
    polarity : {"auto", "dark", "light"}
        Which ink counts, as in `keep_polarity`.
    """

    def find(view: Float32Array) -> list[DigitInstance]:
        return find_instances(keep_polarity(compute_maps(view), view, polarity))

    digits = _detect_upright(image, find)
    turns = _quarter_turns([digit.instance for digit in digits])
    if turns:
        digits = _detect_upright(np.rot90(image, turns), find)
    return Detection(digits, turns)


def turn_back(edges: _Edges, quarter_turns: int, shape: Sequence[int]) -> _Edges:
    """Return where a box of the upright image lies in the image, which has this shape."""
    left, top, right, bottom = edges
    for turn in reversed(range(quarter_turns)):
        # Width of the image before it was turned counterclockwise for the last time.
        width = shape[1 - turn % 2]
        left, top, right, bottom = width - bottom, left, width - top, right
    return left, top, right, bottom


def _detect_upright(
    image: Float32Array, find: Callable[[Float32Array], list[DigitInstance]]
) -> list[DetectedDigit]:
    """Return the digits of an image whose text is upright, from the scale that suits them."""
    height, width = image.shape[:2]
    whole = 0, 0, width, height
    first = min(1.0, math.sqrt(_FIRST_PIXELS / (height * width)))
    scales = [first * ratio for ratio in _RELATIVE_SCALES]
    scales = [scale for scale in scales if scale == first or min(height, width) * scale > _MIN_SIDE]
    levels = [_detect_at_scale(image, whole, scale, find) for scale in scales]
    best = max(levels, key=_evidence)
    if not best:
        return best
    size = _typical_size(best)
    if size * first < _SMALL_SIZE:
        box = _surround(best, _MARGIN * size, width, height)
        left, top, right, bottom = box
        limit = math.sqrt(_ENLARGED_PIXELS / ((right - left) * (bottom - top)))
        enlarged = min(_TARGET_SIZE / size, _MAX_SCALE, limit)
        best = max(best, _detect_at_scale(image, box, enlarged, find), key=_evidence)
    return best


def _detect_at_scale(
    image: Float32Array,
    box: tuple[int, int, int, int],
    scale: float,
    find: Callable[[Float32Array], list[DigitInstance]],
) -> list[DetectedDigit]:
    """Return the digits in a part of an image, processed at another scale."""
    view = _render(image, box, scale)
    # The size of the view is rounded.
    across, down = (box[2] - box[0]) / view.shape[1], (box[3] - box[1]) / view.shape[0]
    digits = []
    for instance in find(view):
        left, top, right, bottom = instance.box
        edges = (
            box[0] + left * across,
            box[1] + top * down,
            box[0] + right * across,
            box[1] + bottom * down,
        )
        digits.append(DetectedDigit(instance, edges))
    return digits


def _evidence(digits: Sequence[DetectedDigit]) -> float:
    """Return how well a scale suits the digits: many of them, with few doubtful fragments."""
    return sum(digit.score - _FRAGMENT_SCORE for digit in digits)


def _render(image: Float32Array, box: tuple[int, int, int, int], scale: float) -> Float32Array:
    """Return a part of an image at another scale, ``float32 (h, w, 3)`` in [0, 1]."""
    left, top, right, bottom = box
    part = image[top:bottom, left:right]
    if scale != 1:
        size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        part = np.asarray(cv2.resize(np.ascontiguousarray(part), size, interpolation=method))
        part = np.clip(part, 0, 1).reshape(*part.shape[:2], -1)
    return np.broadcast_to(part, (*part.shape[:2], 3))


def _typical_size(digits: Sequence[DetectedDigit]) -> float:
    """Return the median size of the digits, weighted by their scores."""
    boxes = np.array([digit.edges for digit in digits])
    sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    order = np.argsort(sizes)
    weights = np.cumsum(np.array([digit.score for digit in digits])[order])
    return float(sizes[order][np.searchsorted(weights, weights[-1] / 2)])


def _surround(
    digits: Sequence[DetectedDigit], margin: float, width: int, height: int
) -> tuple[int, int, int, int]:
    """Return the box around all digits, with a margin."""
    left, top, right, bottom = np.array([digit.edges for digit in digits]).T
    return (
        max(0, math.floor(left.min() - margin)),
        max(0, math.floor(top.min() - margin)),
        min(width, math.ceil(right.max() + margin)),
        min(height, math.ceil(bottom.max() + margin)),
    )


def _quarter_turns(instances: Sequence[DigitInstance]) -> int:
    """Return the most probable number of clockwise quarter turns of the text."""
    if not instances:
        return 0
    log_probabilities = np.log(np.maximum([one.rotation for one in instances], 1e-3))
    odds = log_probabilities - log_probabilities[:, :1]
    evidence = np.clip(odds, -_MAX_DIGIT_LOG_ODDS, _MAX_DIGIT_LOG_ODDS).sum(axis=0)
    best = int(evidence.argmax())
    return best if evidence[best] > _UPRIGHT_LOG_ODDS else 0
