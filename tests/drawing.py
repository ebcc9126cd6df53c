"""Drawings with a pen, for tests that must know where the ink is."""

import numpy as np
from PIL import Image, ImageDraw

_FINE = 4


def cover_of(shape, *lines, width=7):
    """How much of each pixel is under the strokes, in [0, 1]; a line is a list of (x, y)."""
    layer = Image.new("L", (_FINE * shape[1], _FINE * shape[0]))
    pen = ImageDraw.Draw(layer)
    for line in lines:
        places = [(_FINE * x, _FINE * y) for x, y in line]
        pen.line(places, fill=255, width=_FINE * width, joint="curve")
    return np.asarray(layer.resize(shape[::-1], Image.Resampling.BOX), np.float32) / 255
