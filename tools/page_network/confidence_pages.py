"""Pages on which the confidence of digits is fitted, from clean pictures of one digit to photos."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.ocr import synthetic_pages
from tools.page_network.effects import HARD_EFFECTS
from tools.page_network.glyphs import Glyphs, Pen
from tools.page_network.layout import KINDS, MARKS, PAPERS
from tools.page_network.pages import draw_page

# Sides of a page and of a picture of one digit in pixels.
_PAGE_SIZES, _SINGLE_SIZES = (320, 480, 640), (128, 256, 384)
# Smallest and largest side of a picture that was scaled.
_SCALED_SIZES = (24, 300)
# The share of lines with digits that were scanned at a low resolution, and that in pixels.
_COARSE_SHARE, _COARSE_SIZE = 0.3, 11
# The share of small pictures with a spot or a scribble alone, which no kind of page has.
_SPOT_SHARE = 0.05
# What a picture that usually has one digit may show instead.
_OTHER_KINDS = ("plain shapes", "drawing", "handwritten words", "scene", "blank")


class TruePage(NamedTuple):
    """A picture, ``uint8 (h, w, 1)`` or ``(h, w, 3)``, and its digits.

    ``digits`` has a row for each digit: x and y of its center, width, height and label.
    """

    image: NDArray[np.uint8]
    digits: NDArray[np.float64]


def draw_confidence_page(generator: np.random.Generator, glyphs: Glyphs) -> TruePage:
    """Draw a page; pages of all kinds of photos, scans and drawings in turn."""
    kind = generator.choice(
        ["page", "clean page", "digit lines", "single"], p=[0.22, 0.1, 0.18, 0.5]
    )
    if kind == "single":
        return _draw_single(generator, glyphs)
    if kind == "digit lines":
        return _draw_lines(generator, glyphs)
    side = int(generator.choice(_PAGE_SIZES))
    without = HARD_EFFECTS if kind == "clean page" else ()
    page = draw_page(generator, glyphs, (side, side), without=without)
    return TruePage(page.image, page.digits.astype(float))


def _draw_lines(generator: np.random.Generator, glyphs: Glyphs) -> TruePage:
    """Draw lines of digits as `benchmarks.ocr.accuracy` does, but of other images."""
    styles = synthetic_pages.PAGE_STYLES
    style = styles[list(styles)[generator.integers(len(styles))]]
    chosen = generator.integers(0, len(glyphs.images), 200)
    images, labels = glyphs.images[chosen], glyphs.labels[chosen]
    if generator.random() < _COARSE_SHARE:
        images = np.stack([_coarsen(image) for image in images])
    page = synthetic_pages.draw_page(images, labels, generator, style)
    boxes = np.array(page.boxes, float).reshape(-1, 4)
    labels = [int(character) for character in page.text if character.isdigit()]
    centers, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    image = page.picture if page.picture.ndim == 3 else page.picture[..., np.newaxis]
    return TruePage(image, np.column_stack([centers, sizes, labels]))


def _coarsen(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a digit that was scanned at a low resolution, with soft, wide strokes."""
    small = cv2.resize(image, (_COARSE_SIZE,) * 2, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def _draw_spot(generator: np.random.Generator, glyphs: Glyphs) -> TruePage:
    """Draw a small picture of a spot of ink or a scribble on even paper."""
    side = int(generator.choice(_SINGLE_SIZES))
    height = side * generator.uniform(0.2, 0.8)
    pen = Pen(height * generator.uniform(0.03, 0.15))
    name = str(generator.choice(["blot", "scribble"]))
    ink = glyphs.symbol(generator, height, pen, name=name, width=height)[:side, :side]
    coverage = np.zeros((side, side), np.float32)
    top, left = (int(generator.integers(side - length + 1)) for length in ink.shape)
    coverage[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    paper, stroke = generator.uniform(170, 255), generator.uniform(0, 90)
    if generator.random() < 0.3:
        paper, stroke = stroke, paper
    image = paper + (stroke - paper) * coverage + generator.normal(0, 3, coverage.shape)
    picture = np.clip(np.rint(image), 0, 255).astype(np.uint8)[..., np.newaxis]
    return TruePage(picture, np.zeros((0, 5)))


def _draw_single(generator: np.random.Generator, glyphs: Glyphs) -> TruePage:
    """Draw a small picture of, mostly, one digit, often cropped to it."""
    if generator.random() < _SPOT_SHARE:
        return _draw_spot(generator, glyphs)
    kinds = {"single digit"} if generator.random() < 0.85 else set(_OTHER_KINDS)
    without = [kind for kind in KINDS if kind not in kinds]
    if generator.random() < 0.6:
        without += HARD_EFFECTS
    if generator.random() < 0.85:
        without += [*PAPERS, *MARKS]
    side = int(generator.choice(_SINGLE_SIZES))
    page = draw_page(generator, glyphs, (side, side), without=without)
    image, digits = page.image, page.digits.astype(float)
    if len(digits) == 1 and generator.random() < 0.5:
        image, digits = _crop_around(image, digits, float(generator.uniform(0, 0.4)))
    if generator.random() < 0.6:
        longest = np.exp(generator.uniform(*np.log(_SCALED_SIZES)))
        scale = float(longest) / max(image.shape[:2])
        size = max(4, round(image.shape[1] * scale)), max(4, round(image.shape[0] * scale))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)
        digits[:, :4] *= scale
    return TruePage(image, digits)


def _crop_around(
    image: NDArray[np.uint8], digits: NDArray[np.float64], margin: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return a picture cropped to its digit with a margin in digit sizes."""
    x, y, width, height, _ = digits[0]
    margin *= max(width, height)
    left, top = (max(0, int(v)) for v in (x - width / 2 - margin, y - height / 2 - margin))
    right, bottom = int(x + width / 2 + margin) + 1, int(y + height / 2 + margin) + 1
    digits = digits - np.array([left, top, 0, 0, 0])
    return np.ascontiguousarray(image[top:bottom, left:right]), digits
