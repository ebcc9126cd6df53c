"""Drawings with known ink, and candidates and classifiers with known confidences."""

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.ocr import synthetic_pages
from mnistcnn.ocr.binarization import connected_components
from mnistcnn.ocr.classification import Candidate
from mnistcnn.ocr.components import Component

_SUPERSAMPLING = 4


def draw_strokes(shape, *strokes, width=7):
    """Return the coverage of each pixel by strokes, in [0, 1]; a stroke is a list of (x, y)."""
    layer = Image.new("L", (_SUPERSAMPLING * shape[1], _SUPERSAMPLING * shape[0]))
    pen = ImageDraw.Draw(layer)
    for stroke in strokes:
        points = [(_SUPERSAMPLING * x, _SUPERSAMPLING * y) for x, y in stroke]
        pen.line(points, fill=255, width=_SUPERSAMPLING * width, joint="curve")
    return np.asarray(layer.resize(shape[::-1], Image.Resampling.BOX), np.float32) / 255


def composite(background, ink, coverage):
    """Return an image ``(h, w, channels)``; background and ink are a brightness or a color."""
    coverage = coverage[..., np.newaxis]
    return np.atleast_1d(background) * (1 - coverage) + np.atleast_1d(ink) * coverage


def cropped_digit(image, height):
    """Return the ink of an MNIST image, enlarged and without a margin."""
    ink = synthetic_pages.upscale_digit(image, height)
    return ink[np.ix_((ink > 0.5).any(axis=1), (ink > 0.5).any(axis=0))]


def ink_map_of(strength):
    strength = np.asarray(strength, np.float32)
    return connected_components(strength, (strength > 0.5).astype(np.uint8))


def joined_ones(count):
    """Return a candidate of `count` vertical bars that a fainter horizontal stroke connects."""
    strength = np.zeros((40, 30 * count - 16), np.float32)
    strength[20:22, 4:-4] = 0.6
    for left in range(4, 30 * count - 16, 30):
        strength[:, left : left + 6] = 1
    component = Component(0, 0, strength)
    return Candidate(component, component.digit_crop(), np.full(10, 0.1, np.float32))


def classify_narrow_as_one(crops):
    """Return a certain 1 for narrow crops and equal probabilities for the others."""
    narrow = (crops > 60).any(axis=1).sum(axis=1) < 18
    probabilities = np.full((len(crops), 10), 0.1, np.float32)
    probabilities[narrow] = np.eye(10, dtype=np.float32)[1]
    return probabilities


def predict_three(confidence):
    """Return a classifier that predicts 3 for every crop, always with the same confidence."""

    def predict_proba(crops):
        probabilities = np.full((len(crops), 10), (1 - confidence) / 9, np.float32)
        probabilities[:, 3] = confidence
        return probabilities

    return predict_proba
