"""Detection of the digits on a page: the page network at several scales, the text turned upright.

The network recognizes digits of 20 to 60 pixels best, so it processes the page at several scales,
as in an image pyramid, and the digits of the best one are returned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np

from mnistcnn.ocr.boxes import Edges, cover, intersection_over_union
from mnistcnn.ocr.digit_crop import digit_crop
from mnistcnn.ocr.instances import DigitInstance, find_instances, select_polarity
from mnistcnn.ocr.page_network import PageMaps, Polarity
from mnistcnn.ocr.results import Box
from mnistcnn.types import Float32Array, UInt8Array

# Maps an image, ``float32 (h, w, 3)`` in [0, 1], to the output of the page network.
ComputeMaps: TypeAlias = Callable[[Float32Array], PageMaps]
# Maps digit crops, ``uint8 (28, 28)`` each, to the probabilities, ``(n,)``, that each shows a digit
# and that its most probable class is right.
LegibilityScorer: TypeAlias = Callable[[Sequence[UInt8Array]], Float32Array]
_Find: TypeAlias = Callable[[Float32Array], list[DigitInstance]]

# Largest number of pixels of the first scale; all scales relative to it; and the shortest side
# of an image.
_FIRST_PIXELS, _MIN_SIDE = 1_000_000, 20
_RELATIVE_SCALES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.125, 0.09)
# Longer side, in pixels, of an image that may be cropped to the ink; the margin that it gets, as a
# part of the shorter side.
_MAX_CROPPED_SIDE, _RELATIVE_MARGIN = 400, 0.3
# Scales of small images, which are enlarged to at most a quarter of the pixels of the first scale.
_ENLARGED_SCALES = (2.0, 1.4)
# Digits smaller than this at the first scale are enlarged to the second size, in at most so many
# pixels and by at most this factor, with a margin in digit sizes around them.
_SMALL_SIZE, _TARGET_SIZE, _ENLARGED_PIXELS, _MAX_SCALE, _MARGIN = 30, 44, 2_000_000, 2.0, 1.5
# Score below which a digit counts against the scale: fragments of a digit have such scores.
_FRAGMENT_SCORE = 0.25
# Intersection over union from which two scales show the same digit, and the score of a digit that
# is added from another scale.
_MIN_FUSED_OVERLAP, _MIN_ADDED_SCORE = 0.5, 0.5
# A page is upright if the mean probability of the digits' classes is above the first number and
# their crops look more like digits than upside down; other orientations need this many digits of
# such a presence, so many times the score and such a mean score, in at most so many pixels.
_UPRIGHT_CERTAINTY, _MIN_TURNED_DIGITS, _MIN_PRESENCE, _MIN_TURNED_RATIO = 0.85, 3, 0.3, 1.3
_MIN_TURNED_MEAN = 0.3
_TURNED_PIXELS = 300_000
# The ratio where the page has fewer digits before it is turned.
_MIN_RATIO_OF_FEW = 2.0


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
    edges: Edges

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
    candidates : list of DetectedDigit
        What was found at each scale, in the upright image.
    quarter_turns : int
        Clockwise quarter turns of the text in the image, 0 to 3.
    """

    digits: list[DetectedDigit]
    candidates: list[DetectedDigit]
    quarter_turns: int = 0


def detect_digits(
    image: Float32Array,
    compute_maps: ComputeMaps,
    score_legibility: LegibilityScorer,
    *,
    polarity: Polarity = "auto",
) -> Detection:
    """Return the digits on a page.

    Parameters
    ----------
    image : Float32Array
        ``(h, w, 1)`` or ``(h, w, 3)`` in [0, 1].
    compute_maps : callable
        The page network, as `PageNetwork` is.
    score_legibility : callable
        Maps the crops of digits to the probability that each is legible. Decides the orientation.
    polarity : {"auto", "dark", "light"}
        Which ink counts, as in `select_polarity`.
    """

    def find(view: Float32Array) -> list[DigitInstance]:
        maps = compute_maps(view)
        return select_polarity(find_instances(maps), maps, view, polarity)

    image, margin = _add_margin(image)
    levels = _detect_at_scales(image, find)
    turns = _quarter_turns(image, levels, find, score_legibility)
    if turns:
        image = np.rot90(image, turns)
        levels = _detect_at_scales(image, find)
    best = _best_level([level for _, level in levels])
    height, width = image.shape[:2]

    def place(digits: Iterable[DetectedDigit]) -> list[DetectedDigit]:
        return [
            replace(digit, edges=_remove_margin(digit.edges, margin, width, height))
            for digit in digits
        ]

    candidates = place(digit for _, level in levels for digit in level)
    return Detection(place(_enlarge_small(image, best, find)), candidates, turns)


def _add_margin(image: Float32Array) -> tuple[Float32Array, int]:
    """Return a small image with a margin of the color of its border, and the margin in pixels.

    Images of single digits are often cropped to the ink, and the network expects paper around it.
    """
    height, width = image.shape[:2]
    if max(height, width) > _MAX_CROPPED_SIDE:
        return image, 0
    margin = math.ceil(_RELATIVE_MARGIN * min(height, width))
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    padded = np.empty((height + 2 * margin, width + 2 * margin, image.shape[2]), np.float32)
    padded[:] = np.median(border, axis=0)
    padded[margin : margin + height, margin : margin + width] = image
    return padded, margin


def _remove_margin(edges: Edges, margin: int, width: int, height: int) -> Edges:
    """Return where a box lies in the image without its margin."""
    left, top, right, bottom = edges
    last_x, last_y = width - 2 * margin, height - 2 * margin
    return (
        min(max(left - margin, 0), last_x - 1),
        min(max(top - margin, 0), last_y - 1),
        min(max(right - margin, 1), last_x),
        min(max(bottom - margin, 1), last_y),
    )


def _detect_at_scales(image: Float32Array, find: _Find) -> list[tuple[float, list[DetectedDigit]]]:
    """Return each scale with the digits found at it, the largest scale first."""
    height, width = image.shape[:2]
    largest = math.sqrt(_FIRST_PIXELS / (height * width))
    first = min(1.0, largest)
    scales = [scale for scale in _ENLARGED_SCALES if scale <= largest / 2]
    scales += [first * ratio for ratio in _RELATIVE_SCALES]
    scales = [scale for scale in scales if scale >= first or min(height, width) * scale > _MIN_SIDE]
    whole = 0, 0, width, height
    # The smaller scales are resized from the first one, which is faster for a large image.
    reduced = _resize(image, _scaled_size(whole, first))
    levels = []
    for scale in scales:
        view = _resize(image if scale > first else reduced, _scaled_size(whole, scale))
        levels.append((scale, _find_in(view, whole, find)))
    return levels


def _best_level(levels: Sequence[list[DetectedDigit]]) -> list[DetectedDigit]:
    """Return the digits of the scale that suits them, with the votes of the next scales."""
    best = max(range(len(levels)), key=lambda i: _evidence(levels[i]))
    neighbors = [levels[i] for i in (best - 1, best + 1) if 0 <= i < len(levels)]
    return _fuse(levels[best], neighbors)


def _fuse(
    digits: list[DetectedDigit], neighbors: Sequence[list[DetectedDigit]]
) -> list[DetectedDigit]:
    """Average the evidence for each digit over the scales at which it was found.

    A digit that only another scale shows, with a score that is high, is added.
    """
    evidence = [[digit.instance] for digit in digits]
    added: list[DetectedDigit] = []
    for level in neighbors:
        overlaps = intersection_over_union(
            [other.edges for other in level], [digit.edges for digit in digits]
        )
        for other, row in zip(level, overlaps, strict=True):
            if row.max(initial=0) > _MIN_FUSED_OVERLAP:
                evidence[int(row.argmax())].append(other.instance)
            elif other.score > _MIN_ADDED_SCORE:
                boxes = [digit.edges for digit in digits + added]
                if not cover(boxes, other.edges).any():
                    added.append(other)
    count = 1 + len(neighbors)
    return [
        replace(digit, instance=_average(digit.instance, found, count))
        for digit, found in zip(digits, evidence, strict=True)
    ] + [replace(one, instance=_average(one.instance, [one.instance], count)) for one in added]


def _average(one: DigitInstance, found: list[DigitInstance], count: int) -> DigitInstance:
    """Return an instance with the mean evidence; a scale at which it was missed counts as none."""
    return replace(
        one,
        peak=sum(other.peak for other in found) / max(count, len(found)),
        purity=sum(other.purity for other in found) / len(found),
        probabilities=np.mean([other.probabilities for other in found], axis=0),
    )


def _enlarge_small(
    image: Float32Array, digits: list[DetectedDigit], find: _Find
) -> list[DetectedDigit]:
    """Return the digits; if they are small, those of an enlarged image if it suits them better."""
    if not digits:
        return digits
    height, width = image.shape[:2]
    first = min(1.0, math.sqrt(_FIRST_PIXELS / (height * width)))
    size = _typical_size(digits)
    if size * first >= _SMALL_SIZE:
        return digits
    box = _surround(digits, _MARGIN * size, width, height)
    left, top, right, bottom = box
    limit = math.sqrt(_ENLARGED_PIXELS / ((right - left) * (bottom - top)))
    scale = min(_TARGET_SIZE / size, _MAX_SCALE, limit)
    enlarged = _detect_at_scale(image, box, scale, find)
    return max(digits, _fuse(enlarged, [digits]), key=_evidence)


def _detect_at_scale(
    image: Float32Array,
    box: Box,
    scale: float,
    find: _Find,
) -> list[DetectedDigit]:
    """Return the digits in a part of an image, processed at another scale."""
    left, top, right, bottom = box
    view = _resize(image[top:bottom, left:right], _scaled_size(box, scale))
    return _find_in(view, box, find)


def _find_in(view: Float32Array, box: Box, find: _Find) -> list[DetectedDigit]:
    """Return the digits in a view of a part of an image, in the coordinates of the image."""
    # The size of the view is rounded.
    across, down = (box[2] - box[0]) / view.shape[1], (box[3] - box[1]) / view.shape[0]
    digits = []
    for instance in find(np.broadcast_to(view, (*view.shape[:2], 3))):
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
    if not digits:
        return -math.inf
    return sum(digit.score - _FRAGMENT_SCORE for digit in digits)


def _resize(image: Float32Array, size: tuple[int, int]) -> Float32Array:
    """Return an image with another width and height."""
    height, width = image.shape[:2]
    if size == (width, height):
        return image
    method = cv2.INTER_AREA if size[0] <= width else cv2.INTER_CUBIC
    resized = np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=method))
    return np.asarray(np.clip(resized, 0, 1)).reshape(*size[::-1], -1)


def _scaled_size(box: Box, scale: float) -> tuple[int, int]:
    """Return width and height of a box at a scale."""
    left, top, right, bottom = box
    return max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))


def _typical_size(digits: Sequence[DetectedDigit]) -> float:
    """Return the median size of the digits, weighted by their scores."""
    boxes = np.array([digit.edges for digit in digits])
    sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    order = np.argsort(sizes)
    weights = np.cumsum(np.array([digit.score for digit in digits])[order])
    return float(sizes[order][np.searchsorted(weights, weights[-1] / 2)])


def _surround(digits: Sequence[DetectedDigit], margin: float, width: int, height: int) -> Box:
    """Return the box around all digits, with a margin."""
    left, top, right, bottom = np.array([digit.edges for digit in digits]).T
    return (
        max(0, math.floor(left.min() - margin)),
        max(0, math.floor(top.min() - margin)),
        min(width, math.ceil(right.max() + margin)),
        min(height, math.ceil(bottom.max() + margin)),
    )


def _quarter_turns(
    image: Float32Array,
    levels: Sequence[tuple[float, list[DetectedDigit]]],
    find: _Find,
    score_legibility: LegibilityScorer,
) -> int:
    """Return the number of clockwise quarter turns of the text.

    The network finds few digits on a page that lies on its side, and is unsure of the classes of
    those on one that is upside down. Then the page is tried in the other orientations.
    """

    def present(level: Sequence[DetectedDigit]) -> list[DetectedDigit]:
        # Fragments of a large digit are not.
        return [one for one in level if one.instance.peak * one.instance.purity > _MIN_PRESENCE]

    def score(digits: Sequence[DetectedDigit]) -> float:
        crops = [digit_crop(digit.instance.coverage) for digit in digits]
        scores = [digit.score for digit in digits]
        return float(score_legibility(crops) @ np.array(scores)) if crops else 0.0

    area = image.shape[0] * image.shape[1]
    small = [level for level in levels if level[0] ** 2 * area <= _TURNED_PIXELS]
    scale, digits = max(small or levels[-1:], key=lambda level: len(present(level[1])))
    orientations: tuple[int, ...] = (1, 2, 3)
    ratio = _MIN_TURNED_RATIO
    if len(digits) < _MIN_TURNED_DIGITS:
        orientations, ratio = (1, 3), _MIN_RATIO_OF_FEW
    elif _is_upright(digits, score_legibility):
        return 0
    best, best_score = 0, ratio * score(digits)
    for turns in orientations:
        turned = np.rot90(image, turns)
        whole = 0, 0, turned.shape[1], turned.shape[0]
        found = present(_detect_at_scale(turned, whole, scale, find))
        if len(found) < _MIN_TURNED_DIGITS:
            continue
        found_score = score(found)
        if found_score > max(best_score, _MIN_TURNED_MEAN * len(found)):
            best, best_score = turns, found_score
    return best


def _is_upright(digits: Sequence[DetectedDigit], score_legibility: LegibilityScorer) -> bool:
    """Return whether the classes are certain, and the crops not more legible upside down."""
    crops = [digit_crop(digit.instance.coverage) for digit in digits]
    upside_down = [np.rot90(crop, 2) for crop in crops]
    certainty = float(np.mean([digit.instance.probabilities.max() for digit in digits]))
    return certainty > _UPRIGHT_CERTAINTY and bool(
        score_legibility(crops).mean() >= score_legibility(upside_down).mean()
    )
