"""Drawings with known ink."""

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.ocr import synthetic_pages

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
