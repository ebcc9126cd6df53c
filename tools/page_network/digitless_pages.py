"""Kinds of pages without a handwritten digit: print, letters, lines, drawings, scenes."""

from __future__ import annotations

import numpy as np

from tools.page_network.cell_pages import sudoku
from tools.page_network.curves import log_uniform, smooth_curve
from tools.page_network.layers import Box, Color
from tools.page_network.rows import RowWriter, draw_style, number_text, phrase, print_paragraph
from tools.page_network.rules_and_frames import draw_barcode, draw_frame, draw_grid
from tools.page_network.sheet import Sheet


def printed_page(sheet: Sheet) -> None:
    """Draw headings and columns of text, with numbers in print."""
    generator = sheet.generator
    height = sheet.scale * log_uniform(generator, 6, 40)
    columns = int(generator.integers(1, 4))
    for column in range(columns):
        left = (column + 0.05) * sheet.width / columns
        y = float(generator.uniform(-0.5, 2) * height)
        while y < sheet.height:
            size = height * log_uniform(generator, 0.8, 1.3)
            if generator.random() < 0.3:
                size *= generator.uniform(1.3, 3)
            block = Box(left, y, 0.9 * sheet.width / columns, size * generator.integers(2, 12))
            print_paragraph(sheet, block, size)
            y = block.bottom + size * generator.uniform(0.5, 2)


def receipt(sheet: Sheet) -> None:
    """Draw lines of names and prices in print, up to the page's width."""
    generator = sheet.generator
    height = sheet.scale * log_uniform(generator, 7, 28)
    left, right = generator.uniform(0, 0.3), generator.uniform(0.7, 1)
    y = height * float(generator.uniform(0, 3))
    while y < sheet.height:
        size = height * (2 if generator.random() < 0.1 else 1)
        place = Box(left * sheet.width, y, (right - left) * sheet.width, size)
        roll = generator.random()
        if roll < 0.12:
            sheet.print_text(str(generator.choice(["-", "=", "*", ". "])) * 40, place)
        else:
            sheet.print_text(phrase(generator, int(generator.integers(1, 4))), place)
        if roll > 0.4:
            price = f"{number_text(generator)[:4]}.{generator.integers(10, 100)}"
            sheet.print_text(price, place._replace(left=place.right - 4 * size, width=5 * size))
        y += size * generator.uniform(1.1, 2)


def printed_numbers(sheet: Sheet) -> None:
    """Draw big printed numbers, alone or in rows, like the digits of other pages."""
    generator = sheet.generator
    height = max(8.0, sheet.digit_height)
    pitch = height * float(generator.uniform(1.2, 2.5))
    count = int(generator.integers(1, 6))
    y = float(generator.uniform(0, max(1, sheet.height - count * pitch)))
    for _ in range(count):
        left = generator.uniform(0, 0.3) * sheet.width
        space = str(generator.choice(["", " ", "  "]))
        sheet.print_text(space.join(number_text(generator)), Box(left, y, sheet.width, height))
        y += pitch


def handwritten_words(sheet: Sheet) -> None:
    """Draw lines of handwritten words, letters and symbols."""
    generator = sheet.generator
    sheet.hands = [sheet.other_hand()]
    height = min(sheet.digit_height, 0.4 * sheet.height)
    if sheet.row_pitch:
        height = max(8.0, sheet.row_pitch[0] * float(generator.uniform(0.4, 0.9)))
    writer = RowWriter(sheet, draw_style(generator))
    pitch = sheet.row_pitch[0] if sheet.row_pitch else height * float(generator.uniform(1.3, 2.5))
    first = sheet.row_pitch[1] if sheet.row_pitch else height
    pattern = str(
        generator.choice(["w w w w w w w", "w w", "l l l l", "lllll lll", "l s l - l", "w"])
    )
    left = float(generator.uniform(0, 0.3)) * sheet.width
    baseline, count = first + pitch * generator.integers(0, 3), int(generator.integers(1, 16))
    for row in range(count):
        if baseline + row * pitch > sheet.height + height:
            break
        writer.write(pattern, left, baseline + row * pitch, height, float(sheet.width))


def drawing(sheet: Sheet) -> None:
    """Draw freehand curves, closed shapes, hatching and stick figures."""
    generator = sheet.generator
    hand = sheet.hands[0]
    for _ in range(int(log_uniform(generator, 2, 40))):
        size = np.array([sheet.width, sheet.height]) * log_uniform(generator, 0.03, 0.6)
        corner = generator.uniform(-0.1, 0.9, 2) * (sheet.width, sheet.height)
        points = generator.uniform(0, 1, (int(generator.integers(2, 9)), 2))
        if generator.random() < 0.3:
            points = np.concatenate([points, points[:1]])
        if generator.random() < 0.7:
            points = smooth_curve(points)
        sheet.stroke(corner + points * size, hand.pen.width, hand)


def empty_table(sheet: Sheet) -> None:
    """Draw a grid, a table or frames without writing, at times with printed numbers."""
    generator = sheet.generator
    if generator.random() < 0.5:
        sudoku(sheet, written=0.0)
        return
    xs, ys = (
        np.sort(generator.uniform(-0.1, 1.1, int(generator.integers(2, 16)))) * length
        for length in (sheet.width, sheet.height)
    )
    width = log_uniform(generator, 0.5, 8) * sheet.scale
    draw_grid(sheet, xs, ys, width=width, by_hand=bool(generator.random() < 0.3))


def plain_shapes(sheet: Sheet) -> None:
    """Draw straight lines, frames and bars in any direction, dashed or not."""
    generator = sheet.generator
    for _ in range(int(log_uniform(generator, 1, 40))):
        width = log_uniform(generator, 0.6, 12) * sheet.scale
        first = generator.uniform(-0.1, 1.1, 2) * (sheet.width, sheet.height)
        if generator.random() < 0.2:
            size = generator.uniform(0.02, 0.6, 2) * (sheet.width, sheet.height)
            draw_frame(sheet, Box(first[0], first[1], size[0], size[1]), width)
            continue
        # Short upright bars look most like a 1.
        angle = generator.choice([0, np.pi / 2, generator.uniform(0, np.pi)])
        length = log_uniform(generator, 10, 500) * sheet.scale
        end = first + length * np.array([np.cos(angle), np.sin(angle)])
        sheet.stroke(np.stack([first, end]), width)
    if generator.random() < 0.3:
        box = Box(
            *(generator.uniform(0, 0.6, 2) * sheet.width), 0.4 * sheet.width, 40 * sheet.scale
        )
        draw_barcode(sheet, box)


def scene(sheet: Sheet) -> None:
    """Draw overlapping areas of many colours, as in a picture of a room or a street."""
    generator = sheet.generator
    colors: list[Color] = [(float(r), float(g), float(b)) for r, g, b in generator.random((6, 3))]
    size = (sheet.width, sheet.height)
    for k in range(int(log_uniform(generator, 6, 40))):
        center = generator.uniform(0, 1, 2) * size
        reach = log_uniform(generator, 0.02, 0.5) * np.array(size)
        angles = np.sort(generator.uniform(0, 2 * np.pi, int(generator.integers(3, 9))))
        points = np.stack([np.cos(angles), np.sin(angles)], 1)
        if generator.random() < 0.5:
            points = np.array([(-1.0, -1), (1, -1), (1, 1), (-1, 1)])
        sheet.fill(center + points * reach * generator.uniform(0.3, 1, 2), colors[k % 6])


def blank(sheet: Sheet) -> None:
    """Draw nothing: paper, lines of the paper, and what the photograph adds."""
    del sheet
