"""Drawings with a pen, for tests that must know where the ink is."""

import numpy as np
from PIL import Image, ImageDraw

from mnistcnn.ocr.classification import Candidate
from mnistcnn.ocr.components import Component

_FINE = 4


def cover_of(shape, *lines, width=7):
    """How much of each pixel is under the strokes, in [0, 1]; a line is a list of (x, y)."""
    layer = Image.new("L", (_FINE * shape[1], _FINE * shape[0]))
    pen = ImageDraw.Draw(layer)
    for line in lines:
        places = [(_FINE * x, _FINE * y) for x, y in line]
        pen.line(places, fill=255, width=_FINE * width, joint="curve")
    return np.asarray(layer.resize(shape[::-1], Image.Resampling.BOX), np.float32) / 255


def uprights(count):
    """A candidate that is so many uprights side by side, tied together by a fainter stroke."""
    strength = np.zeros((40, 30 * count - 16), np.float32)
    strength[20:22, 4:-4] = 0.6
    for left in range(4, 30 * count - 16, 30):
        strength[:, left : left + 6] = 1
    part = Component(0, 0, strength)
    return Candidate(part, part.digit_crop(), np.full(10, 0.1, np.float32))


def surer_of_narrow(glyphs):
    """A network that says 1 of whatever is narrow, and nothing of anything else."""
    narrow = (glyphs > 60).any(axis=1).sum(axis=1) < 18
    answers = np.full((len(glyphs), 10), 0.1, np.float32)
    answers[narrow] = np.eye(10, dtype=np.float32)[1]
    return answers
