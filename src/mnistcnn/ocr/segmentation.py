"""Segmentation of the ink into digits: merge the strokes of a digit, split touching digits.

Both are decided by the confidence of the classifier. To split a component, it is cut along some
paths from top to bottom. The piece between two of them is classified only if the classifier is
confident of all pieces to its left, so that most components take few classifications.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.ocr.binarization import AREA, InkMap
from mnistcnn.ocr.classification import (
    NUM_VIEWS,
    Candidate,
    PredictProba,
    classify,
    classify_if_confident,
)
from mnistcnn.ocr.components import Component, horizontal_overlap, merge, merge_candidates
from mnistcnn.types import Float32Array

# A path from top to bottom: a column for each row.
CutPath: TypeAlias = NDArray[np.intp]

# Height of a component, in digit heights, below which it is a stroke of a digit, not a digit.
_MAX_STROKE_HEIGHT = 0.6
# Overlap of two tall components along x, as a fraction of the narrower one, above which they may
# be strokes of one digit. With less, they are merged only if that increases the confidence.
_MIN_OVERLAP = 0.3
# Confidence after a merge, relative to the confidence before it.
_MIN_RELATIVE_CONFIDENCE = 0.8
# Number of rounds; a digit of n strokes needs n - 1.
_MAX_ROUNDS = 3
# Number of pairs per image that are tried, the nearest first: more than a full page of digits has.
_MAX_PAIRS = 2000

# Width to height of a component that may be touching digits: below the first it is a single digit,
# above the second splitting is always tried, between them only below this confidence.
_MIN_ASPECT_RATIO, _WIDE_ASPECT_RATIO, _CONFIDENT = 0.5, 1.05, 0.9
# Width to height above which a piece is not a single digit, and height in digit heights below
# which it is none.
_MAX_PIECE_ASPECT_RATIO, _MIN_PIECE_HEIGHT = 1.35, 0.6
# Confidence that each piece must exceed.
_MIN_PIECE_CONFIDENCE = 0.95
# Number of pixels above which a component is downscaled for the search.
_MAX_PIXELS = 300_000
# Number of pieces per image that are tried, least confident components first: more than a full
# page of digits needs. A piece counts one more for each of this many pixels of its component.
_MAX_WORK, _PIXELS_PER_WORK = 3000, 20_000
# Number of components that are searched together.
_BATCH_SIZE = 32

# Cut paths per component. They start from evenly spaced columns between these fractions of the
# width, seven for a square component, at most one for every three pixels.
_MAX_PATHS = 12
_FIRST_START, _LAST_START, _PATHS_PER_SQUARE = 0.12, 0.88, 7
# Deviation of a cut path from its starting column, in heights.
_MAX_BEND = 0.18
# Penalty, in ink per row, for a path at the edge of its band: of two paths through the background,
# the straighter one is preferred.
_BEND_PENALTY = 0.02
# Paths closer than this many pixels are duplicates.
_MIN_PATH_DISTANCE = 2
# Area of a fragment of a neighboring digit, relative to the largest part of the piece.
_MAX_FRAGMENT_AREA = 0.12


def merge_strokes(
    candidates: list[Candidate], ink_map: InkMap, digit_height: float, predict_proba: PredictProba
) -> list[Candidate]:
    """Merge strokes of one digit that do not touch, where the classifier agrees."""
    num_pairs_left = _MAX_PAIRS
    for _ in range(_MAX_ROUNDS):
        components = [candidate.component for candidate in candidates]
        pairs = merge_candidates(components, digit_height)[:num_pairs_left]
        num_pairs_left -= len(pairs)
        merged = [merge(ink_map, components[i], components[j]) for i, j in pairs]
        used: set[int] = set()
        for (i, j), both in zip(pairs, classify(merged, predict_proba), strict=True):
            if used.isdisjoint((i, j)) and _is_one_digit(
                candidates[i], candidates[j], both, digit_height
            ):
                used |= {i, j}
                candidates = [*candidates, both]
        if not used:
            break
        candidates = [candidate for i, candidate in enumerate(candidates) if i not in used]
    return candidates


def _is_one_digit(
    first: Candidate, second: Candidate, merged: Candidate, digit_height: float
) -> bool:
    """Return whether two candidates are strokes of one digit."""
    lower, taller = sorted((first, second), key=lambda candidate: candidate.component.height)
    if lower.component.height < _MAX_STROKE_HEIGHT * digit_height:
        # The taller stroke alone may look like a digit, so the confidence need not increase.
        return merged.confidence > _MIN_RELATIVE_CONFIDENCE * taller.confidence
    if horizontal_overlap(first.component, second.component) > _MIN_OVERLAP:
        lower_confidence = min(first.confidence, second.confidence)
        return merged.confidence > _MIN_RELATIVE_CONFIDENCE * lower_confidence
    return merged.confidence > max(first.confidence, second.confidence)


def split_touching(
    candidates: Sequence[Candidate], digit_height: float, predict_proba: PredictProba
) -> list[Candidate]:
    """Replace each candidate that consists of touching digits by these."""
    suspects = [i for i, candidate in enumerate(candidates) if _may_be_touching(candidate)]
    suspects.sort(key=lambda i: candidates[i].confidence)
    pieces: dict[int, list[Candidate]] = {}
    work = 0.0
    for start in range(0, len(suspects), _BATCH_SIZE):
        if work > _MAX_WORK:
            break
        batch = suspects[start : start + _BATCH_SIZE]
        searches = [_SplitSearch(candidates[i], digit_height) for i in batch]
        _run_searches(searches, predict_proba)
        pieces |= {i: search.result() for i, search in zip(batch, searches, strict=True)}
        work += sum(search.work for search in searches)
    return [piece for i, candidate in enumerate(candidates) for piece in pieces.get(i, [candidate])]


class _SplitSearch:
    """Dynamic programming over the cuts of one candidate: the best path to each cut."""

    def __init__(self, parent: Candidate, digit_height: float) -> None:
        self.min_confidence = max(parent.confidence, _MIN_PIECE_CONFIDENCE)
        self.work = 0.0
        self._parent = parent
        self._downscaling = math.ceil(math.sqrt(parent.component.strength.size / _MAX_PIXELS))
        self._component = _downscale(parent.component, self._downscaling)
        self._min_height = _MIN_PIECE_HEIGHT * digit_height / self._downscaling
        self._cuts = [None, *cut_paths(self._component), None]
        self.last_cut = len(self._cuts) - 1
        # The pieces up to each cut whose lowest confidence is highest, after that confidence.
        self._best_paths: list[tuple[float, list[Candidate]]] = [(0.0, []) for _ in self._cuts]
        self._best_paths[0] = 1.0, []

    def pieces_after(self, first: int) -> list[tuple[int, Component]]:
        """Return the possible pieces that start at a cut, each after the index of its end cut."""
        if first >= self.last_cut or self._best_paths[first][0] <= self.min_confidence:
            return []
        pieces = []
        for end in range(first + 1, self.last_cut + 1):
            if (first, end) == (0, self.last_cut):
                continue  # the whole component
            piece = slice_between(self._component, self._cuts[first], self._cuts[end])
            self.work += 1 + self._component.strength.size / _PIXELS_PER_WORK
            if (
                piece
                and piece.height > self._min_height
                and piece.width < _MAX_PIECE_ASPECT_RATIO * piece.height
            ):
                pieces.append((end, piece))
        return pieces

    def add_piece(self, first: int, end: int, piece: Candidate) -> None:
        """Update the best path to the cut `end` with a piece between two cuts."""
        confidence, path = self._best_paths[first]
        confidence = min(confidence, piece.confidence)
        if confidence > self._best_paths[end][0]:
            self._best_paths[end] = confidence, [*path, piece]

    def result(self) -> list[Candidate]:
        """Return the pieces if all of them are confident enough, else the candidate itself."""
        confidence, path = self._best_paths[-1]
        if confidence <= self.min_confidence:
            return [self._parent]
        return [replace(piece, component=self._at_full_size(piece.component)) for piece in path]

    def _at_full_size(self, piece: Component) -> Component:
        if self._downscaling == 1:
            return piece
        return _upscale(piece, self._parent.component, self._downscaling)


def _run_searches(searches: Sequence[_SplitSearch], predict_proba: PredictProba) -> None:
    """Classify the pieces of several candidates together, from left to right."""
    for first in range(max(search.last_cut for search in searches)):
        pieces = [
            (search, end, piece) for search in searches for end, piece in search.pieces_after(first)
        ]
        # Even if all other views have a confidence of 1, the crop alone must have this one for
        # the mean to reach the minimum.
        thresholds = [1 - NUM_VIEWS * (1 - search.min_confidence) for search, _, _ in pieces]
        components = [piece for _, _, piece in pieces]
        candidates = classify_if_confident(components, thresholds, predict_proba)
        for (search, end, _), candidate in zip(pieces, candidates, strict=True):
            if candidate is not None:
                search.add_piece(first, end, candidate)


def _may_be_touching(candidate: Candidate) -> bool:
    component = candidate.component
    if component.width < _MIN_ASPECT_RATIO * component.height:
        return False
    is_wide = component.width >= _WIDE_ASPECT_RATIO * component.height
    return is_wide or candidate.confidence <= _CONFIDENT


def _downscale(component: Component, factor: int) -> Component:
    """Return the component at 1/`factor` of its size, positioned at the origin."""
    if factor == 1:
        return component
    size = max(1, component.width // factor), max(1, component.height // factor)
    strength = cv2.resize(component.strength, size, interpolation=cv2.INTER_AREA)
    return Component(0, 0, np.asarray(strength, np.float32))


def _upscale(piece: Component, parent: Component, factor: int) -> Component:
    """Return a piece of a downscaled component at full size, positioned in the image."""
    strength = np.repeat(np.repeat(piece.strength, factor, axis=0), factor, axis=1)
    left, top = parent.left + factor * piece.left, parent.top + factor * piece.top
    return Component(left, top, strength)


def cut_paths(component: Component) -> list[CutPath]:
    """Return the paths along which a component can be cut, from left to right."""
    aspect_ratio = component.width / component.height
    count = min(_MAX_PATHS, component.width // 3, max(3, round(_PATHS_PER_SQUARE * aspect_ratio)))
    if count < 1:
        return []
    bend = max(2, round(_MAX_BEND * component.height))
    starts = np.linspace(_FIRST_START, _LAST_START, count) * component.width
    starts = np.rint(starts).astype(np.intp)
    # One band of columns around each start; infinite cost beyond the component.
    padded = np.pad(component.strength, [(0, 0), (bend, bend)], constant_values=np.inf)
    bands = np.stack([padded[:, start : start + 2 * bend + 1] for start in starts], axis=1)
    paths: list[CutPath] = []
    for path in _cheapest_paths(bands).T + starts[:, np.newaxis] - bend:
        if not any(np.abs(path - other).max() < _MIN_PATH_DISTANCE for other in paths):
            paths.append(path)
    return paths


def _cheapest_paths(bands: Float32Array) -> NDArray[np.intp]:
    """Return the path down each band that crosses the least ink, ``intp (rows, bands)``.

    From row to row a path moves by at most one column: the dynamic program of Avidan and Shamir,
    "Seam carving for content-aware image resizing" (2007).
    """
    height, count, width = bands.shape
    deviation = np.abs(np.arange(width) - width // 2) / width
    costs = bands + _BEND_PENALTY * deviation + 0.01
    totals = np.full((height, count, width + 2), np.inf, costs.dtype)
    totals[0, :, 1:-1] = costs[0]
    cheapest = np.empty_like(costs[0])
    for previous, current, cost in zip(totals, totals[1:], costs[1:], strict=False):
        np.minimum(previous[:, :-2], previous[:, 1:-1], out=cheapest)
        np.minimum(cheapest, previous[:, 2:], out=cheapest)
        np.add(cost, cheapest, out=current[:, 1:-1])
    paths = np.empty((height, count), np.intp)
    paths[-1] = totals[-1, :, 1:-1].argmin(axis=1)
    band_indices, steps = np.arange(count)[:, np.newaxis], np.arange(3)
    for row in range(height - 1, 0, -1):
        predecessors = totals[row - 1, band_indices, paths[row][:, np.newaxis] + steps]
        paths[row - 1] = paths[row] + predecessors.argmin(axis=1) - 1
    return paths


def slice_between(
    component: Component, left: CutPath | None, right: CutPath | None
) -> Component | None:
    """Return the piece between two paths, or None if there is no ink.

    Parameters
    ----------
    component : Component
        What to cut.
    left, right : CutPath, optional
        The paths. None: the left or right end of the component.
    """
    first = 0 if left is None else max(min(int(left.min()), component.width), 0)
    end = component.width if right is None else max(int(right.max()), 0)
    columns = np.arange(first, end)
    strength = component.strength[:, first:end]
    inside = np.ones(strength.shape, bool)
    if not inside.size:
        return None
    if left is not None:
        inside &= columns >= left[:, np.newaxis]
    if right is not None:
        inside &= columns < right[:, np.newaxis]
    ink = inside & (strength > 0.5)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    if len(stats) < 2:
        return None
    # The cut may leave a fragment of the neighboring digit.
    is_fragment = stats[:, AREA] < _MAX_FRAGMENT_AREA * stats[1:, AREA].max()
    is_fragment[0] = False
    fragments = is_fragment[labels]
    ink &= ~fragments
    rows, across = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(across[0], across[-1] + 1)
    strength = np.where(inside & ~fragments, strength, 0)[box]
    left_edge, top_edge = component.left + int(columns[across[0]]), component.top + int(rows[0])
    return Component(left_edge, top_edge, strength)
