"""Cutting parts into digits where the network is surer of each piece than of the whole.

A part is cut along some of its seams. What lies between two of them is asked about only if
the network is sure of all that must lie before it, so that most parts cost a few questions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from mnistcnn.ocr.classification import NUM_VIEWS, Candidate, PredictProba, classify_if_confident
from mnistcnn.ocr.components import Component
from mnistcnn.ocr.cut_paths import cut_paths, slice_between

# In its own heights: a narrower part is one digit, a wider one is tried in pieces, and so is
# what lies between if the network is less sure of it than this.
_NARROW, _WIDE, _SURE = 0.5, 1.05, 0.9
# A piece that is wider than this is not one digit. In typical heights: nor is a lower one.
_WIDEST, _LOWEST = 1.35, 0.6
# Each piece of a cut is at least so sure.
_MIN_PIECE_CONFIDENCE = 0.95
# Pixels of a part: one that has more is made smaller first.
_MAX_PIXELS = 300_000
# Pieces that are tried on a page, one of many pixels counting for several; those parts come
# first of which the network is least sure. More than this is a texture.
_MAX_WORK, _PIXELS_OF_WORK = 3000, 20_000
_TOGETHER = 32


def split_touching(
    candidates: Sequence[Candidate], typical: float, recognise: PredictProba
) -> list[Candidate]:
    """Return candidates; in place of one the digits that it can be cut into, if there are any."""
    wide = [i for i, one in enumerate(candidates) if _may_be_touching(one)]
    wide.sort(key=lambda i: candidates[i].sure)
    cut: dict[int, list[Candidate]] = {}
    work = 0.0
    for start in range(0, len(wide), _TOGETHER):
        if work > _MAX_WORK:
            break
        some = wide[start : start + _TOGETHER]
        attempts = [_SplitSearch(candidates[i], typical) for i in some]
        _run_searches(attempts, recognise)
        cut |= {i: attempt.pieces() for i, attempt in zip(some, attempts, strict=True)}
        work += sum(attempt.work for attempt in attempts)
    return [piece for i, one in enumerate(candidates) for piece in cut.get(i, [one])]


class _SplitSearch:
    """A part that may be cut, and the best way to each of its cuts."""

    def __init__(self, whole: Candidate, typical: float) -> None:
        self.least = max(whole.sure, _MIN_PIECE_CONFIDENCE)
        self.work = 0.0
        self._whole = whole
        self._shrink = math.ceil(math.sqrt(whole.part.strength.size / _MAX_PIXELS))
        self._part = _smaller(whole.part, self._shrink)
        self._lowest = _LOWEST * typical / self._shrink
        self._cuts = [None, *cut_paths(self._part), None]
        self.last = len(self._cuts) - 1
        # The way whose least sure piece is surest.
        self._ways: list[tuple[float, list[Candidate]]] = [(0.0, []) for _ in self._cuts]
        self._ways[0] = 1.0, []

    def after(self, first: int) -> list[tuple[int, Component]]:
        """Return what may be a digit and begins at a cut, with the number of the cut at its end."""
        last = self.last
        if first >= last or self._ways[first][0] <= self.least:
            return []
        found = []
        for end in range(first + 1, last + 1):
            piece = None
            if (first, end) != (0, last):
                piece = slice_between(self._part, self._cuts[first], self._cuts[end])
                self.work += 1 + self._part.strength.size / _PIXELS_OF_WORK
            if piece and piece.height > self._lowest and piece.width < _WIDEST * piece.height:
                found.append((end, piece))
        return found

    def hear(self, first: int, end: int, piece: Candidate) -> None:
        """Hear what the network says of what lies between two cuts."""
        before, way = self._ways[first]
        sure = min(before, piece.sure)
        if sure > max(self._ways[end][0], self.least):
            self._ways[end] = sure, [*way, piece]

    def pieces(self) -> list[Candidate]:
        """Return the pieces if each is surer to be a digit than the whole is, or the whole."""
        sure, way = self._ways[-1]
        if sure <= self.least:
            return [self._whole]
        return [replace(one, part=self._as_it_was(one.part), whole=self._whole) for one in way]

    def _as_it_was(self, piece: Component) -> Component:
        return piece if self._shrink == 1 else _larger(piece, self._whole.part, self._shrink)


def _run_searches(attempts: Sequence[_SplitSearch], recognise: PredictProba) -> None:
    """Ask about the pieces of several parts, from left to right."""
    for first in range(max(attempt.last for attempt in attempts)):
        asked = [(one, end, piece) for one in attempts for end, piece in one.after(first)]
        # The mean over all views is no surer than this allows, however sure the other views are.
        least = [1 - NUM_VIEWS * (1 - one.least) for one, _, _ in asked]
        found = classify_if_confident([piece for _, _, piece in asked], least, recognise)
        for (attempt, end, _), piece in zip(asked, found, strict=True):
            if piece is not None:
                attempt.hear(first, end, piece)


def _may_be_touching(whole: Candidate) -> bool:
    part = whole.part
    narrow = part.width < _NARROW * part.height
    return not narrow and (part.width >= _WIDE * part.height or whole.sure <= _SURE)


def _smaller(part: Component, by: int) -> Component:
    if by == 1:
        return part
    size = max(1, part.width // by), max(1, part.height // by)
    strength = cv2.resize(part.strength, size, interpolation=cv2.INTER_AREA)
    return Component(0, 0, np.asarray(strength, np.float32))


def _larger(piece: Component, whole: Component, by: int) -> Component:
    strength = np.repeat(np.repeat(piece.strength, by, axis=0), by, axis=1)
    return Component(whole.left + by * piece.left, whole.top + by * piece.top, strength)
