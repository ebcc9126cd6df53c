"""Taking ruled lines, underlines and boxes out of the ink, and leaving the digits on them.

A part that is far longer than digits are tall holds lines. Each is found by Hough's
transform, followed from end to end, and erased where the ink across it is no thicker than
itself: where a stroke crosses or touches it, the ink is thicker and stays.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.ocr.binarization import AREA, HEIGHT, TOP, WIDTH, InkMap, connected_components
from mnistcnn.ocr.components import median_digit_height

# In typical heights of a digit: a part that is longer may hold a line; a line that runs
# across is no shorter than that; and what lines leave behind is smaller still.
_LONG, _SHORTEST, _CRUMB = 2.2, 1.6, 0.3
_FEW = 12
# A part that is flatter than this is a line or a dash, or several digits; even flatter, it
# is a line.
_FLAT, _FLATTEST = 3.5, 15
_BAR = 1.2
# Of what strokes measure: a flat part that is thinner belongs to a ruled line.
_THIN = 0.35
# What share of a side a frame's ink covers, within what share of its size from the edge.
_COVERED, _MARGIN = 0.85, 0.14
# A frame has no more ink than this for its size; an upright stroke has.
_HOLLOW = 0.5
# In typical heights: the least side of a frame.
_SMALLEST_FRAME = 0.5
_MAX_LINES = 64
# Pixels of ink among which lines are looked for; of more, in squares of several pixels.
_MAX_VOTERS, _LARGE = 600_000, 1000
# Parts that may hold lines, and those that may be frames, of which so many are looked at.
_MAX_SUSPECTS = 2000
_STEEPEST = np.tan(np.radians(20))


def remove_lines(ink: InkMap) -> InkMap:
    """Return the ink without lines and frames; the very same if there are none."""
    stats = ink.stats
    typical = median_digit_height(stats)
    widths, heights = stats[:, WIDTH], stats[:, HEIGHT]
    far = np.maximum(widths, heights) > _LONG * typical
    # A flat part that is no longer than a digit may be the bar of a 5 or a 7, if it is as
    # thick as strokes are.
    flat = widths > _FLAT * heights
    thin = stats[:, AREA] / widths < _THIN * _stroke_width(stats, typical)
    suspect = far | (flat & (thin | (widths > _BAR * typical)))
    suspect[0] = False  # the paper
    lines = suspect & (flat & (heights < 0.5 * typical) | (widths > _FLATTEST * heights))
    # Only what is about as large as a digit can be the frame of one.
    framing = ~suspect & (np.minimum(widths, heights) > _SMALLEST_FRAME * typical)
    framing &= stats[:, AREA] <= _HOLLOW * widths * heights
    framing[0] = False
    suspects = _largest_components(suspect & ~lines, stats)
    suspects += [
        part
        for part in _largest_components(framing, stats)
        if _is_frame(_component_mask(ink, part))
    ]
    if not suspects and not lines.any():
        return ink
    mask = np.asarray(~lines, np.uint8)[ink.labels]
    mask[ink.labels == 0] = 0
    # Hough's transform sets a table aside for each part, which for a large one takes long, too.
    tables = 4 * np.maximum(widths + heights - _LARGE, 0)
    voters = int((stats[:, AREA] + tables)[suspects].sum())
    shrink = max(1, math.ceil(math.sqrt(voters / _MAX_VOTERS)))
    for part in suspects:
        left, top, width, height, _ = stats[part]
        inside = mask[top : top + height, left : left + width]
        own = _component_mask(ink, part)
        inside[own > 0] = 0
        inside |= _strip_lines(own, typical, shrink)
    return connected_components(ink.strength, mask)


def _largest_components(chosen: NDArray[np.bool_], stats: NDArray[np.int32]) -> list[int]:
    """Return which parts are chosen, without the smallest of very many."""
    parts = np.flatnonzero(chosen)
    if len(parts) > _MAX_SUSPECTS:
        order = np.argsort(-stats[parts, AREA], kind="stable")
        parts = parts[order[:_MAX_SUSPECTS]]
    return parts.tolist()


def _stroke_width(stats: NDArray[np.int32], typical: float) -> float:
    """Return ink for each pixel of height and width: one to two strokes' width in a digit."""
    digits = stats[1:][stats[1:, HEIGHT] > 0.6 * typical]
    sizes = digits[:, HEIGHT] + digits[:, WIDTH]
    return float(np.median(digits[:, AREA] / sizes)) if len(digits) else 0.0


def _component_mask(ink: InkMap, part: int) -> NDArray[np.uint8]:
    left, top, width, height, _ = ink.stats[part]
    return np.asarray(ink.labels[top : top + height, left : left + width] == part, np.uint8)


def _is_frame(mask: NDArray[np.uint8]) -> bool:
    """Tell whether ink runs along all four sides, as in a box and in no digit."""
    height, width = mask.shape
    down, across = max(1, round(_MARGIN * height)), max(1, round(_MARGIN * width))
    if min(height, width) < 8 or mask.mean() > _HOLLOW:
        return False
    rows = mask[:down].any(axis=0), mask[-down:].any(axis=0)
    columns = mask[:, :across].any(axis=1), mask[:, -across:].any(axis=1)
    return all(side.mean() > _COVERED for side in (*rows, *columns))


def _strip_lines(mask: NDArray[np.uint8], typical: float, shrink: int) -> NDArray[np.uint8]:
    """Return a part without its lines: what is left of it, without what is small."""
    left = _remove_frame_sides(mask) if _is_frame(mask) else mask
    left = _remove_straight_lines(left, _SHORTEST * typical, shrink)
    left = _remove_straight_lines(left.T, _LONG * typical, shrink).T
    if left is mask or np.array_equal(left, mask):
        return mask
    ink = connected_components(np.empty(0, np.float32), np.ascontiguousarray(left))
    crumbs = ink.stats[:, [WIDTH, HEIGHT]].max(axis=1) < _CRUMB * typical
    crumbs[0] = True
    return np.asarray(~crumbs[ink.labels], np.uint8)


def _remove_frame_sides(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Erase what is thin and runs along most of a side of a frame."""
    height, width = mask.shape
    across = _opened(mask.T, max(3, round(0.5 * width))).T
    down = _opened(mask, max(3, round(0.5 * height)))
    lines = _sides(down) | _sides(across.T).T
    lines = cv2.dilate(lines, np.ones((3, 3), np.uint8))
    # Of a stroke that touches the frame, only what the line itself covers is lost.
    return np.asarray((mask > 0) & (lines == 0), np.uint8)


def _opened(mask: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """Return what lies in upright runs of that length; beyond the edges there may be ink.

    As OpenCV's opening, whose time grows with the length.
    """
    before, after = length // 2, length - 1 - length // 2
    eroded = np.pad(mask, [(before, after), (0, 0)], constant_values=1)
    eroded = _over(np.minimum, eroded, length)
    return _over(np.maximum, np.pad(eroded, [(before, after), (0, 0)]), length)


def _over(extreme: np.ufunc, array: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """Return the extreme of each so many rows that follow one another."""
    count = 1
    while count < length:
        step = min(count, length - count)
        array = extreme(array[:-step], array[step:])
        count += step
    return array


def _sides(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return which upright lines are near a side, or walls from end to end and no stroke."""
    height, width = lines.shape
    found = connected_components(np.empty(0, np.float32), np.ascontiguousarray(lines))
    end, side = max(1, round(_MARGIN * height)), max(1, round(_MARGIN * width))
    top, bottom = found.stats[:, TOP], found.stats[:, TOP] + found.stats[:, HEIGHT]
    walls = (top <= end) & (bottom >= height - end)
    chosen = walls[found.labels]
    chosen[:, :side] = chosen[:, -side:] = True
    return np.asarray(lines * chosen, np.uint8)


def _remove_straight_lines(
    mask: NDArray[np.uint8], shortest: float, shrink: int
) -> NDArray[np.uint8]:
    """Erase lines that run across and are no shorter than `shortest`."""
    mask = np.ascontiguousarray(mask)
    if mask.shape[1] < max(shortest, _FEW):
        return mask
    length = shortest / shrink
    found = cv2.HoughLinesP(
        _shrunk(mask, shrink),
        rho=1,
        theta=np.pi / 720,
        threshold=int(0.6 * length),
        minLineLength=length,
        maxLineGap=max(4.0, 0.1 * length),
    )
    if found is None:
        return mask
    left = mask.copy()
    lines = shrink * found.reshape(-1, 4)[:_MAX_LINES] + shrink // 2
    lines = np.minimum(lines, np.tile(np.array(mask.shape[::-1]) - 1, 2))
    lines = lines[
        np.abs(lines[:, 3] - lines[:, 1]) <= _STEEPEST * np.abs(lines[:, 2] - lines[:, 0])
    ]
    if len(lines):
        paper = _background_around(mask)
        for x1, y1, x2, y2 in lines.tolist():
            _erase(left, mask, paper, (x1, y1), (x2, y2))
    return left


def _shrunk(mask: NDArray[np.uint8], by: int) -> NDArray[np.uint8]:
    """Return a mask of squares of so many pixels: ink where there is any in the square."""
    if by == 1:
        return mask
    height, width = mask.shape
    padded = np.pad(mask, [(0, -height % by), (0, -width % by)])
    squares = padded.reshape(len(padded) // by, by, -1, by)
    return np.ascontiguousarray(squares.max(axis=(1, 3)))


_Rows = NDArray[np.int32]


def _background_around(mask: NDArray[np.uint8]) -> tuple[_Rows, _Rows]:
    """Return the row of the nearest paper above each place, and of that below it."""
    rows = np.arange(len(mask), dtype=np.int32)[:, np.newaxis]
    above = np.maximum.accumulate(np.where(mask == 0, rows, np.int32(-1)), axis=0)
    below = np.where(mask == 0, rows, np.int32(len(mask)))[::-1]
    return above, np.minimum.accumulate(below, axis=0)[::-1]


def _erase(
    left: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    paper: tuple[_Rows, _Rows],
    start: tuple[int, int],
    end: tuple[int, int],
) -> None:
    """Erase a line from one end to the other where nothing crosses it."""
    (x1, y1), (x2, y2) = sorted((start, end))
    columns = np.arange(x1, x2 + 1)
    middle = np.rint(y1 + (y2 - y1) * (columns - x1) / max(x2 - x1, 1)).astype(int)
    tops, bottoms = _runs(mask, paper, columns, middle)
    there = bottoms > tops
    if not there.any():
        return
    thick = bottoms - tops
    thickness = float(np.median(thick[there]))
    thin = there & (thick <= 1.5 * thickness + 1)
    thick = thick[thin]
    first = np.cumsum(thick) - thick
    rows = np.arange(thick.sum()) + np.repeat(tops[thin] - first, thick)
    left[rows, np.repeat(columns[thin], thick)] = 0


def _runs(
    mask: NDArray[np.uint8],
    paper: tuple[_Rows, _Rows],
    columns: NDArray[np.int_],
    middle: NDArray[np.int_],
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return where the ink about each place of a line begins and ends, upwards and downwards."""
    near = np.full_like(middle, -1)
    for away in (2, -2, 1, -1, 0):  # the nearest one stays
        rows = middle + away
        inside = (rows >= 0) & (rows < len(mask))
        ink = inside & (mask[np.clip(rows, 0, len(mask) - 1), columns] > 0)
        near[ink] = rows[ink]
    there = near >= 0
    above, below = (side[near, columns] for side in paper)
    return np.where(there, above + 1, 0), np.where(there, below, 0)
