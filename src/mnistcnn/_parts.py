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

from mnistcnn._glyphs import BOX_SIZE, lay_out
from mnistcnn._ink import AREA, HEIGHT, LEFT, TOP, WIDTH, Ink
from mnistcnn._types import Float32Array, UInt8Array

# Left, top, right and bottom in pixels; the last two are just outside.
Box = tuple[int, int, int, int]
Seam = NDArray[np.intp]

# In typical heights: what is smaller is dirt.
_DOT = 0.14
# In typical stroke widths: what is narrower was not written with the same pen.
_STREAK = 0.4
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
_THINNEST = 2.0
_PALEST = 0.05
# A cut bends by no more than this, in heights; fainter pieces than that are crumbs.
_BEND, _CRUMB = 0.18, 0.12
_MOST_SEAMS = 12
# More than a page is written full with: beyond it the picture is a texture, or a halftone,
# which would take minutes.
_MOST_PARTS = 2500


@dataclass(frozen=True, eq=False)
class Part:
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
        ink /= max(float(ink.max()), _PALEST)
        missing = _THINNEST * _WORKING_SIZE / BOX_SIZE - stroke_width(ink)
        if missing > 0:
            radius = round(missing / 2)
            disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
            ink = np.asarray(cv2.dilate(_framed(ink, radius), disc), np.float32)
        return lay_out(np.where(ink < _PALEST, np.float32(0), ink))


def stroke_width(strength: Float32Array) -> float:
    """Return how wide strokes are, in pixels."""
    mask = _framed((strength > 0.5).view(np.uint8), 1)
    depths = np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
    inside = depths[mask.view(bool)]
    # Across a stroke of w pixels depth is 1, 2, 3 ... and back: its mean is (w + 2) / 4.
    return 4 * float(inside.mean()) - 2 if inside.size else 0.0


def _framed(array: NDArray[Any], by: int) -> NDArray[Any]:
    """Return an array with so many zeros on each side; `numpy.pad` takes far longer."""
    return np.asarray(cv2.copyMakeBorder(array, by, by, by, by, cv2.BORDER_CONSTANT))


def parts_of(ink: Ink, typical: float) -> list[Part]:
    """Return the connected parts that are more than dirt beside digits of `typical` height.

    Of very many, the largest.
    """
    sizes = ink.stats[1:, [WIDTH, HEIGHT]].max(axis=1)
    large = np.flatnonzero(sizes >= _DOT * typical)
    if len(large) > _MOST_PARTS:
        large = np.sort(large[np.argsort(-sizes[large], kind="stable")[:_MOST_PARTS]])
    return [_cropped(ink, (i + 1,)) for i in large.tolist()]


def without_streaks(parts: Sequence[Part], typical: float) -> list[Part]:
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
    least = _STREAK * float(np.median(widths))
    return [
        part for part, slim in zip(parts, narrow, strict=True) if not slim or part.width >= least
    ]


def joined(ink: Ink, one: Part, other: Part) -> Part:
    """Return two parts as one."""
    return _cropped(ink, one.members + other.members)


def neighbours(parts: Sequence[Part], typical: float) -> list[tuple[int, int]]:
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


def share_beside(one: Part, other: Part) -> float:
    """Return which share of the narrower part lies over or under the other."""
    across = min(one.box[2], other.box[2]) - max(one.left, other.left)
    return across / max(1, min(one.width, other.width))


def _cropped(ink: Ink, members: tuple[int, ...]) -> Part:
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
    return Part(left, top, crop.astype(np.float32), members)


def seams(part: Part) -> list[Seam]:
    """Return paths along which a part may be cut: a column for each row, left to right."""
    count = min(_MOST_SEAMS, part.width // 3, max(3, round(7 * part.width / part.height)))
    if count < 1:
        return []
    bend = max(2, round(_BEND * part.height))
    # A band about each of some places; beyond the part, nothing can be cut.
    middles = np.rint(np.linspace(0.12, 0.88, count) * part.width).astype(np.intp)
    wide = np.pad(part.strength, [(0, 0), (bend, bend)], constant_values=np.inf)
    bands = np.stack([wide[:, one : one + 2 * bend + 1] for one in middles], axis=1)
    found: list[Seam] = []
    for seam in _cheapest(bands).T + middles[:, np.newaxis] - bend:
        if not any(np.abs(seam - other).max() < 2 for other in found):
            found.append(seam)
    return found


def _cheapest(bands: Float32Array) -> NDArray[np.intp]:
    """Return ``(rows, bands)``: the path down each band that crosses the least ink.

    From row to row it goes at most a column aside (dynamic programming, as in Avidan and
    Shamir, "Seam carving for content-aware image resizing", 2007).
    """
    height, count, width = bands.shape
    aside = np.abs(np.arange(width) - width // 2) / width
    # Of two ways through paper alone, the straighter one.
    costs = bands + 0.02 * aside + 0.01
    totals = np.full((height, count, width + 2), np.inf, costs.dtype)
    totals[0, :, 1:-1] = costs[0]
    least = np.empty_like(costs[0])
    for before, after, cost in zip(totals, totals[1:], costs[1:], strict=False):
        np.minimum(before[:, :-2], before[:, 1:-1], out=least)
        np.minimum(least, before[:, 2:], out=least)
        np.add(cost, least, out=after[:, 1:-1])
    paths = np.empty((height, count), np.intp)
    paths[-1] = totals[-1, :, 1:-1].argmin(axis=1)
    each, aside = np.arange(count)[:, np.newaxis], np.arange(3)
    for row in range(height - 1, 0, -1):
        ways = totals[row - 1, each, paths[row][:, np.newaxis] + aside]
        paths[row - 1] = paths[row] + ways.argmin(axis=1) - 1
    return paths


def between(part: Part, left: Seam | None, right: Seam | None) -> Part | None:
    """Return what lies between two seams (None: the part's own end), or None if nothing does."""
    # Only columns that one of the seams or both leave free.
    first = 0 if left is None else min(int(left.min()), part.width)
    end = part.width if right is None else max(int(right.max()), 0)
    columns = np.arange(max(first, 0), end)
    strength = part.strength[:, max(first, 0) : end]
    inside = np.ones(strength.shape, bool)
    if not inside.size:
        return None
    if left is not None:
        inside &= columns >= left[:, np.newaxis]
    if right is not None:
        inside &= columns < right[:, np.newaxis]
    ink = inside & (strength > 0.5)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    if len(stats) < 2:
        return None
    # What the cut leaves of a neighbour is not part of the digit.
    crumbs = stats[:, AREA] < _CRUMB * stats[1:, AREA].max()
    crumbs[0] = False
    ink &= ~crumbs[labels]
    rows, across = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    place = slice(rows[0], rows[-1] + 1), slice(across[0], across[-1] + 1)
    strength = np.where(inside & ~crumbs[labels], strength, 0)[place]
    return Part(part.left + int(columns[across[0]]), part.top + int(rows[0]), strength)
