"""Telling ink from paper: which of them is dark, how bright the paper is, where ink is.

Light falls unevenly, so paper is looked for in the neighbourhood: the median over a large
window, then the mean over what is no ink. Ink is what differs from it by more than the
noise, and by half of what the strongest place of the same stroke differs, so that pale and
dark strokes are both found with their true width.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.ocr.page_detection import detect_page
from mnistcnn.types import Float32Array

LEFT, TOP, WIDTH, HEIGHT, AREA = range(5)

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Paper and light are looked at in a picture whose longer side is no more than this.
_SMALL = 384
# Side of the median's window, of the side of a square of the picture's area: wider than
# any stroke. And the width of the Gaussian for the mean.
_WINDOW, _MEAN_WIDTH = 0.6, 0.05
# Less difference from the paper is no ink, however quiet the picture; nor are less than so
# many deviations of the noise.
_LEAST, _DEVIATIONS = 0.06, 5.0
# Of the strength of ink: noise under it does no harm to the shape of a stroke.
_QUIET = 0.1
# No digit has fewer pixels.
_MIN_AREA = 6
# Boxes about all parts together are no larger than so many times the picture.
_MAX_TIMES = 4
# How much clearer a colour must be than grey to be looked at in its place.
_CLEARER = 1.4


@dataclass(frozen=True, eq=False)
class InkMap:
    """Where a picture has ink.

    Parameters
    ----------
    strength : Float32Array
        ``(h, w)``: the difference from the paper, in [0, 1].
    labels : numpy.ndarray
        ``int32 (h, w)``: 0 where there is no ink, else the number of the connected part.
    stats : numpy.ndarray
        ``int32 (parts + 1, 5)``: left, top, width, height and area of each part; row 0 is
        the paper.
    """

    strength: Float32Array
    labels: NDArray[np.int32]
    stats: NDArray[np.int32]


def binarize(brightness: Float32Array) -> InkMap:
    """Return the ink of a picture, ``float32 (h, w, 1)`` or ``(h, w, 3)`` in [0, 1]."""
    grey = brightness[..., 0] if brightness.shape[2] == 1 else brightness @ _LUMA
    sheet = detect_page(grey)
    views = [grey if sheet is None else _outside_page(grey, sheet)]
    light_on_dark = is_inverted(views[0])
    if brightness.shape[2] == 3 and float(np.ptp(brightness, axis=2).max()) > _LEAST:
        # Coloured ink on white paper is dark in at least one of the three colours.
        colour = brightness.max(axis=2) if light_on_dark else brightness.min(axis=2)
        views.append(colour if sheet is None else _outside_page(colour, sheet))
    differences = [_difference(view, light_on_dark=light_on_dark) for view in views]
    strength = differences[0]
    if len(differences) > 1 and _clarity(differences[1]) > _CLEARER * _clarity(strength):
        strength = differences[1]
    strength, mask = _thresholded(strength)
    if sheet is not None:
        mask &= sheet
    return connected_components(strength, mask)


def _outside_page(grey: Float32Array, sheet: NDArray[np.bool_]) -> Float32Array:
    """Put the median of the sheet where the picture shows something else."""
    return np.where(sheet, grey, np.float32(np.median(grey[sheet])))


def drop_enclosing(ink: InkMap) -> InkMap:
    """Return the ink without what lies around the most of it; the very same if that is little.

    Parts that lie in one another, as frames in frames do, are each looked at with all within.
    """
    areas = ink.stats[:, WIDTH].astype(np.int64) * ink.stats[:, HEIGHT]
    areas[0] = 0
    order = np.argsort(areas, kind="stable")
    outer = order[np.cumsum(areas[order]) > _MAX_TIMES * ink.labels.size]
    if not len(outer):
        return ink
    stays = np.ones(len(ink.stats), np.uint8)
    stays[[0, *outer]] = 0
    return connected_components(ink.strength, stays[ink.labels])


def connected_components(strength: Float32Array, mask: NDArray[np.uint8]) -> InkMap:
    """Return the connected parts of a mask."""
    labels, stats = _components(mask)
    return InkMap(strength, labels, stats)


def is_inverted(grey: Float32Array) -> bool:
    """Tell whether what stands out from its surroundings is lighter than they are."""
    small = _shrunk(grey)
    wide, place = _widened(small)
    away = small - _median(wide, _window(small))[place]
    least = max(_LEAST, _DEVIATIONS * estimate_noise(small))
    return bool(away[away > least].sum() > -away[away < -least].sum())


def estimate_noise(grey: Float32Array) -> float:
    """Return the standard deviation of the noise from pixel to pixel.

    After Immerkær, "Fast noise variance estimation" (1996), with the median in place of the
    mean, which edges would raise.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    # The kernel makes six times the deviation; half of a normal variable lies within 0.6745.
    return float(np.median(np.abs(cv2.filter2D(grey, -1, kernel)))) / (6 * 0.6745)


def _components(mask: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def _shrunk(grey: Float32Array) -> Float32Array:
    scale = _SMALL / max(grey.shape)
    if scale >= 1:
        return grey
    height, width = (max(1, round(side * scale)) for side in grey.shape)
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA))


def _window(small: Float32Array) -> int:
    return int(np.clip(_WINDOW * np.sqrt(small.size), 3, 255)) | 1


def _widened(small: Float32Array) -> tuple[Float32Array, tuple[slice, slice]]:
    """Go on over the edges as the light does, and return where the picture is.

    Ink near an edge is mirrored as what is lighter than any paper, and is taken for paper.
    """
    margin = [min(_window(small) // 2, side - 1) for side in small.shape]
    wide = np.pad(small, [(one, one) for one in margin], mode="reflect", reflect_type="odd")
    wide = np.clip(wide, small.min(), small.max())
    rows, columns = (slice(one, one + side) for one, side in zip(margin, small.shape, strict=True))
    return wide.astype(np.float32), (rows, columns)


def _median(wide: Float32Array, window: int) -> Float32Array:
    levels = np.rint(255 * np.clip(wide, 0, 1)).astype(np.uint8)
    return np.asarray(cv2.medianBlur(levels, window), np.float32) / np.float32(255)


def _difference(grey: Float32Array, *, light_on_dark: bool) -> Float32Array:
    """Return how far each pixel is from its paper towards the ink; noise is on both sides of 0."""
    if light_on_dark:
        grey = 1 - grey
    small = _shrunk(grey)
    wide, place = _widened(small)
    paper = _median(wide, _window(small))
    is_paper = (paper - wide < max(_LEAST, 3 * estimate_noise(small))).astype(np.float32)
    # Not the soft edges of strokes either.
    is_paper = np.asarray(cv2.erode(is_paper, np.ones((3, 3), np.uint8)), np.float32)
    width = _MEAN_WIDTH * np.sqrt(small.size) + 1
    weight = cv2.GaussianBlur(is_paper, (0, 0), width)
    mean = cv2.GaussianBlur(wide * is_paper, (0, 0), width) / np.maximum(weight, 1e-6)
    # Where hardly any paper is near, the mean knows nothing.
    trust = np.clip(weight / 0.2, 0, 1)
    paper = (trust * mean + (1 - trust) * paper)[place]
    height, across = grey.shape
    paper = np.asarray(cv2.resize(paper, (across, height), interpolation=cv2.INTER_LINEAR))
    away = paper - grey
    if not light_on_dark:
        # Where less light falls, ink and paper are darker by the same factor.
        away /= np.maximum(paper, 0.1)
    return np.asarray(away, np.float32)


def _clarity(difference: Float32Array) -> float:
    """Return how far ink stands out of the noise."""
    return float(np.quantile(_shrunk(difference), 0.98)) / (estimate_noise(difference) + 0.01)


def _thresholded(strength: Float32Array) -> tuple[Float32Array, NDArray[np.uint8]]:
    """Return the strength, smoothed, and where it is ink: half of each part's own strength."""
    noise = estimate_noise(strength)
    strong = strength[strength > max(_LEAST, 3 * noise)]
    full = float(np.quantile(strong, 0.8)) if strong.size else 1.0
    # A Gaussian of width s leaves 1 / (2 s sqrt(pi)) of the noise.
    width = min(2.0, noise / (2 * np.sqrt(np.pi) * _QUIET * full))
    if width > 0.3:
        strength = np.asarray(cv2.GaussianBlur(strength, (0, 0), width), np.float32)
        noise /= max(1.0, 2 * np.sqrt(np.pi) * width)
    strength = np.clip(strength, 0, 1)
    labels, stats = _components((strength > max(_LEAST, _DEVIATIONS * noise)).astype(np.uint8))
    peaks = _peaks(np.asarray(cv2.blur(strength, (3, 3)), np.float32), labels, len(stats))
    peaks[stats[:, AREA] < _MIN_AREA] = np.inf
    peaks[0] = np.inf
    return strength, (strength > 0.5 * peaks[labels]).astype(np.uint8)


def _peaks(strength: Float32Array, labels: NDArray[np.int32], count: int) -> Float32Array:
    """Return the greatest strength of each part."""
    peaks = np.zeros(count, np.float32)
    inside = labels > 0
    np.maximum.at(peaks, labels[inside], strength[inside])
    return peaks
