"""What the network says of a part: the mean over its glyph and slight changes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.ocr.components import Component
from mnistcnn.types import IMAGE_SIZE, Float32Array, UInt8Array

PredictProba = Callable[[UInt8Array], Float32Array]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A part, what the network says of it, and the part that it was cut out of, if it was."""

    part: Component
    glyph: UInt8Array
    answer: Float32Array
    whole: Candidate | None = None

    @property
    def sure(self) -> float:
        """How sure the network is of its most probable digit."""
        return float(self.answer.max())


def classify_with_tta(glyphs: Sequence[UInt8Array], recognise: PredictProba) -> Float32Array:
    """Return ``float32 (n, 10)``: the mean over each glyph and five slight changes of it.

    Digits keep their answer when they are turned, slanted or made smaller; what is no digit
    often does not, and so gets less certain.
    """
    if not glyphs:
        return np.zeros((0, 10), np.float32)
    views = list(glyphs)
    for change in _VIEW_TRANSFORMS:
        views += [np.asarray(cv2.warpAffine(one, change, (IMAGE_SIZE,) * 2)) for one in glyphs]
    answers = recognise(np.stack(views)).reshape(len(_VIEW_TRANSFORMS) + 1, len(glyphs), -1)
    return np.asarray(answers.mean(axis=0), np.float32)


def _view_transforms() -> list[NDArray[np.float64]]:
    middle = (IMAGE_SIZE - 1) / 2
    turned = ((10, 1), (-10, 1), (0, 0.85))
    maps = [cv2.getRotationMatrix2D((middle, middle), angle, scale) for angle, scale in turned]
    slanted = [np.array([[1, by, -by * middle], [0, 1, 0]]) for by in (0.2, -0.2)]
    return [np.asarray(one, np.float64) for one in maps + slanted]


_VIEW_TRANSFORMS = _view_transforms()
# The glyph itself and its changes.
NUM_VIEWS = len(_VIEW_TRANSFORMS) + 1


def classify(parts: Sequence[Component], recognise: PredictProba) -> list[Candidate]:
    """Return parts with what the network says of them."""
    glyphs = [part.glyph() for part in parts]
    answers = classify_with_tta(glyphs, recognise)
    return [Candidate(*each) for each in zip(parts, glyphs, answers, strict=True)]


def classify_if_confident(
    parts: Sequence[Component], least: Sequence[float], recognise: PredictProba
) -> list[Candidate | None]:
    """Return parts with what the network says of them, None where it is less sure of the glyph."""
    found: list[Candidate | None] = [None] * len(parts)
    if not parts:
        return found
    glyphs = [part.glyph() for part in parts]
    sure = np.flatnonzero(recognise(np.stack(glyphs)).max(axis=1) >= least).tolist()
    answers = classify_with_tta([glyphs[i] for i in sure], recognise)
    for i, answer in zip(sure, answers, strict=True):
        found[i] = Candidate(parts[i], glyphs[i], answer)
    return found
