"""Ruled, squared and dotted paper, grids, frames and barcodes.

Straight lines are drawn from profiles: the coverage of each row or column of pixels by the lines,
which is fast and allows any thickness.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tools.page_network.curves import Generator, freehand_line, log_uniform
from tools.page_network.layers import Box, Ink
from tools.page_network.sheet import RULE_COLORS, Sheet


def comb(length: int, pitch: float, phase: float, width: float) -> Ink:
    """Return the coverage of `length` pixels by lines at a regular pitch."""
    position = np.arange(length, dtype=np.float32) + 0.5 - phase
    distance = np.abs((position + pitch / 2) % pitch - pitch / 2)
    return np.clip(width / 2 + 0.5 - distance, 0, min(1.0, width)).astype(np.float32)


def profile(length: int, positions: Sequence[float], widths: Sequence[float]) -> Ink:
    """Return the coverage of `length` pixels by lines at given positions."""
    width = np.asarray(widths, np.float32)[:, np.newaxis]
    position = np.asarray(positions, np.float32)[:, np.newaxis]
    distance = np.abs(np.arange(length, dtype=np.float32) + 0.5 - position)
    coverage = np.clip(width / 2 + 0.5 - distance, 0, np.minimum(width, 1))
    return np.asarray(coverage.max(0), np.float32)


def _draw_pitch(sheet: Sheet) -> tuple[float, float, float]:
    """Return pitch, first line and thickness of regular lines."""
    generator = sheet.generator
    pitch = sheet.scale * log_uniform(generator, 9, 80)
    # Mostly about as high as the writing.
    if generator.random() < 0.6:
        pitch = sheet.digit_height * float(generator.uniform(0.8, 2.2))
    pitch = max(5.0, pitch)
    width = float(generator.uniform(0.5, 2.2))
    if generator.random() < 0.15:
        width = float(generator.uniform(1, 0.16 * pitch + 1))
    return pitch, float(generator.uniform(0, pitch)), width


def _strength(generator: Generator) -> np.float32:
    return np.float32(generator.uniform(0.3, 1))


def rule_paper(sheet: Sheet) -> None:
    """Draw ruled paper, often with a margin line, a header or a second line between the lines."""
    generator = sheet.generator
    pitch, phase, width = _draw_pitch(sheet)
    rows = comb(sheet.height, pitch, phase, width)
    if generator.random() < 0.15:  # for learning to write: two or more lines for each row
        inner = pitch * generator.uniform(0.25, 0.5)
        rows = np.maximum(rows, comb(sheet.height, pitch, phase + inner, width))
    if generator.random() < 0.2:  # below a header
        top = int(generator.uniform(0, 0.4) * sheet.height)
        rows[:top] = 0
    columns = np.ones(sheet.width, np.float32)
    if generator.random() < 0.25:  # between margins
        left, right = (int(share * sheet.width) for share in generator.uniform(0, 0.3, 2))
        columns[:left] = 0
        columns[sheet.width - right :] = 0
    sheet.add_rules(_strength(generator) * rows[:, np.newaxis] * columns)
    sheet.row_pitch = (pitch, phase)
    if generator.random() < 0.4:
        margin_lines(sheet)


def margin_lines(sheet: Sheet) -> None:
    """Draw one or two vertical lines, as beside the margin of a notebook."""
    generator = sheet.generator
    x = sheet.width * float(
        generator.choice([generator.uniform(0, 0.3), generator.uniform(0.7, 1)])
    )
    xs = [x] if generator.random() < 0.7 else [x, x + sheet.scale * generator.uniform(2, 8)]
    width = float(generator.uniform(0.5, 2.5))
    columns = profile(sheet.width, xs, [width] * len(xs))
    lines = np.repeat(columns[np.newaxis], sheet.height, 0)
    color = RULE_COLORS[generator.integers(len(RULE_COLORS))]
    sheet.add_rules(lines * _strength(generator), color)


def square_paper(sheet: Sheet) -> None:
    """Draw squared or graph paper."""
    generator = sheet.generator
    pitch, phase, width = _draw_pitch(sheet)
    fine = generator.random() < 0.25
    if fine:
        pitch = sheet.scale * float(generator.uniform(4, 14))
        width = min(width, 0.2 * pitch)
    stretch = 1.0 if generator.random() < 0.8 else float(generator.uniform(0.6, 1.8))
    offset = float(generator.uniform(0, pitch))
    rows = comb(sheet.height, pitch, phase, width)
    columns = comb(sheet.width, stretch * pitch, offset, width)
    strength = _strength(generator)
    if fine or generator.random() < 0.15:  # each fifth or tenth line is bolder
        every = int(generator.choice([2, 4, 5, 10]))
        rows = np.maximum(strength * rows, comb(sheet.height, every * pitch, phase, 1.8 * width))
        columns = np.maximum(
            strength * columns, comb(sheet.width, every * stretch * pitch, offset, 1.8 * width)
        )
        strength = np.float32(1)
    sheet.add_rules(strength * np.maximum(rows[:, np.newaxis], columns))
    if not fine:
        sheet.row_pitch, sheet.column_pitch = (pitch, phase), (stretch * pitch, offset)
    if generator.random() < 0.15:
        margin_lines(sheet)


def dot_paper(sheet: Sheet) -> None:
    """Draw paper with a dot at each crossing of a squared grid."""
    generator = sheet.generator
    pitch, phase, _ = _draw_pitch(sheet)
    width = float(generator.uniform(0.8, 0.12 * pitch + 1.5))
    offset = float(generator.uniform(0, pitch))
    rows, columns = (
        comb(length, pitch, start, width)
        for length, start in ((sheet.height, phase), (sheet.width, offset))
    )
    sheet.add_rules(_strength(generator) * np.minimum(rows[:, np.newaxis], columns))
    sheet.row_pitch, sheet.column_pitch = (pitch, phase), (pitch, offset)


def dash_paper(sheet: Sheet) -> None:
    """Draw dashed or dotted lines, in one direction or both."""
    generator = sheet.generator
    pitch, phase, width = _draw_pitch(sheet)
    period = sheet.scale * log_uniform(generator, 2.5, 30)
    dash = max(0.8, period * float(generator.uniform(0.2, 0.75)))
    offset = float(generator.uniform(0, period))
    across = comb(sheet.width, period, offset, dash)
    lines = comb(sheet.height, pitch, phase, width)[:, np.newaxis] * across
    if generator.random() < 0.5:
        down = comb(sheet.height, period, offset, dash)[:, np.newaxis]
        lines = np.maximum(lines, down * comb(sheet.width, pitch, phase, width))
        sheet.column_pitch = (pitch, phase)
    sheet.add_rules(_strength(generator) * lines)
    sheet.row_pitch = (pitch, phase)


def staff_paper(sheet: Sheet) -> None:
    """Draw groups of lines, as for music or for learning to write."""
    generator = sheet.generator
    count = int(generator.integers(2, 6))
    step = sheet.scale * float(generator.uniform(3, 20))
    pitch = step * (count + generator.uniform(0.5, 4))
    width, phase = float(generator.uniform(0.5, 1.6)), float(generator.uniform(0, pitch))
    combs = [comb(sheet.height, pitch, phase + k * step, width) for k in range(count)]
    rows = np.max(combs, 0)[:, np.newaxis] * _strength(generator)
    sheet.add_rules(np.repeat(rows, sheet.width, 1))
    sheet.row_pitch = (pitch, phase + (count - 1) * step)


def wave_paper(sheet: Sheet) -> None:
    """Draw wavy lines all over the paper, as on cheques and certificates."""
    generator = sheet.generator
    pitch, width = sheet.scale * float(generator.uniform(6, 30)), float(generator.uniform(0.5, 1.2))
    amplitude = pitch * generator.uniform(0.3, 3)
    x = np.arange(sheet.width, dtype=np.float32)
    wave = amplitude * np.sin(2 * np.pi * x / (sheet.scale * generator.uniform(20, 300)))
    position = (np.arange(sheet.height, dtype=np.float32)[:, np.newaxis] + wave) % pitch
    distance = np.minimum(position, pitch - position)
    lines = np.clip(width / 2 + 0.5 - distance, 0, min(1.0, width)).astype(np.float32)
    sheet.add_rules(_strength(generator) * lines)


PAPERS: dict[str, tuple[float, Callable[[Sheet], None]]] = {
    "ruled paper": (0.14, rule_paper),
    "squared paper": (0.12, square_paper),
    "dotted paper": (0.05, dot_paper),
    "dashed paper": (0.05, dash_paper),
    "staff paper": (0.03, staff_paper),
    "wavy paper": (0.02, wave_paper),
    "margin lines": (0.02, margin_lines),
}


def draw_grid(
    sheet: Sheet,
    xs: NDArray[np.float64],
    ys: NDArray[np.float64],
    *,
    width: float,
    bold: int = 0,
    by_hand: bool = False,
) -> None:
    """Draw the lines of a table.

    Parameters
    ----------
    sheet : Sheet
        Where to draw.
    xs, ys : ndarray of shape (n,)
        Positions of the lines.
    width : float
        Thickness of the lines in pixels.
    bold : int, default=0
        Each how many lines one is bold; 0 for none.
    by_hand : bool, default=False
        Draw freehand lines instead of printed ones.
    """
    generator = sheet.generator
    if by_hand:
        hand, stray = sheet.other_hand(), 0.02 * float(np.diff(ys).mean())
        ends = [((x, ys[0]), (x, ys[-1])) for x in xs] + [((xs[0], y), (xs[-1], y)) for y in ys]
        for start, end in ends:
            moved = np.array([start, end]) + generator.normal(0, 2 * stray, (2, 2))
            sheet.stroke(freehand_line(generator, *moved, stray), max(1.0, width), hand)
        return
    factor = float(generator.uniform(1.6, 4))
    widths = [
        [width * (factor if bold and k % bold == 0 else 1) for k in range(len(lines))]
        for lines in (xs, ys)
    ]
    columns, rows = profile(sheet.width, xs, widths[0]), profile(sheet.height, ys, widths[1])
    # The lines end at the border of the table.
    half = max(widths[0][0], width) / 2
    inside_x = profile(sheet.width, [(xs[0] + xs[-1]) / 2], [xs[-1] - xs[0] + 2 * half])
    inside_y = profile(sheet.height, [(ys[0] + ys[-1]) / 2], [ys[-1] - ys[0] + 2 * half])
    strength = np.float32(generator.uniform(0.5, 1))
    dashes = 1.0
    if generator.random() < 0.1:
        period = sheet.scale * log_uniform(generator, 3, 16)
        dashes = comb(sheet.width, period, 0.0, 0.6 * period)
        rows[:] = rows if generator.random() < 0.5 else 0
    lines = np.maximum(rows[:, np.newaxis] * inside_x * dashes, columns * inside_y[:, np.newaxis])
    sheet.add_rules(strength * lines)


def draw_frame(sheet: Sheet, box: Box, width: float) -> None:
    """Draw a rectangle, sometimes with round corners, or only part of its sides."""
    generator = sheet.generator
    corners = np.array(
        [(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)]
    )
    if generator.random() < 0.15:
        radius = 0.3 * min(box.width, box.height) * generator.uniform(0.3, 1)
        angle = np.linspace(0, 2 * np.pi, 33)[:-1] + np.pi / 4
        center, half = corners.mean(0), np.array([box.width, box.height]) / 2 - radius
        unit = np.stack([np.cos(angle), np.sin(angle)], 1)
        corners = center + np.sign(unit) * half + radius * unit
    sheet.stroke(np.concatenate([corners, corners[:1]]), width)


def draw_barcode(sheet: Sheet, box: Box) -> None:
    """Draw a barcode, or the squares of a two-dimensional code, in the colour of print."""
    generator = sheet.generator
    module = max(1, round(sheet.scale * generator.uniform(1, 4)))
    flat = generator.random() < 0.3
    height = max(2, int(box.width if flat else box.height) // module)
    shape = (height if flat else 1, max(2, int(box.width) // module))
    bits = (generator.random(shape) < 0.5).astype(np.float32)
    code = np.repeat(np.repeat(bits, module if flat else height * module, 0), module, 1)
    sheet.place_print(code, box.top, box.left)
