"""Connected components of the ink that may be digits.

A component can be merged with another one, and cropped and converted to the format of MNIST for
the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.ocr.binarization import AREA, HEIGHT, LEFT, TOP, WIDTH, InkMap
from mnistcnn.ocr.digit_crop import digit_crop, stroke_width
from mnistcnn.ocr.results import Box
from mnistcnn.types import Float32Array, UInt8Array

# Width to height above which a component is a line, a dash, or a row of touching digits.
FLAT_ASPECT_RATIO = 3.5
# Area of a frame or line as a fraction of its bounding box.
_MAX_HOLLOW_FILL = 0.05
# Longer side of a speck of dirt, in digit heights.
_MAX_SPECK_SIZE = 0.14
# Width of a hairline in stroke widths: it was not written with the pen of the digits.
_MAX_HAIRLINE_WIDTH = 0.4
# Width to height of a component that may be a hairline; and height, in digit heights, of those
# from which the stroke width is measured.
_SLIM_ASPECT_RATIO, _MIN_MEASURED_HEIGHT = 0.15, 0.6
# Two strokes of one digit, in digit heights: largest distance, and largest height and width of
# both together.
_MAX_DISTANCE, _MAX_MERGED_HEIGHT, _MAX_MERGED_WIDTH = 0.16, 1.4, 1.3
# Maximum number of components, more than a full page of writing has: beyond it the image is a
# texture or a halftone, which would take minutes.
_MAX_COMPONENTS = 2500


@dataclass(frozen=True, eq=False)
class Component:
    """Ink that may be one digit.

    Parameters
    ----------
    left, top : int
        Position in the image.
    strength : Float32Array
        ``(h, w)``: the ink of this component alone, cropped; 0 is background, 1 full ink.
    labels : tuple of int
        Labels of its connected components in the ink map; empty for a piece of one.
    """

    left: int
    top: int
    strength: Float32Array
    labels: tuple[int, ...] = ()

    @property
    def height(self) -> int:
        """Height in pixels."""
        return len(self.strength)

    @property
    def width(self) -> int:
        """Width in pixels."""
        return len(self.strength.T)

    @property
    def box(self) -> Box:
        """Bounding box in the image."""
        return self.left, self.top, self.left + self.width, self.top + self.height

    def digit_crop(self) -> UInt8Array:
        """Return the component in the format of MNIST, ``uint8 (28, 28)``."""
        return digit_crop(self.strength)


def median_digit_height(stats: NDArray[np.int32]) -> float:
    """Return the median height of the components, weighted by ink, in pixels.

    Flat components and frames count only if there is nothing else.

    Parameters
    ----------
    stats : numpy.ndarray
        As in `InkMap`.
    """
    components = stats[1:]
    if not len(components):
        return 0.0
    heights, widths = components[:, HEIGHT], components[:, WIDTH]
    areas = components[:, AREA].astype(float)
    is_flat = widths > FLAT_ASPECT_RATIO * heights
    is_hollow = areas < _MAX_HOLLOW_FILL * heights * widths
    weights = np.minimum(areas, heights.astype(float) ** 2)
    # Not zero, since digits that all stand on one line are flat, too.
    weights[is_flat | is_hollow] *= 1e-6
    order = np.argsort(heights)
    cumulative = np.cumsum(weights[order])
    return float(heights[order][np.searchsorted(cumulative, cumulative[-1] / 2)])


def extract_components(ink_map: InkMap, digit_height: float) -> list[Component]:
    """Return the connected components that are larger than specks of dirt.

    If there are more than 2,500, only the largest are returned.
    """
    sizes = ink_map.stats[1:, [WIDTH, HEIGHT]].max(axis=1)
    indices = np.flatnonzero(sizes >= _MAX_SPECK_SIZE * digit_height)
    if len(indices) > _MAX_COMPONENTS:
        by_size = np.argsort(-sizes[indices], kind="stable")
        indices = np.sort(indices[by_size[:_MAX_COMPONENTS]])
    return [_crop(ink_map, (index + 1,)) for index in indices.tolist()]


def drop_hairlines(components: Sequence[Component], digit_height: float) -> list[Component]:
    """Return the components without hairlines, which would otherwise be read as ones.

    Scans contain such streaks: the edge of a box, a scratch on the glass.
    """
    slim = [component.width < _SLIM_ASPECT_RATIO * component.height for component in components]
    widths = [
        stroke_width(component.strength)
        for component, is_slim in zip(components, slim, strict=True)
        if not is_slim and component.height > _MIN_MEASURED_HEIGHT * digit_height
    ]
    if not widths:
        return list(components)
    min_width = _MAX_HAIRLINE_WIDTH * float(np.median(widths))
    return [
        component
        for component, is_slim in zip(components, slim, strict=True)
        if not is_slim or component.width >= min_width
    ]


def merge(ink_map: InkMap, first: Component, second: Component) -> Component:
    """Return two components as one."""
    return _crop(ink_map, first.labels + second.labels)


def merge_candidates(components: Sequence[Component], digit_height: float) -> list[tuple[int, int]]:
    """Return the indices of pairs that may be strokes of one digit, the nearest pairs first."""
    if not components:
        return []
    left, top, right, bottom = np.array([component.box for component in components]).T
    order = np.argsort(left, kind="stable")
    starts = left[order]
    pairs: list[tuple[float, int, int]] = []
    for position, i in enumerate(order.tolist()):
        # Components that start farther right than the merged width allows are no candidates.
        end = np.searchsorted(starts, left[i] + _MAX_MERGED_WIDTH * digit_height, "right")
        others = order[position + 1 : end]
        height = np.maximum(bottom[i], bottom[others]) - np.minimum(top[i], top[others])
        width = np.maximum(right[i], right[others]) - left[i]
        x_gap = np.maximum(left[others] - right[i], 0)
        y_gap = np.maximum(top[i], top[others]) - np.minimum(bottom[i], bottom[others])
        distance = np.hypot(x_gap, np.maximum(y_gap, 0))
        fits = (
            (height <= _MAX_MERGED_HEIGHT * digit_height)
            & (width <= _MAX_MERGED_WIDTH * digit_height)
            & (distance < _MAX_DISTANCE * digit_height)
        )
        neighbors = zip(distance[fits].tolist(), others[fits].tolist(), strict=True)
        pairs += [(gap, min(i, j), max(i, j)) for gap, j in neighbors]
    return [(first, second) for _, first, second in sorted(pairs)]


def horizontal_overlap(first: Component, second: Component) -> float:
    """Return the overlap along x as a fraction of the narrower width; negative for a gap."""
    overlap = min(first.box[2], second.box[2]) - max(first.left, second.left)
    return overlap / max(1, min(first.width, second.width))


def _crop(ink_map: InkMap, labels: tuple[int, ...]) -> Component:
    stats = ink_map.stats[list(labels)]
    left, top = int(stats[:, LEFT].min()), int(stats[:, TOP].min())
    right = int((stats[:, LEFT] + stats[:, WIDTH]).max())
    bottom = int((stats[:, TOP] + stats[:, HEIGHT]).max())
    region = ink_map.labels[top:bottom, left:right]
    mask = region == labels[0]
    for label in labels[1:]:
        mask |= region == label
    # The soft edge of a stroke lies just outside the mask.
    dilated = np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)))
    edge = (dilated > 0) & (region == 0)
    strength = ink_map.strength[top:bottom, left:right]
    # Not the maximum: a stroke is darkest where the pen stopped, and most of it is full ink.
    full_ink = float(np.quantile(strength[mask], 0.7))
    crop = np.where(mask | edge, np.minimum(strength / full_ink, 1), 0)
    return Component(left, top, crop.astype(np.float32), labels)
