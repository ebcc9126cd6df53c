"""Drawings whose ink is known, and a classifier of them."""

import numpy as np
from PIL import Image, ImageDraw

from mnistcnn.ocr.classification import Candidate
from mnistcnn.ocr.components import Component

_SUPERSAMPLING = 4


def draw_strokes(shape, *lines, width=7):
    """Return the coverage of each pixel in [0, 1] by lines, each a list of (x, y)."""
    layer = Image.new("L", (_SUPERSAMPLING * shape[1], _SUPERSAMPLING * shape[0]))
    pen = ImageDraw.Draw(layer)
    for line in lines:
        points = [(_SUPERSAMPLING * x, _SUPERSAMPLING * y) for x, y in line]
        pen.line(points, fill=255, width=_SUPERSAMPLING * width, joint="curve")
    return np.asarray(layer.resize(shape[::-1], Image.Resampling.BOX), np.float32) / 255


def joined_ones(count):
    """Return a candidate of `count` vertical strokes that a fainter horizontal one joins."""
    strength = np.zeros((40, 30 * count - 16), np.float32)
    strength[20:22, 4:-4] = 0.6
    for left in range(4, 30 * count - 16, 30):
        strength[:, left : left + 6] = 1
    component = Component(0, 0, strength)
    return Candidate(component, component.digit_crop(), np.full(10, 0.1, np.float32))


def classify_narrow_as_one(crops):
    """Return the probabilities of a classifier that reads 1 from each narrow digit crop."""
    narrow = (crops > 60).any(axis=1).sum(axis=1) < 18
    probabilities = np.full((len(crops), 10), 0.1, np.float32)
    probabilities[narrow] = np.eye(10, dtype=np.float32)[1]
    return probabilities
