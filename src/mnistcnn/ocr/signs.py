"""Decimal points, commas and minus signs beside the digits of a reading.

The page network finds digits only. A sign is a small connected component of the ink whose size and
place, relative to the digits next to it, are those of a point, a comma or a minus sign.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np

from mnistcnn.images.image_io import WORKING_PIXELS, LoadedImage
from mnistcnn.ocr.binarization import AREA, HEIGHT, LEFT, TOP, WIDTH, binarize
from mnistcnn.ocr.boxes import cover, turn_back
from mnistcnn.ocr.page_network import Polarity
from mnistcnn.ocr.results import Box, Digit, Reading, Sign
from mnistcnn.types import Float32Array, Float64Array

# A measure is certainly that of a sign between the inner two numbers, and certainly not beyond the
# outer ones. The unit is the height of the digits; places are relative to the line through the
# bottoms of the digits, positive downwards. The inner ranges hold 99 % of the signs that
# benchmarks/ocr/signed_numbers.py draws with training images.
_Range: TypeAlias = tuple[float, float, float, float]
_MARK_HEIGHT: _Range = (0.03, 0.08, 0.5, 0.7)
_MARK_WIDTH: _Range = (0.02, 0.05, 0.35, 0.5)
_MARK_TOP: _Range = (-0.35, -0.25, 0.1, 0.25)
_MARK_BOTTOM: _Range = (-0.2, -0.1, 0.5, 0.7)
_MINUS_WIDTH: _Range = (0.15, 0.3, 0.9, 1.3)
_MINUS_ASPECT: _Range = (1.5, 2.1, 50.0, 100.0)  # width to height
_MINUS_CENTER: _Range = (-0.85, -0.72, -0.28, -0.15)
# Height of a point or comma plus how far it reaches below the digits: of points, of commas.
_POINT_REACH, _COMMA_REACH = 0.34, 0.46
# Largest distance from the digit after a sign, and of a point or comma from the nearest digit.
_MAX_GAP, _MAX_MARK_GAP = 1.0, 0.6
# Largest overlap with the box of the digit before and after: a comma may stand below the bar of
# a 7.
_MAX_OVERLAP_LEFT, _MAX_OVERLAP_RIGHT = 0.3, 0.25
# Strength of the ink, relative to that of the digits; that of paper and grids is lower.
_STRENGTH: _Range = (0.4, 0.65, 50.0, 100.0)
# Other small ink above or below a sign, of at least this size and within this distance, makes it
# part of "=", ":" or "÷". Ink within the last distance of a component in the box of a digit makes
# it a fragment of that digit.
_MIN_OTHER, _MAX_STACKED, _MAX_FRAGMENT_GAP = 0.05, 0.9, 0.12
# Height of digits, in pixels, below which the picture is enlarged to it, at most so many times:
# binarization drops points of a few pixels.
_MIN_DIGIT_HEIGHT, _MAX_ZOOM = 32, 4
# Height of a digit, in those of the median digit, below which it may be a sign that was read as a
# digit.
_SMALL_DIGIT = 0.6
# Its longer side, in those of the sign, up to which it is that sign.
_SAME_SIZE = 1.8
# The confidence of a sign that fits in every respect: of those on synthetic lines, this part is
# right; and the least one.
_MAX_CONFIDENCE, _MIN_CONFIDENCE = 0.98, 0.5
# Height of what may be a sign; and their largest number, beyond which the ink is a texture.
_MAX_HEIGHT, _MAX_COMPONENTS = 0.75, 5000


@dataclass(frozen=True, eq=False)
class _Line:
    """The digits of a line in the upright image, from left to right.

    Parameters
    ----------
    boxes : numpy.ndarray
        ``(n, 4)``: left, top, right and bottom of each digit.
    number : int
        Index of the line in the reading.
    """

    boxes: Float64Array
    number: int

    @property
    def height(self) -> float:
        """Median height of the digits, at least 1."""
        return max(1.0, float(np.median(self.boxes[:, 3] - self.boxes[:, 1])))


def add_signs(
    reading: Reading, image: LoadedImage, signs: str, polarity: Polarity = "auto"
) -> Reading:
    """Return a reading with the signs beside its digits.

    A sign that was read as a digit is a digit no longer.

    Parameters
    ----------
    reading : Reading
        The digits of the image.
    image : LoadedImage
        What was read.
    signs : str
        The signs to look for. Of point and comma, one alone stands for both shapes.
    polarity : {"auto", "dark", "light"}
        Which ink is read.
    """
    view = _UprightView(image, reading.rotation)
    lines = _lines_of(reading, view)
    if not lines:
        return reading
    ink = _Ink(view.brightness, lines, polarity)
    components = ink.boxes
    best = np.full(len(components), _MIN_CONFIDENCE)
    found: dict[int, Sign] = {}
    for line in lines:
        scores = _score(components, line, signs)
        strength = _trapezoid(ink.strengths / ink.strength_of(line), _STRENGTH)
        for label, score in scores.items():
            confidences = score * strength
            for i in np.flatnonzero(confidences > best).tolist():
                if ink.is_alone(i, line):
                    best[i] = confidences[i]
                    found[i] = Sign(
                        label=label,
                        confidence=_MAX_CONFIDENCE * float(confidences[i]),
                        box=view.to_image(components[i]),
                        line=line.number,
                        position=0,
                    )
    return _insert(reading, list(found.values()), view)


class _UprightView:
    """The pixels of an image with upright text, and the places of boxes in them.

    Parameters
    ----------
    image : LoadedImage
        The image, whose pixels may be fewer than those to which boxes refer.
    rotation : int
        Degrees clockwise by which the text is turned.
    """

    def __init__(self, image: LoadedImage, rotation: int) -> None:
        self._turns = rotation // 90
        self._shape = image.brightness.shape
        self._scale = image.height / self._shape[0]
        self.brightness = np.ascontiguousarray(np.rot90(image.brightness, self._turns))

    def to_view(self, box: Box) -> Float64Array:
        """Return where a box of the image lies in the view."""
        left, top, right, bottom = (edge / self._scale for edge in box)
        edges = turn_back((left, top, right, bottom), -self._turns % 4, self.brightness.shape)
        return np.array(edges)

    def to_image(self, edges: Float64Array) -> Box:
        """Return where a box of the view lies in the image."""
        turned = turn_back(tuple(edges.tolist()), self._turns, self._shape)
        left, top, right, bottom = (round(self._scale * edge) for edge in turned)
        return left, top, right, bottom


def _lines_of(reading: Reading, view: _UprightView) -> list[_Line]:
    """Return the lines without the digits that are as small as signs."""
    boxes = [np.array([view.to_view(digit.box) for digit in line]) for line in reading.lines]
    if not boxes:
        return []
    heights = [line[:, 3] - line[:, 1] for line in boxes]
    smallest = _SMALL_DIGIT * np.median(np.concatenate(heights))
    kept = [line[height > smallest] for line, height in zip(boxes, heights, strict=True)]
    return [_Line(line, number) for number, line in enumerate(kept) if len(line)]


class _Ink:
    """The connected components near the digits that may be signs.

    Parameters
    ----------
    brightness : Float32Array
        The upright image.
    lines : sequence of _Line
        The digits.
    polarity : {"auto", "dark", "light"}
        Which ink is sought.

    Attributes
    ----------
    boxes : numpy.ndarray
        ``(n, 4)``: left, top, right and bottom of each component in the image.
    strengths : numpy.ndarray
        ``(n,)``: mean difference from the background of each.
    """

    def __init__(
        self, brightness: Float32Array, lines: Sequence[_Line], polarity: Polarity
    ) -> None:
        digits = np.concatenate([line.boxes for line in lines])
        tallest = max(line.height for line in lines)
        margin = (_MAX_GAP + _MINUS_WIDTH[-1]) * tallest
        left, top = np.maximum(np.floor(digits[:, :2].min(axis=0) - margin), 0).astype(int)
        right, bottom = np.ceil(digits[:, 2:].max(axis=0) + margin).astype(int)
        part = brightness[top:bottom, left:right]
        smallest = min(line.height for line in lines)
        zoom = min(_MAX_ZOOM, math.ceil(_MIN_DIGIT_HEIGHT / smallest))
        zoom = max(1, min(zoom, math.isqrt(WORKING_PIXELS // max(1, part[..., 0].size))))
        if zoom > 1:
            part = cv2.resize(part, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
            part = np.clip(part, 0, 1).reshape(*part.shape[:2], -1)
        ink_map = binarize(part, polarity)
        stats = ink_map.stats.astype(np.float64) / zoom
        is_small = (stats[:, HEIGHT] < _MAX_HEIGHT * tallest) & (
            stats[:, WIDTH] < _MINUS_WIDTH[-1] * tallest
        )
        is_small[0] = False
        numbers = np.flatnonzero(is_small)
        if len(numbers) > _MAX_COMPONENTS:
            numbers = numbers[:0]
        self._labels, self._numbers = ink_map.labels, numbers
        self._zoom, self._offset = zoom, np.array([left, top, left, top])
        corners = stats[numbers][:, [LEFT, TOP]]
        sizes = stats[numbers][:, [WIDTH, HEIGHT]]
        self._strength = ink_map.strength
        totals = np.bincount(ink_map.labels.ravel(), ink_map.strength.ravel())
        self.strengths = (totals / np.maximum(ink_map.stats[:, AREA], 1))[numbers]
        self.boxes = np.hstack([corners, corners + sizes]) + self._offset

    def strength_of(self, line: _Line) -> float:
        """Return the median strength of the ink of the digits of a line."""
        values = []
        for box in line.boxes:
            left, top, right, bottom = np.rint(self._zoom * (box - self._offset)).astype(int)
            part = slice(max(top, 0), bottom), slice(max(left, 0), right)
            values.append(self._strength[part][self._labels[part] > 0])
        ink = np.concatenate(values)
        return float(np.median(ink)) if len(ink) else math.inf

    def is_alone(self, index: int, line: _Line) -> bool:
        """Return whether a component is neither part of another symbol nor of a digit."""
        unit = line.height
        left, top, right, bottom = self.boxes[index]
        overlap = np.minimum(right, self.boxes[:, 2]) - np.maximum(left, self.boxes[:, 0])
        sizes = self.boxes[:, 2:] - self.boxes[:, :2]
        narrower = np.minimum(right - left, sizes[:, 0])
        distance = np.maximum(top, self.boxes[:, 1]) - np.minimum(bottom, self.boxes[:, 3])
        is_stacked = (overlap > 0.3 * narrower) & (distance < _MAX_STACKED * unit)
        is_stacked &= sizes.max(axis=1) > _MIN_OTHER * unit
        is_stacked[index] = False
        if is_stacked.any():
            return False
        beside = (line.boxes[:, 0] < right) & (line.boxes[:, 2] > left)
        return not beside.any() or not self._has_neighbor(index, _MAX_FRAGMENT_GAP * unit)

    def _has_neighbor(self, index: int, distance: float) -> bool:
        """Return whether there is other ink within a distance of a component."""
        box = self.boxes[index] - self._offset
        low = np.maximum(np.floor(self._zoom * (box[:2] - distance)), 0).astype(int)
        high = np.ceil(self._zoom * (box[2:] + distance)).astype(int)
        near = self._labels[low[1] : high[1], low[0] : high[0]]
        return bool(((near != 0) & (near != self._numbers[index])).any())


def _score(components: Float64Array, line: _Line, signs: str) -> dict[str, Float64Array]:
    """Return, for each sign, how well each component fits it at its place in a line."""
    left, top, right, bottom = components.T / line.height
    digits = line.boxes / line.height
    centers = (digits[:, 0] + digits[:, 2]) / 2
    baseline = np.interp((left + right) / 2, centers, digits[:, 3])
    before = np.searchsorted(centers, (left + right) / 2)
    gap_left = left - np.array([-np.inf, *digits[:, 2]])[before]
    gap_right = np.array([*digits[:, 0], np.inf])[before] - right
    is_near = (gap_left > -_MAX_OVERLAP_LEFT) & (gap_right > -_MAX_OVERLAP_RIGHT)
    is_near &= gap_right < _MAX_GAP  # each sign has a digit after it
    width, height = right - left, bottom - top
    mark = (
        is_near
        * (np.minimum(gap_left, gap_right) < _MAX_MARK_GAP)
        * _trapezoid(height, _MARK_HEIGHT)
        * _trapezoid(width, _MARK_WIDTH)
        * _trapezoid(top - baseline, _MARK_TOP)
        * _trapezoid(bottom - baseline, _MARK_BOTTOM)
    )
    is_comma = np.interp(height + bottom - baseline, [_POINT_REACH, _COMMA_REACH], [0, 1])
    minus = (
        is_near
        * _trapezoid(width, _MINUS_WIDTH)
        * _trapezoid(width / height, _MINUS_ASPECT)
        * _trapezoid((top + bottom) / 2 - baseline, _MINUS_CENTER)
    )
    scores = {".": mark * (1 - is_comma), ",": mark * is_comma, "-": minus}
    if ("." in signs) != ("," in signs):
        scores |= {".": mark, ",": mark}
    return {sign: scores[sign] for sign in signs}


def _trapezoid(values: Float64Array, limits: _Range) -> Float64Array:
    return np.interp(values, limits, [0, 1, 1, 0])


def _insert(reading: Reading, signs: Sequence[Sign], view: _UprightView) -> Reading:
    """Return the reading with signs instead of the digits at their places."""

    def is_digit(digit: Digit) -> bool:
        return not any(
            cover(sign.box, digit.box) and _is_as_large(sign.box, digit.box) for sign in signs
        )

    def center(box: Box) -> float:
        edges = view.to_view(box)
        return float(edges[0] + edges[2])

    lines: list[tuple[Digit, ...]] = []
    inserted: list[Sign] = []
    for number, line in enumerate(reading.lines):
        digits = tuple(filter(is_digit, line))
        if not digits:
            continue
        by_position: dict[int, list[Sign]] = {}
        own = sorted((s for s in signs if s.line == number), key=lambda s: center(s.box))
        for sign in own:
            position = sum(center(digit.box) < center(sign.box) for digit in digits)
            by_position.setdefault(position, []).append(sign)
        for position, (sign, *others) in by_position.items():
            if not others:  # several marks in a row are texture
                inserted.append(replace(sign, line=len(lines), position=position))
        lines.append(digits)
    omitted = tuple(filter(is_digit, reading.omitted))
    return replace(reading, lines=tuple(lines), omitted=omitted, signs=tuple(inserted))


def _is_as_large(sign: Box, digit: Box) -> bool:
    """Return whether a digit is about as large as a sign at its place."""

    def longer_side(box: Box) -> int:
        return max(box[2] - box[0], box[3] - box[1])

    return longer_side(digit) < _SAME_SIZE * longer_side(sign)
