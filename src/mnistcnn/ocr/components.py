"""Parts of the ink that may be digits: each a crop of its own, and a glyph of it.

Two parts can be put together as one, and a part can be cut along the paths from top to
bottom that cross least ink. Whether that makes digits is for the network to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.mnist_format import BOX_SIZE, to_mnist_format
from mnistcnn.ocr.binarization import AREA, HEIGHT, LEFT, TOP, WIDTH, InkMap
from mnistcnn.types import Float32Array, UInt8Array


def median_digit_height(stats: NDArray[np.int32]) -> float:
    """Return the height of a digit: the median over the ink, without what is flat or long."""
    parts = stats[1:]
    if not len(parts):
        return 0.0
    heights, widths, areas = parts[:, HEIGHT], parts[:, WIDTH], parts[:, AREA].astype(float)
    flat = widths > _FLAT * heights
    # Frames and lines have little ink for their size.
    hollow = areas < 0.05 * heights * widths
    weights = np.minimum(areas, heights.astype(float) ** 2)
    # They count where there is nothing else: digits that all stand on one line are flat too.
    weights[flat | hollow] *= 1e-6
    order = np.argsort(heights)
    running = np.cumsum(weights[order])
    return float(heights[order][np.searchsorted(running, running[-1] / 2)])


# Left, top, right and bottom in pixels; the last two are just outside.
Box = tuple[int, int, int, int]

# In typical heights: what is smaller is dirt.
_MIN_DOT_HEIGHT = 0.14
# In typical stroke widths: what is narrower was not written with the same pen.
_HAIRLINE_WIDTH = 0.4
# Of a part's own height, and of a typical one: streaks are slimmer than the one, and the pen is
# known by parts that are taller than the other.
_SLIM, _TALL = 0.15, 0.6
# In typical heights: how near two strokes of one digit are, and how tall and how wide
# both may be together.
_NEAR, _TALLEST, _WIDEST = 0.16, 1.4, 1.3
# Glyphs are laid out from this size, at which strokes are some ten pixels wide.
_WORKING_SIZE = 80
# Pixels in the box of 20: a thinner pen's strokes are widened to this. A fifth of MNIST's
# digits have thinner ones.
_MIN_STROKE_WIDTH = 2.0
_MIN_STRENGTH = 0.05
# A cut bends by no more than this, in heights; fainter pieces than that are crumbs.
_FLAT = 3.5
# More than a page is written full with: beyond it the picture is a texture, or a halftone,
# which would take minutes.
_MAX_COMPONENTS = 2500


@dataclass(frozen=True, eq=False)
class Component:
    """Ink that may be one digit.

    Parameters
    ----------
    left, top : int
        Its place in the picture.
    strength : Float32Array
        ``(h, w)``: its ink alone, cropped; 0 is paper, 1 full ink.
    members : tuple of int
        The connected parts of the ink that it is made of; none for a piece of one.
    """

    left: int
    top: int
    strength: Float32Array
    members: tuple[int, ...] = ()

    @property
    def height(self) -> int:
        """Rows of the crop."""
        return len(self.strength)

    @property
    def width(self) -> int:
        """Columns of the crop."""
        return len(self.strength.T)

    @property
    def box(self) -> Box:
        """Where it is in the picture."""
        return self.left, self.top, self.left + self.width, self.top + self.height

    def glyph(self) -> UInt8Array:
        """Return the part as MNIST would have it, ``uint8 (28, 28)``."""
        scale = _WORKING_SIZE / max(self.strength.shape)
        size = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        ink = np.clip(cv2.resize(self.strength, size, interpolation=how), 0, 1, dtype=np.float32)
        # Made smaller, the strokes of a thin pen grow pale.
        ink /= max(float(ink.max()), _MIN_STRENGTH)
        missing = _MIN_STROKE_WIDTH * _WORKING_SIZE / BOX_SIZE - stroke_width(ink)
        if missing > 0:
            radius = round(missing / 2)
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
            ink = np.asarray(cv2.dilate(_pad(ink, radius), disc), np.float32)
        return to_mnist_format(np.where(ink < _MIN_STRENGTH, np.float32(0), ink))


def stroke_width(strength: Float32Array) -> float:
    """Return how wide strokes are, in pixels."""
    mask = _pad((strength > 0.5).view(np.uint8), 1)
    depths = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
    inside = depths[mask.view(bool)]
    # Across a stroke of w pixels depth is 1, 2, 3 ... and back: its mean is (w + 2) / 4.
    return 4 * float(inside.mean()) - 2 if inside.size else 0.0


def _pad(array: NDArray[Any], by: int) -> NDArray[Any]:
    """Return an array with so many zeros on each side; `numpy.pad` takes far longer."""
    return np.asarray(cv2.copyMakeBorder(array, by, by, by, by, cv2.BORDER_CONSTANT))


def extract_components(ink: InkMap, typical: float) -> list[Component]:
    """Return the connected parts that are more than dirt beside digits of `typical` height.

    Of very many, the largest.
    """
    sizes = ink.stats[1:, [WIDTH, HEIGHT]].max(axis=1)
    large = np.flatnonzero(sizes >= _MIN_DOT_HEIGHT * typical)
    if len(large) > _MAX_COMPONENTS:
        large = np.sort(large[np.argsort(-sizes[large], kind="stable")[:_MAX_COMPONENTS]])
    return [_crop(ink, (i + 1,)) for i in large.tolist()]


def drop_hairlines(parts: Sequence[Component], typical: float) -> list[Component]:
    """Return the parts without hair-thin ones, which else would be taken for ones.

    Scans have such streaks: the edge of a box, a scratch on the glass.
    """
    narrow = [part.width < _SLIM * part.height for part in parts]
    widths = [
        stroke_width(part.strength)
        for part, slim in zip(parts, narrow, strict=True)
        if not slim and part.height > _TALL * typical
    ]
    if not widths:
        return list(parts)
    least = _HAIRLINE_WIDTH * float(np.median(widths))
    return [
        part for part, slim in zip(parts, narrow, strict=True) if not slim or part.width >= least
    ]


def merge(ink: InkMap, one: Component, other: Component) -> Component:
    """Return two parts as one."""
    return _crop(ink, one.members + other.members)


def merge_candidates(parts: Sequence[Component], typical: float) -> list[tuple[int, int]]:
    """Return the pairs that may be strokes of one digit, the nearest first."""
    if not parts:
        return []
    left, top, right, bottom = np.array([part.box for part in parts]).T
    order = np.argsort(left, kind="stable")
    starts = left[order]
    pairs: list[tuple[float, int, int]] = []
    for place, one in enumerate(order.tolist()):
        # Those that begin further right than both may reach are no neighbours.
        end = np.searchsorted(starts, left[one] + _WIDEST * typical, "right")
        others = order[place + 1 : end]
        tall = np.maximum(bottom[one], bottom[others]) - np.minimum(top[one], top[others])
        wide = np.maximum(right[one], right[others]) - left[one]
        across = np.maximum(left[others] - right[one], 0)
        lowest, highest = np.minimum(bottom[one], bottom[others]), np.maximum(top[one], top[others])
        away = np.hypot(across, np.maximum(highest - lowest, 0))
        fit = (tall <= _TALLEST * typical) & (wide <= _WIDEST * typical) & (away < _NEAR * typical)
        found = zip(away[fit].tolist(), others[fit].tolist(), strict=True)
        pairs += [(distance, min(one, other), max(one, other)) for distance, other in found]
    return [(first, second) for _, first, second in sorted(pairs)]


def horizontal_gap(one: Component, other: Component) -> float:
    """Return which share of the narrower part lies over or under the other."""
    across = min(one.box[2], other.box[2]) - max(one.left, other.left)
    return across / max(1, min(one.width, other.width))


def _crop(ink: InkMap, members: tuple[int, ...]) -> Component:
    rows = ink.stats[list(members)]
    left, top = int(rows[:, LEFT].min()), int(rows[:, TOP].min())
    right = int((rows[:, LEFT] + rows[:, WIDTH]).max())
    bottom = int((rows[:, TOP] + rows[:, HEIGHT]).max())
    labels = ink.labels[top:bottom, left:right]
    own = labels == members[0]
    for other in members[1:]:
        own |= labels == other
    # The soft edge of a stroke lies just outside of it.
    near = np.asarray(cv2.dilate(own.astype(np.uint8), np.ones((3, 3), np.uint8)))
    edge = (near > 0) & (labels == 0)
    strength = ink.strength[top:bottom, left:right]
    # Fainter where the pen was, stronger where it stopped: most of a stroke is full ink.
    full = float(np.quantile(strength[own], 0.7))
    crop = np.where(own | edge, np.minimum(strength / full, 1), 0)
    return Component(left, top, crop.astype(np.float32), members)
