"""What else is found on a page: headings, ticks, blots, stamps, logos, holes, app windows, ..."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tools.page_network.curves import Points, freehand_line, log_uniform, smooth_curve
from tools.page_network.layers import Box, Color
from tools.page_network.rows import (
    WORDS,
    RowWriter,
    draw_style,
    number_text,
    phrase,
    print_paragraph,
)
from tools.page_network.rules_and_frames import draw_barcode, draw_frame
from tools.page_network.sheet import INK_COLORS, Sheet


def _random_color(sheet: Sheet) -> Color:
    return INK_COLORS[sheet.generator.integers(len(INK_COLORS))]


def _circle(center: Points, radius: Points, turns: float = 1.0) -> Points:
    angle = np.linspace(0, 2 * np.pi * turns, 40)
    return center + radius * np.stack([np.cos(angle), np.sin(angle)], 1)


def heading(sheet: Sheet) -> None:
    """Draw a line or two of print near an edge: a title, a page number."""
    generator = sheet.generator
    height = sheet.scale * log_uniform(generator, 8, 50)
    text = phrase(generator, int(generator.integers(1, 6)))
    y = float(generator.choice([generator.uniform(0, 0.12), generator.uniform(0.85, 0.98)]))
    box = Box(generator.uniform(0, 0.5) * sheet.width, y * sheet.height, sheet.width, height)
    if sheet.is_free(box):
        sheet.print_text(text, box)


def printed_block(sheet: Sheet) -> None:
    """Draw a block of small print, or a printed number as large as the digits."""
    generator = sheet.generator
    if generator.random() < 0.4:
        height = float(np.clip(sheet.digit_height, 8, 0.3 * sheet.height))
        text = number_text(generator)
        box = sheet.free_box(0.6 * height * len(text), height)
        if box is not None:
            sheet.print_text(text, box)
        return
    box = sheet.free_box(*(generator.uniform(0.15, 0.5, 2) * (sheet.width, sheet.height)))
    if box is not None:
        print_paragraph(sheet, box, sheet.scale * log_uniform(generator, 6, 20))


def words_beside(sheet: Sheet) -> None:
    """Draw handwritten words, letters and symbols where no digit is."""
    generator = sheet.generator
    height = float(np.clip(sheet.digit_height, 8, 0.3 * sheet.height))
    writer = RowWriter(sheet, draw_style(generator))
    for _ in range(int(generator.integers(1, 6))):
        pattern = str(generator.choice(["w", "w w", "l", "s", "lll", "ss"]))
        box = sheet.free_box(writer.width_of(pattern, height), 1.3 * height)
        if box is not None:
            writer.write(pattern, box.left, box.bottom - 0.2 * height, height)


def ticks(sheet: Sheet) -> None:
    """Draw ticks, crosses, dots and short dashes, mostly in another colour."""
    generator = sheet.generator
    shapes = [
        [[(-0.3, 0.0), (0.0, 0.4), (0.9, -0.8)]],
        [[(-0.4, -0.4), (0.4, 0.4)], [(0.4, -0.4), (-0.4, 0.4)]],
        [[(0.0, 0.0), (0.05, 0.05)]],
        [[(-0.5, 0.0), (0.5, 0.0)]],
        [[(0.0, -0.5), (0.0, 0.5)]],
    ]
    shape = shapes[generator.integers(len(shapes))]
    hand = sheet.other_hand()
    for _ in range(int(generator.integers(1, 8))):
        height = max(6.0, sheet.digit_height * float(generator.uniform(0.4, 1.5)))
        box = sheet.free_box(height, height)
        if box is not None:
            for points in shape:
                moved = np.array(points) + generator.normal(0, 0.06, (len(points), 2))
                center = np.array([box.left, box.top]) + 0.5 * height
                sheet.stroke(center + height * moved, min(hand.pen.width, 0.2 * height), hand)


def underlines(sheet: Sheet) -> None:
    """Draw lines under, or boxes and circles around, some digits."""
    generator = sheet.generator
    hand = sheet.other_hand()
    kind = generator.choice(["line", "double", "circle", "box"])
    boxes = sheet.digit_boxes
    for _ in range(min(len(boxes), int(generator.integers(1, 6)))):
        box = boxes[generator.integers(len(boxes))]
        width = min(hand.pen.width, 0.2 * box.height)
        reach = generator.uniform(0.5, 4) * box.height
        if kind in {"line", "double"}:
            for k in range(1 if kind == "line" else 2):
                y = box.bottom + (0.1 + 0.15 * k + 0.1 * generator.standard_normal()) * box.height
                ends = (box.left - 0.2 * box.height, y), (box.left + reach, y)
                sheet.stroke(freehand_line(generator, *ends, 0.03 * box.height), width, hand)
            continue
        center = np.array([box.left + box.width / 2, box.top + box.height / 2])
        radius = np.array([box.width, box.height]) * generator.uniform(0.7, 1.2, 2)
        if kind == "circle":
            sheet.stroke(_circle(center, radius, generator.uniform(0.9, 1.2)), width, hand)
        else:
            left, top = center - radius
            draw_frame(sheet, Box(left, top, 2 * radius[0], 2 * radius[1]), width)


def blots(sheet: Sheet) -> None:
    """Draw drops of ink, specks and smears."""
    generator = sheet.generator
    color = sheet.hands[0].color
    for _ in range(int(log_uniform(generator, 1, 25))):
        radius = sheet.scale * log_uniform(generator, 0.6, 14)
        box = sheet.free_box(2 * radius, 2 * radius)
        if box is not None:
            angle = np.linspace(0, 2 * np.pi, 13)[:-1]
            reach = radius * np.exp(generator.normal(0, 0.2, (12, 1)))
            points = reach * np.stack([np.cos(angle), np.sin(angle)], 1)
            center = np.array([box.left, box.top]) + radius
            sheet.fill(center + points, color, kind="other")


def arrows(sheet: Sheet) -> None:
    """Draw arrows, brackets and long freehand lines."""
    generator = sheet.generator
    hand = sheet.other_hand()
    for _ in range(int(generator.integers(1, 4))):
        start, end = generator.uniform(0, 1, (2, 2)) * (sheet.width, sheet.height)
        reach = end - start
        middle = (start + end) / 2 + generator.normal(0, 0.15) * np.array([-reach[1], reach[0]])
        sheet.stroke(smooth_curve(np.stack([start, middle, end])), hand.pen.width, hand)
        back = (middle - end) / max(1.0, float(np.hypot(*(middle - end))))
        side = np.array([-back[1], back[0]])
        size = sheet.digit_height * generator.uniform(0.2, 0.6)
        barbs = np.stack([end + size * (back + 0.6 * side), end, end + size * (back - 0.6 * side)])
        sheet.stroke(barbs, hand.pen.width, hand)


def scribbles(sheet: Sheet) -> None:
    """Draw scribbles, blackened words and doodles where no digit is."""
    generator = sheet.generator
    hand = sheet.other_hand()
    for _ in range(int(generator.integers(1, 4))):
        height = sheet.digit_height * float(generator.uniform(0.6, 1.5))
        size = np.array([height * generator.uniform(0.6, 4), height])
        box = sheet.free_box(size[0], size[1])
        if box is None:
            continue
        if generator.random() < 0.5:
            count = int(generator.integers(6, 30))
            x = np.linspace(0, 1, count) + generator.normal(0, 0.03, count)
            points = np.stack([x, np.arange(count) % 2 + generator.normal(0, 0.1, count)], 1)
        else:
            points = smooth_curve(generator.uniform(0, 1, (int(generator.integers(8, 24)), 2)))
        sheet.stroke(np.array([box.left, box.top]) + points * size, hand.pen.width, hand)


def barcode(sheet: Sheet) -> None:
    """Draw a barcode with its number."""
    box = sheet.free_box(0.35 * sheet.width, 0.12 * sheet.height)
    if box is not None:
        draw_barcode(sheet, box)
        text = number_text(sheet.generator) * 2
        sheet.print_text(text, Box(box.left, box.bottom + 2, box.width, 10 * sheet.scale))


def logo(sheet: Sheet) -> None:
    """Draw a mark of a few filled or outlined shapes with a word."""
    generator = sheet.generator
    side = sheet.scale * log_uniform(generator, 20, 90)
    box = sheet.free_box(3 * side, side)
    if box is None:
        return
    color = _random_color(sheet)
    for _ in range(int(generator.integers(1, 4))):
        center = np.array([box.left, box.top]) + generator.uniform(0.3, 0.7, 2) * side
        points = _circle(center, np.full(2, side * generator.uniform(0.15, 0.5)))
        points = points[:: int(generator.choice([1, 8, 10, 13]))]
        if generator.random() < 0.6:
            sheet.fill(points, color, kind="other")
        else:
            sheet.stroke(np.concatenate([points, points[:1]]), sheet.scale * 2)
    text = str(generator.choice(WORDS)).upper()
    place = Box(box.left + 1.1 * side, box.top + 0.3 * side, 2 * side, 0.4 * side)
    sheet.print_text(text, place, color)


def page_frame(sheet: Sheet) -> None:
    """Draw a frame around the page or a part of it, or a thick bar along an edge."""
    generator = sheet.generator
    width = sheet.scale * log_uniform(generator, 0.7, 10)
    inset = generator.uniform(0, 0.15, 4) * min(sheet.width, sheet.height)
    box = Box(inset[0], inset[1], sheet.width - inset[0] - inset[2], 0)
    draw_frame(sheet, box._replace(height=sheet.height - inset[1] - inset[3]), width)


def dark_edges(sheet: Sheet) -> None:
    """Draw black borders as in a copy or scan, along one or more edges."""
    generator = sheet.generator
    for side in generator.permutation(4)[: generator.integers(1, 4)]:
        depth = sheet.scale * log_uniform(generator, 2, 30)
        ends = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
        inner = depth * np.exp(generator.normal(0, 0.2, 5))
        along, across = np.append(ends, [1.0, 0.0]), np.append(inner, [-5.0, -5.0])
        length, other = (sheet.width, sheet.height)[:: 1 if side < 2 else -1]
        across = across if side % 2 else other - across
        points = np.stack([along * length, across], 1)
        points = points if side < 2 else points[:, ::-1]
        (left, top), (right, bottom) = points.min(0), points.max(0)
        # Black digits can't be seen there.
        if sheet.is_free(Box(left, top, right - left, bottom - top)):
            sheet.fill(points, (0.03, 0.03, 0.03))


def punched_holes(sheet: Sheet) -> None:
    """Draw holes or a spiral along an edge."""
    generator = sheet.generator
    radius = sheet.scale * log_uniform(generator, 2, 12)
    pitch, edge = radius * log_uniform(generator, 3, 20), radius * generator.uniform(0.7, 3)
    color: Color = (0.05, 0.05, 0.05) if generator.random() < 0.6 else (0.5, 0.5, 0.5)
    top = generator.random() < 0.5
    for place in np.arange(pitch / 2, sheet.width if top else sheet.height, pitch):
        center = np.array([place, edge] if top else [edge, place])
        box = Box(center[0] - radius, center[1] - radius, 2 * radius, 2 * radius)
        if sheet.is_free(box):
            sheet.fill(_circle(center, np.array([radius, radius])), color)


def tinted_areas(sheet: Sheet) -> None:
    """Draw coloured boxes, shaded rows and highlighter behind the writing."""
    generator = sheet.generator
    r, g, b = (float(part) for part in generator.uniform(0.4, 1, 3))
    for _ in range(int(generator.integers(1, 6))):
        size = generator.uniform(0.05, 1, 2) * (sheet.width, 0.4 * sheet.height)
        x, y = generator.uniform(-0.1, 0.9, 2) * (sheet.width, sheet.height)
        corners = np.array([(x, y), (x + size[0], y), (x + size[0], y + size[1]), (x, y + size[1])])
        sheet.fill(corners, (r, g, b), strength=float(generator.uniform(0.1, 0.5)))


def app_window(sheet: Sheet) -> None:
    """Draw the frame, title, buttons and labels of a drawing program."""
    generator = sheet.generator
    bar = sheet.scale * float(generator.uniform(12, 40))
    gray = float(generator.uniform(0.3, 0.95))
    vertical = generator.random() < 0.3
    width, height = (bar * 2, sheet.height) if vertical else (sheet.width, bar)
    if not sheet.is_free(Box(0, 0, width, height)):
        return
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    sheet.fill(corners, (gray, gray, gray), strength=0.8)
    step = 1.3 * bar if vertical else 3 * bar
    for k in range(int(generator.integers(1, 6))):
        x, y = (0.2 * bar, 0.3 * bar + k * step) if vertical else (0.3 * bar + k * step, 0.2 * bar)
        button = Box(x, y, 1.6 * bar if vertical else 2.4 * bar, 0.6 * bar)
        draw_frame(sheet, button, sheet.scale)
        text = str(generator.choice(WORDS))
        place = Box(button.left + 3, button.top + 0.15 * bar, button.width - 6, 0.3 * bar)
        sheet.print_text(text, place)


def plot_axes(sheet: Sheet) -> None:
    """Draw the axes of a plot with ticks and printed numbers, around the page."""
    generator = sheet.generator
    left, top = generator.uniform(0.06, 0.15, 2) * (sheet.width, sheet.height)
    box = Box(left, top * 0.5, sheet.width * 0.97 - left, sheet.height - 1.5 * top)
    draw_frame(sheet, box, sheet.scale)
    count, size = int(generator.integers(3, 9)), 9 * sheet.scale
    unit = int(generator.choice([1, 2, 5, 10, 25]))
    for k in range(count):
        share = (k + 0.5) / count
        x, y = box.left + share * box.width, box.top + share * box.height
        sheet.stroke(np.array([(x, box.bottom), (x, box.bottom + 0.4 * size)]), sheet.scale)
        sheet.stroke(np.array([(box.left - 0.4 * size, y), (box.left, y)]), sheet.scale)
        sheet.print_text(str(unit * k), Box(x - 0.4 * size, box.bottom + 0.7 * size, 60, size))
        sheet.print_text(str(unit * k), Box(box.left - 2.2 * size, y - size / 2, 60, size))


def bubbles(sheet: Sheet) -> None:
    """Draw rows of printed circles to fill in, with a printed letter or number in each."""
    generator = sheet.generator
    radius = sheet.scale * log_uniform(generator, 4, 12)
    rows, columns = int(generator.integers(1, 10)), int(generator.integers(2, 11))
    pitch = radius * float(generator.uniform(2.3, 3.5))
    box = sheet.free_box(columns * pitch, rows * pitch)
    if box is None:
        return
    names = "ABCDEFGHIJ" if generator.random() < 0.5 else "0123456789"
    for row, column in np.ndindex(rows, columns):
        center = np.array([box.left, box.top]) + (np.array([column, row]) + 0.5) * pitch
        circle = _circle(center, np.array([radius, radius]))
        sheet.stroke(circle, sheet.scale)
        if generator.random() < 0.2:
            sheet.fill(circle, sheet.hands[0].color, kind="other")
        elif radius > 5:
            x, y = center - 0.5 * radius
            sheet.print_text(names[column], Box(x, y, radius, radius))


def seven_segments(sheet: Sheet) -> None:
    """Draw the digits of a display, which are no handwriting."""
    generator = sheet.generator
    height = sheet.scale * log_uniform(generator, 12, 80)
    count, width = int(generator.integers(1, 7)), 0.55 * height
    box = sheet.free_box(1.4 * width * count, height)
    if box is None:
        return
    ends = np.array(
        [
            [(0, 0), (1, 0)], [(0, 0), (0, 1)], [(1, 0), (1, 1)], [(0, 1), (1, 1)],
            [(0, 1), (0, 2)], [(1, 1), (1, 2)], [(0, 2), (1, 2)],
        ], float,
    )  # fmt: skip
    lit = ("012456", "25", "02346", "02356", "1235", "01356", "013456", "025", "0123456", "012356")
    for place in range(count):
        for segment in lit[generator.integers(10)]:
            line = ends[int(segment)] * (width, height / 2)
            middle = line.mean(0)
            line = middle + 0.86 * (line - middle) + (box.left + 1.4 * width * place, box.top)
            sheet.stroke(line, max(1.0, 0.1 * height))


MARKS: dict[str, tuple[float, Callable[[Sheet], None]]] = {
    "heading": (0.1, heading),
    "printed block": (0.12, printed_block),
    "words beside": (0.15, words_beside),
    "ticks": (0.07, ticks),
    "underlines": (0.08, underlines),
    "blots": (0.06, blots),
    "arrows": (0.05, arrows),
    "scribbles": (0.06, scribbles),
    "barcode": (0.03, barcode),
    "logo": (0.04, logo),
    "page frame": (0.05, page_frame),
    "dark edges": (0.04, dark_edges),
    "punched holes": (0.04, punched_holes),
    "tinted areas": (0.05, tinted_areas),
    "bubbles": (0.03, bubbles),
    "seven segments": (0.02, seven_segments),
    "app window": (0.04, app_window),
    "plot axes": (0.02, plot_axes),
}
