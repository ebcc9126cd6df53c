"""From a person's picture to a reading: find ink, find parts, ask the network, put in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn._ink import Ink, find_ink
from mnistcnn._layout import in_lines
from mnistcnn._parts import (
    Part,
    between,
    joined,
    neighbours,
    parts_of,
    seams,
    share_beside,
    without_streaks,
)
from mnistcnn._pictures import PictureLike, open_picture
from mnistcnn._reading import ReadDigit, Reading
from mnistcnn._ruling import typical_height, without_ruling
from mnistcnn._types import IMAGE_SIZE, Float32Array, UInt8Array

Recognise = Callable[[UInt8Array], Float32Array]
IsDigit = Callable[[UInt8Array], Float32Array]

# In its own heights: a narrower part is one digit, a wider one is tried in pieces, and so is
# what lies between if the network is less sure of it than this.
_NARROW, _WIDE, _SURE = 0.5, 1.05, 0.9
# A piece that is wider than this is not one digit.
_WIDEST = 1.35
# In typical heights: lower than these is a stroke of a digit, and no digit at all.
_STROKE, _LOWEST = 0.6, 0.3
# Two tall parts are strokes of one digit only if this share of one is over the other, or if
# both together are surer than either alone.
_OVER = 0.3
# How much of its sureness a digit may lose by a stroke that joins it.
_STILL = 0.8
_MOST_STROKES = 3
# Each piece of a cut is at least so sure.
_PIECE = 0.95


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A part, and what the network says of it."""

    part: Part
    glyph: UInt8Array
    answer: Float32Array

    @property
    def sure(self) -> float:
        return float(self.answer.max())


def read_picture(
    picture: PictureLike,
    recognise: Recognise,
    *,
    min_confidence: float,
    is_digit: IsDigit | None = None,
) -> Reading:
    """Read the digits of a picture.

    Parameters
    ----------
    picture
        What `open_picture` takes.
    recognise : callable
        Gives ``float32 (n, 10)`` for ``uint8 (n, 28, 28)``.
    min_confidence : float
        Digits of less probability are left out.
    is_digit : callable, optional
        Gives for ``uint8 (n, 28, 28)`` how probable it is that each is a digit at all,
        ``float32 (n,)``. ``None``: all are.
    """
    opened = open_picture(picture)
    ink = without_ruling(find_ink(opened.brightness))
    typical = typical_height(ink.stats)
    candidates = _answered(without_streaks(parts_of(ink, typical), typical), recognise)
    candidates = _with_strokes_joined(candidates, ink, typical, recognise)
    whole = [one for one in candidates if one.part.height >= _LOWEST * typical]
    digits = [piece for one in whole for piece in _in_pieces(one, typical, recognise)]
    if is_digit is not None and digits:
        shares = is_digit(np.stack([digit.glyph for digit in digits]))
        # Bayes' rule: to be a 3 it must be a digit first.
        digits = [
            replace(digit, answer=share * digit.answer)
            for digit, share in zip(digits, shares, strict=True)
        ]
    digits = [digit for digit in digits if digit.sure >= min_confidence]
    # A picture of very many pixels was made smaller to work on.
    scale = opened.height / len(opened.brightness)
    lines = in_lines([digit.part.box for digit in digits])
    return Reading(
        lines=tuple(tuple(_read(digits[i], scale) for i in line) for line in lines),
        width=opened.width,
        height=opened.height,
    )


def answers_to_views(glyphs: Sequence[UInt8Array], recognise: Recognise) -> Float32Array:
    """Return ``float32 (n, 10)``: the mean over each glyph and five slight changes of it.

    Digits keep their answer when they are turned, slanted or made smaller; what is no digit
    often does not, and so gets less certain.
    """
    if not glyphs:
        return np.zeros((0, 10), np.float32)
    views = list(glyphs)
    for change in _CHANGES:
        views += [np.asarray(cv2.warpAffine(one, change, (IMAGE_SIZE,) * 2)) for one in glyphs]
    answers = recognise(np.stack(views)).reshape(len(_CHANGES) + 1, len(glyphs), -1)
    return np.asarray(answers.mean(axis=0), np.float32)


def _changes() -> list[NDArray[np.float64]]:
    middle = (IMAGE_SIZE - 1) / 2
    turned = ((10, 1), (-10, 1), (0, 0.85))
    maps = [cv2.getRotationMatrix2D((middle, middle), angle, scale) for angle, scale in turned]
    slanted = [np.array([[1, by, -by * middle], [0, 1, 0]]) for by in (0.2, -0.2)]
    return [np.asarray(one, np.float64) for one in maps + slanted]


_CHANGES = _changes()


def _answered(parts: Sequence[Part], recognise: Recognise) -> list[_Candidate]:
    glyphs = [part.glyph() for part in parts]
    answers = answers_to_views(glyphs, recognise)
    return [_Candidate(*each) for each in zip(parts, glyphs, answers, strict=True)]


def _with_strokes_joined(
    candidates: list[_Candidate], ink: Ink, typical: float, recognise: Recognise
) -> list[_Candidate]:
    """Join strokes of one digit that don't touch, where the network agrees."""
    for _ in range(_MOST_STROKES):
        pairs = neighbours([one.part for one in candidates], typical)
        both = [joined(ink, candidates[i].part, candidates[j].part) for i, j in pairs]
        taken: set[int] = set()
        for (i, j), together in zip(pairs, _answered(both, recognise), strict=True):
            if not taken & {i, j} and _belong(candidates[i], candidates[j], together, typical):
                taken |= {i, j}
                candidates = [*candidates, together]
        if not taken:
            break
        candidates = [one for i, one in enumerate(candidates) if i not in taken]
    return candidates


def _belong(one: _Candidate, other: _Candidate, together: _Candidate, typical: float) -> bool:
    """Tell whether two parts are strokes of one digit."""
    lower, taller = sorted((one, other), key=lambda each: each.part.height)
    if lower.part.height < _STROKE * typical:
        # A stroke alone may look like a digit; it is enough that the whole still does.
        return together.sure > _STILL * taller.sure
    if share_beside(one.part, other.part) > _OVER:
        return together.sure > _STILL * min(one.sure, other.sure)
    return together.sure > max(one.sure, other.sure)


def _in_pieces(whole: _Candidate, typical: float, recognise: Recognise) -> list[_Candidate]:
    """Return a part cut into digits if each is surer to be one than the whole is."""
    part = whole.part
    narrow = part.width < _NARROW * part.height
    if narrow or (part.width < _WIDE * part.height and whole.sure > _SURE):
        return [whole]
    cuts = [None, *seams(part), None]
    last = len(cuts) - 1
    spans: list[tuple[int, int]] = []
    parts: list[Part] = []
    for first in range(last):
        for second in range(first + 1, last + 1):
            piece = between(part, cuts[first], cuts[second])
            if (first, second) != (0, last) and piece and _can_be_digit(piece, typical):
                spans.append((first, second))
                parts.append(piece)
    # For each cut, the way to it whose least sure piece is surest.
    ways: list[tuple[float, list[_Candidate]]] = [(0.0, []) for _ in cuts]
    ways[0] = 1.0, []
    pieces = zip(spans, _answered(parts, recognise), strict=True)
    for (first, second), candidate in sorted(pieces, key=lambda each: each[0][1]):
        before, way = ways[first]
        sure = min(before, candidate.sure)
        if sure > ways[second][0]:
            ways[second] = sure, [*way, candidate]
    sure, way = ways[last]
    return way if sure > max(whole.sure, _PIECE) else [whole]


def _can_be_digit(piece: Part, typical: float) -> bool:
    return piece.height > _STROKE * typical and piece.width < _WIDEST * piece.height


def _read(candidate: _Candidate, scale: float) -> ReadDigit:
    label = int(candidate.answer.argmax())
    left, top, right, bottom = (round(scale * edge) for edge in candidate.part.box)
    return ReadDigit(
        label=label,
        probability=candidate.sure,
        box=(left, top, right, bottom),
        glyph=candidate.glyph,
        probabilities=candidate.answer,
    )
