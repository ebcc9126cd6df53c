"""Kinds of pages with handwritten digits in cells: tables, grids, sudoku, forms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tools.page_network.curves import log_uniform
from tools.page_network.layers import Box
from tools.page_network.rows import MAX_DIGITS, RowWriter, draw_style, phrase
from tools.page_network.rules_and_frames import draw_frame, draw_grid
from tools.page_network.sheet import Sheet


def write_in_cell(sheet: Sheet, cell: Box, height: float, stray: float) -> None:
    """Write one digit near the middle of a cell."""
    coverage, label = sheet.digit(height * float(np.exp(sheet.generator.normal(0, 0.08))))
    shift_x, shift_y = sheet.generator.normal(0, stray * height, 2)
    left = cell.left + (cell.width - coverage.shape[1]) / 2 + shift_x
    sheet.place_digit(coverage, label, cell.top + (cell.height - len(coverage)) / 2 + shift_y, left)


def _print_in_cell(sheet: Sheet, cell: Box, height: float, text: str) -> None:
    coverage = sheet.printed(text, height)
    left = cell.left + (cell.width - coverage.shape[1]) / 2
    sheet.place_print(coverage, cell.top + (cell.height - len(coverage)) / 2, left)


def _cell_lines(
    sheet: Sheet, rows: int, columns: int, aspect: float, *, uneven: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the positions of a table's lines: anywhere, and rarely past the page."""
    generator = sheet.generator
    share = float(generator.uniform(0.35, 1.1))
    cell = share * min(sheet.width / (columns * aspect), sheet.height / rows)
    cell = max(cell, 14 * sheet.scale)
    sizes = [np.full(columns, cell * aspect), np.full(rows, cell)]
    if uneven:
        sizes[0] *= generator.uniform(0.5, 1.7, columns)
        sizes[0] *= columns * cell * aspect / sizes[0].sum()
    free = np.array([sheet.width, sheet.height]) - [one.sum() for one in sizes]
    first = free * generator.uniform(0, 1, 2)
    xs, ys = (
        start + np.concatenate([[0.0], np.cumsum(one)])
        for start, one in zip(first, sizes, strict=True)
    )
    return xs, ys


def set_cell_pen(sheet: Sheet, cell_height: float, low: float, high: float) -> float:
    """Return the height of digits in cells of this height, and choose the pen to suit it."""
    height = max(7.0, cell_height * float(sheet.generator.uniform(low, high)))
    sheet.digit_height = height
    sheet.renew_hands()
    return height


def tables(sheet: Sheet) -> None:
    """Draw tables of numbers and words, ruled by a printer or by hand."""
    generator = sheet.generator
    rows, columns = int(generator.integers(2, 13)), int(generator.integers(2, 9))
    xs, ys = _cell_lines(sheet, rows, columns, float(generator.uniform(0.8, 4)), uneven=True)
    cell_height = float(np.diff(ys).min())
    height = set_cell_pen(sheet, cell_height, 0.35, 0.95)
    width = log_uniform(generator, 0.5, 4) * sheet.scale
    draw_grid(sheet, xs, ys, width=width, by_hand=bool(generator.random() < 0.3))
    writer = RowWriter(sheet, draw_style(generator))
    titled, labelled = generator.random(2) < 0.5
    printed = generator.random() < 0.5
    fill = float(generator.uniform(0.3, 1))
    for row in range(rows):
        for column in range(columns):
            cell = Box(xs[column], ys[row], xs[column + 1] - xs[column], cell_height)
            label = (titled and row == 0) or (labelled and column == 0)
            if label and printed:
                box = Box(cell.left + 2, cell.top + 0.3 * cell_height, cell.width - 4, 0.5 * height)
                sheet.print_text(phrase(generator, 1), box)
            elif label or generator.random() < fill:
                fits = max(1, int(cell.width / (0.75 * height)))
                pattern = "d" * int(generator.integers(1, 1 + min(fits, 5)))
                if label or generator.random() < 0.05:
                    pattern = "w" if fits > 2 else "l"
                left = cell.left + generator.uniform(0.05, 0.35) * height
                baseline = cell.bottom - generator.uniform(0, 0.5) * (cell_height - height)
                writer.write(pattern, left, baseline, height, cell.right - 0.4 * height)
            if len(sheet.digit_boxes) > MAX_DIGITS:
                return


def digit_grid(sheet: Sheet) -> None:
    """Draw one digit in each cell, as on sheets that collect handwriting."""
    generator = sheet.generator
    rows, columns = int(generator.integers(1, 12)), int(generator.integers(2, 12))
    xs, ys = _cell_lines(sheet, rows, columns, float(generator.uniform(0.75, 1.4)), uneven=False)
    height = set_cell_pen(sheet, ys[1] - ys[0], 0.4, 1.05)
    width = log_uniform(generator, 0.4, 6) * sheet.scale
    draw_grid(sheet, xs, ys, width=width, by_hand=bool(generator.random() < 0.15))
    fill = float(generator.choice([0.3, 0.7, 1]))
    for top in ys[:-1]:
        for left in xs[:-1]:
            if generator.random() < fill and len(sheet.digit_boxes) <= MAX_DIGITS:
                write_in_cell(sheet, Box(left, top, xs[1] - xs[0], ys[1] - ys[0]), height, 0.1)


def sudoku(sheet: Sheet, written: float | None = None) -> None:
    """Draw a number puzzle: print in some cells, handwriting in others; or a calendar."""
    generator = sheet.generator
    count, bold = ((9, 3), (9, 3), (6, 3), (4, 2), (7, 0), (8, 0))[generator.integers(6)]
    xs, ys = _cell_lines(sheet, count, count, 1.0, uneven=False)
    cell_size = ys[1] - ys[0]
    height = set_cell_pen(sheet, cell_size, 0.4, 0.9)
    width = log_uniform(generator, 0.5, 3) * sheet.scale
    draw_grid(sheet, xs, ys, width=width, bold=bold)
    share = float(generator.uniform(0.2, 0.6))
    written = float(generator.uniform(0.1, 1)) if written is None else written
    black = float(generator.choice([0.0, 0.15], p=[0.9, 0.1]))  # as in a crossword
    # Small digits that are still possible in a cell.
    candidates = 0.4 if written and cell_size > 30 and generator.random() < 0.2 else 0.0
    corner = generator.random() < 0.15  # printed numbers in the corner of each cell
    size = float(generator.uniform(0.4, 0.75)) * cell_size
    for row in range(count):
        for column in range(count):
            cell = Box(xs[column], ys[row], cell_size, cell_size)
            text = str(generator.integers(1, 10))
            if corner:
                text = str(row * count + column)
                _print_in_cell(sheet, cell._replace(width=0.5 * cell_size), 0.3 * size, text)
            if generator.random() < black:
                corners = np.array([cell[:2], (cell.right, cell.top), (cell.right, cell.bottom)])
                corners = np.concatenate([corners, [(cell.left, cell.bottom)]])
                sheet.fill(corners, sheet.print_color, kind="other")
            elif not corner and generator.random() < share:
                _print_in_cell(sheet, cell, size, text)
            elif generator.random() < candidates:
                for k in generator.permutation(4)[: generator.integers(1, 4)]:
                    place = np.array([k % 2, k // 2]) * cell_size / 2
                    part = Box(cell.left + place[0], cell.top + place[1], *[cell_size / 2] * 2)
                    write_in_cell(sheet, part, 0.7 * height / 2, 0.05)
            elif generator.random() < written:
                write_in_cell(sheet, cell, height, 0.08)


def forms(sheet: Sheet) -> None:
    """Draw printed labels with boxes: a box for each digit, or one for a whole number."""
    generator = sheet.generator
    box_height = sheet.scale * log_uniform(generator, 13, 70)
    height = set_cell_pen(sheet, box_height, 0.45, 1.1)
    writer = RowWriter(sheet, draw_style(generator))
    width = log_uniform(generator, 0.6, 3.5) * sheet.scale
    per_digit = generator.random() < 0.6
    gap = float(generator.choice([0.0, 0.0, generator.uniform(0.05, 0.5)])) * box_height
    text_height = box_height * float(generator.uniform(0.25, 0.6))
    pitch = box_height * float(generator.uniform(1.3, 2.5)) + text_height
    y = float(generator.uniform(0, pitch))
    while y < sheet.height and len(sheet.digit_boxes) < MAX_DIGITS:
        x = float(generator.uniform(0, 0.25) * sheet.width)
        while x < sheet.width - box_height:
            count = int(generator.integers(1, 9))
            label = phrase(generator, int(generator.integers(1, 4)))
            sheet.print_text(label, Box(x, y - 1.25 * text_height, 0.7 * sheet.width, text_height))
            empty = generator.random() < 0.25
            if per_digit:
                step = box_height * 0.85 + gap
                for k in range(count):
                    cell = Box(x + k * step, y, 0.85 * box_height, box_height)
                    draw_frame(sheet, cell, width)
                    if not empty and generator.random() < 0.92:
                        write_in_cell(sheet, cell, height, 0.08)
                x += count * step
            else:
                frame = Box(x, y, 0.8 * height * (count + 1), box_height)
                draw_frame(sheet, frame, width)
                if not empty:
                    baseline = frame.bottom - generator.uniform(0, 0.8) * (box_height - height)
                    writer.write("d" * count, x + 0.3 * height, baseline, height)
                x = frame.right
            x += box_height * generator.uniform(0.4, 5)
        y += pitch
