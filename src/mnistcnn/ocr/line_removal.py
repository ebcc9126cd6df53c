"""Line removal: erase ruled lines, underlines, boxes and tables, and keep the digits on them.

Components much longer than the digits are tall are searched for lines with the Hough transform.
Each line is followed from end to end and erased where the run of ink across it is no thicker than
the line itself: where a stroke crosses or touches the line, the run is thicker and stays.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.ocr.binarization import (
    AREA,
    HEIGHT,
    TOP,
    WIDTH,
    InkMap,
    connected_components,
    label_components,
)
from mnistcnn.ocr.components import FLAT_ASPECT_RATIO, median_digit_height
from mnistcnn.types import UInt8Array

# Lengths in digit heights: a component that may contain a line; the shortest horizontal line;
# the longer side of a fragment that is left where a line was erased.
_LONG_COMPONENT, _MIN_LINE_LENGTH, _MAX_FRAGMENT = 2.2, 1.6, 0.3
# Narrowest component, in pixels, that is searched for lines.
_MIN_SEARCH_WIDTH = 12
# Width to height of a component that is a line whatever its size.
_LINE_ASPECT_RATIO = 15
# Width, in digit heights, of a flat component that is too long for the bar of a 5 or a 7; height,
# in digit heights, of one that is too high for a line.
_MAX_BAR_WIDTH, _MAX_LINE_HEIGHT = 1.2, 0.5
# Thickness of a flat component, relative to the strokes of digits, below which it is a piece of
# a ruled line.
_MAX_LINE_THICKNESS = 0.35
# A frame has ink along this fraction of each side, within this fraction of its size from the edge.
_MIN_SIDE_COVERAGE, _SIDE_MARGIN = 0.85, 0.14
# Fraction of the bounding box that is ink: a frame has at most this, an upright stroke more.
_MAX_FRAME_FILL = 0.5
# Shorter side of a frame, in digit heights and in pixels.
_MIN_FRAME_HEIGHT, _MIN_FRAME_SIDE = 0.5, 8
# Sides of a frame run straight along at least this fraction of its size.
_MIN_SIDE_RUN = 0.5
# Bounds on the run time. Number of lines per component and direction; number of components that
# are searched for lines, and for frames; and number of ink pixels that vote in the Hough
# transform: above it, the components are downscaled. Width plus height, in pixels, of a
# component whose accumulator costs more than its votes.
_MAX_LINES, _MAX_SEARCHED, _MAX_VOTES, _LARGE_SIDES = 64, 2000, 600_000, 1000
# Steepest slope of a line: 20 degrees.
_MAX_SLOPE = np.tan(np.radians(20))


def remove_lines(ink_map: InkMap) -> InkMap:
    """Return the ink without lines and frames, or the argument itself if there are none."""
    stats = ink_map.stats
    digit_height = median_digit_height(stats)
    lines, suspects = _find_lines(ink_map, digit_height)
    if not suspects and not lines.any():
        return ink_map
    mask = np.asarray(~lines, np.uint8)[ink_map.labels]
    mask[ink_map.labels == 0] = 0
    # The Hough transform allocates an accumulator per component, which is slow for a large one.
    accumulators = 4 * np.maximum(stats[:, WIDTH] + stats[:, HEIGHT] - _LARGE_SIDES, 0)
    votes = int((stats[:, AREA] + accumulators)[suspects].sum())
    downscaling = max(1, math.ceil(math.sqrt(votes / _MAX_VOTES)))
    for label in suspects:
        left, top, width, height, _ = stats[label]
        region = mask[top : top + height, left : left + width]
        component = _component_mask(ink_map, label)
        region[component > 0] = 0
        region |= _strip_lines(component, digit_height, downscaling)
    return connected_components(ink_map.strength, mask)


def _find_lines(ink_map: InkMap, digit_height: float) -> tuple[NDArray[np.bool_], list[int]]:
    """Return which labels are lines altogether, and the labels that may contain some."""
    stats = ink_map.stats
    widths, heights = stats[:, WIDTH], stats[:, HEIGHT]
    is_long = np.maximum(widths, heights) > _LONG_COMPONENT * digit_height
    # A flat component no longer than a digit may be the bar of a 5 or a 7 if it is as thick as
    # the strokes are.
    is_flat = widths > FLAT_ASPECT_RATIO * heights
    is_thin = stats[:, AREA] / widths < _MAX_LINE_THICKNESS * _ink_per_side(stats, digit_height)
    suspect = is_long | (is_flat & (is_thin | (widths > _MAX_BAR_WIDTH * digit_height)))
    suspect[0] = False  # the background
    is_low = heights < _MAX_LINE_HEIGHT * digit_height
    lines = suspect & (is_flat & is_low | (widths > _LINE_ASPECT_RATIO * heights))
    # A frame around one digit is about as large as a digit.
    framing = ~suspect & (np.minimum(widths, heights) > _MIN_FRAME_HEIGHT * digit_height)
    framing &= stats[:, AREA] <= _MAX_FRAME_FILL * widths * heights
    framing[0] = False
    suspects = _largest_labels(suspect & ~lines, stats)
    frames = _largest_labels(framing, stats)
    suspects += [label for label in frames if _is_frame(_component_mask(ink_map, label))]
    return lines, suspects


def _largest_labels(selected: NDArray[np.bool_], stats: NDArray[np.int32]) -> list[int]:
    """Return the selected labels, at most `_MAX_SEARCHED`, the largest components first."""
    labels = np.flatnonzero(selected)
    if len(labels) > _MAX_SEARCHED:
        order = np.argsort(-stats[labels, AREA], kind="stable")
        labels = labels[order[:_MAX_SEARCHED]]
    return labels.tolist()


def _ink_per_side(stats: NDArray[np.int32], digit_height: float) -> float:
    """Return the ink per pixel of height and width: one to two stroke widths in a digit."""
    digits = stats[1:][stats[1:, HEIGHT] > 0.6 * digit_height]
    sides = digits[:, HEIGHT] + digits[:, WIDTH]
    return float(np.median(digits[:, AREA] / sides)) if len(digits) else 0.0


def _component_mask(ink_map: InkMap, label: int) -> UInt8Array:
    left, top, width, height, _ = ink_map.stats[label]
    return np.asarray(ink_map.labels[top : top + height, left : left + width] == label, np.uint8)


def _is_frame(mask: UInt8Array) -> bool:
    """Return whether ink runs along all four sides, as in a box and in no digit."""
    height, width = mask.shape
    rows, columns = max(1, round(_SIDE_MARGIN * height)), max(1, round(_SIDE_MARGIN * width))
    if min(height, width) < _MIN_FRAME_SIDE or mask.mean() > _MAX_FRAME_FILL:
        return False
    horizontal = mask[:rows].any(axis=0), mask[-rows:].any(axis=0)
    vertical = mask[:, :columns].any(axis=1), mask[:, -columns:].any(axis=1)
    return all(side.mean() > _MIN_SIDE_COVERAGE for side in (*horizontal, *vertical))


def _strip_lines(mask: UInt8Array, digit_height: float, downscaling: int) -> UInt8Array:
    """Return a component without its lines and without the fragments that they leave."""
    stripped = _remove_frame_sides(mask) if _is_frame(mask) else mask
    stripped = _remove_straight_lines(stripped, _MIN_LINE_LENGTH * digit_height, downscaling)
    stripped = _remove_straight_lines(stripped.T, _LONG_COMPONENT * digit_height, downscaling).T
    if stripped is mask or np.array_equal(stripped, mask):
        return mask
    labels, stats = label_components(np.ascontiguousarray(stripped))
    is_fragment = stats[:, [WIDTH, HEIGHT]].max(axis=1) < _MAX_FRAGMENT * digit_height
    is_fragment[0] = True
    return np.asarray(~is_fragment[labels], np.uint8)


def _remove_frame_sides(mask: UInt8Array) -> UInt8Array:
    """Erase straight runs along most of a side of a frame."""
    height, width = mask.shape
    horizontal = keep_vertical_runs(mask.T, max(3, round(_MIN_SIDE_RUN * width))).T
    vertical = keep_vertical_runs(mask, max(3, round(_MIN_SIDE_RUN * height)))
    sides = _select_sides(vertical) | _select_sides(horizontal.T).T
    # Of a stroke that touches the frame, only the pixels beside the line are lost.
    sides = cv2.dilate(sides, np.ones((3, 3), np.uint8))
    return np.asarray((mask > 0) & (sides == 0), np.uint8)


def keep_vertical_runs(mask: UInt8Array, length: int) -> UInt8Array:
    """Return the morphological opening of a binary mask with a vertical line.

    Equal to OpenCV's ``MORPH_OPEN``, but counts pixels with a box filter, whose run time does not
    depend on the length.
    """
    empty = _count_in_column(1 - mask, length)
    return _binary(_count_in_column(_binary(empty == 0), length) > 0)


def _count_in_column(mask: UInt8Array, length: int) -> UInt8Array:
    """Return the number of pixels set in a vertical window around each pixel, at most 255."""
    return np.asarray(
        cv2.boxFilter(
            mask, cv2.CV_8U, (1, length), normalize=False, borderType=cv2.BORDER_CONSTANT
        ),
        np.uint8,
    )


def _binary(mask: NDArray[np.bool_]) -> UInt8Array:
    return mask.view(np.uint8)


def _select_sides(lines: UInt8Array) -> UInt8Array:
    """Return the vertical lines near the left or right side, and those from top to bottom."""
    height, width = lines.shape
    labels, stats = label_components(np.ascontiguousarray(lines))
    rows, columns = max(1, round(_SIDE_MARGIN * height)), max(1, round(_SIDE_MARGIN * width))
    tops = stats[:, TOP]
    bottoms = tops + stats[:, HEIGHT]
    is_wall = (tops <= rows) & (bottoms >= height - rows)
    selected = is_wall[labels]
    selected[:, :columns] = selected[:, -columns:] = True
    return np.asarray(lines * selected, np.uint8)


def _remove_straight_lines(mask: UInt8Array, min_length: float, downscaling: int) -> UInt8Array:
    """Erase horizontal lines of at least `min_length` pixels."""
    mask = np.ascontiguousarray(mask)
    if mask.shape[1] < max(min_length, _MIN_SEARCH_WIDTH):
        return mask
    length = min_length / downscaling
    segments = cv2.HoughLinesP(
        _downscale(mask, downscaling),
        rho=1,
        theta=np.pi / 720,
        threshold=int(0.6 * length),
        minLineLength=length,
        maxLineGap=max(4.0, 0.1 * length),
    )
    if segments is None:
        return mask
    stripped = mask.copy()
    segments = downscaling * segments.reshape(-1, 4)[:_MAX_LINES] + downscaling // 2
    segments = np.minimum(segments, np.tile(np.array(mask.shape[::-1]) - 1, 2))
    widths, heights = (np.abs(segments[:, 2 + axis] - segments[:, axis]) for axis in (0, 1))
    segments = segments[heights <= _MAX_SLOPE * widths]
    if len(segments):
        background = _nearest_background(mask)
        for x1, y1, x2, y2 in segments.tolist():
            _erase_line(stripped, mask, background, (x1, y1), (x2, y2))
    return stripped


def _downscale(mask: UInt8Array, factor: int) -> UInt8Array:
    """Return the mask at 1/`factor` of its size: ink where any pixel of a cell is ink."""
    if factor == 1:
        return mask
    height, width = mask.shape
    padded = np.pad(mask, [(0, -height % factor), (0, -width % factor)])
    cells = padded.reshape(len(padded) // factor, factor, -1, factor)
    return np.ascontiguousarray(cells.max(axis=(1, 3)))


_RowIndices = NDArray[np.int32]


def _nearest_background(mask: UInt8Array) -> tuple[_RowIndices, _RowIndices]:
    """Return, for each pixel, the row of the nearest background above it and below it."""
    rows = np.arange(len(mask), dtype=np.int32)[:, np.newaxis]
    above = np.maximum.accumulate(np.where(mask == 0, rows, np.int32(-1)), axis=0)
    below = np.where(mask == 0, rows, np.int32(len(mask)))[::-1]
    return above, np.minimum.accumulate(below, axis=0)[::-1]


def _erase_line(
    stripped: UInt8Array,
    mask: UInt8Array,
    background: tuple[_RowIndices, _RowIndices],
    start: tuple[int, int],
    end: tuple[int, int],
) -> None:
    """Erase a line in place, from one end to the other, except where a stroke crosses it."""
    (x1, y1), (x2, y2) = sorted((start, end))
    columns = np.arange(x1, x2 + 1)
    centers = np.rint(y1 + (y2 - y1) * (columns - x1) / max(x2 - x1, 1)).astype(int)
    tops, bottoms = _find_runs(mask, background, columns, centers)
    has_ink = bottoms > tops
    if not has_ink.any():
        return
    thickness = bottoms - tops
    line_thickness = float(np.median(thickness[has_ink]))
    is_line = has_ink & (thickness <= 1.5 * line_thickness + 1)
    # Enumerate the pixels of all runs without a loop over the columns.
    lengths = thickness[is_line]
    offsets = np.cumsum(lengths) - lengths
    rows = np.arange(lengths.sum()) + np.repeat(tops[is_line] - offsets, lengths)
    stripped[rows, np.repeat(columns[is_line], lengths)] = 0


def _find_runs(
    mask: UInt8Array,
    background: tuple[_RowIndices, _RowIndices],
    columns: NDArray[np.int_],
    centers: NDArray[np.int_],
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return where the vertical run of ink at each point of a line starts and ends.

    A run may lie up to 2 pixels from the line. Where there is none, both are 0.
    """
    nearest = np.full_like(centers, -1)
    for offset in (2, -2, 1, -1, 0):  # the last one wins, so the nearest comes last
        rows = centers + offset
        inside = (rows >= 0) & (rows < len(mask))
        is_ink = inside & (mask[np.clip(rows, 0, len(mask) - 1), columns] > 0)
        nearest[is_ink] = rows[is_ink]
    has_ink = nearest >= 0
    above, below = (side[nearest, columns] for side in background)
    return np.where(has_ink, above + 1, 0), np.where(has_ink, below, 0)
