"""Kinds of pages with handwritten digits in rows or free: equations, lists, envelopes, ..."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tools.page_network.cell_pages import set_cell_pen, write_in_cell
from tools.page_network.curves import log_uniform
from tools.page_network.layers import Box
from tools.page_network.rows import (
    MAX_DIGITS,
    RowWriter,
    Style,
    draw_style,
    number_pattern,
    number_text,
    phrase,
    print_paragraph,
    turn,
)
from tools.page_network.rules_and_frames import draw_barcode, draw_frame
from tools.page_network.sheet import Sheet


def _baselines(sheet: Sheet, height: float) -> list[float]:
    """Return the base lines of the rows of a page; on ruled paper mostly on its lines."""
    generator = sheet.generator
    if sheet.row_pitch and generator.random() < 0.75:
        pitch, first = sheet.row_pitch
        first -= 0.05 * height
        step = max(1, round(1.1 * height / pitch))
    else:
        pitch, step = height * float(generator.uniform(1.1, 2.4)), 1
        first = float(generator.uniform(0.5, 1.2)) * height
    lines = np.arange(first, sheet.height + 0.3 * height, pitch * step)
    lines = lines[lines > 0.7 * height]
    start, count = int(generator.integers(0, len(lines) // 2 + 1)), int(generator.integers(1, 12))
    if generator.random() < 0.5:
        start, count = 0, len(lines)
    return [float(line) for line in lines[start : start + count]]


def _writing_height(sheet: Sheet) -> float:
    """Return the digits' height, on ruled paper mostly below the pitch."""
    if sheet.row_pitch and sheet.generator.random() < 0.6:
        height = sheet.row_pitch[0] * sheet.generator.uniform(0.4, 1.1)
        sheet.digit_height = float(np.clip(height, 7, 0.8 * sheet.height))
    return sheet.digit_height


def _columns(sheet: Sheet, height: float) -> tuple[float, float]:
    """Return where rows start and end."""
    left = float(sheet.generator.uniform(-0.3 * height, 0.3 * sheet.width))
    if sheet.generator.random() < 0.3:
        left = float(sheet.generator.uniform(0, 0.7) * sheet.width)
    right = sheet.width * float(sheet.generator.uniform(0.5, 1.1))
    return left, max(right, left + 2 * height)


def _write_rows(sheet: Sheet, make_pattern: Callable[[], str]) -> None:
    """Write rows down the page until there are enough digits."""
    height = _writing_height(sheet)
    writer = RowWriter(sheet, draw_style(sheet.generator))
    left, right = _columns(sheet, height)
    several = sheet.generator.random() < 0.12
    for baseline in _baselines(sheet, height):
        if several and sheet.generator.random() < 0.4:
            sheet.renew_hands()
        indent = sheet.generator.uniform(0, 0.3) * height
        writer.write(make_pattern(), left + indent, baseline, height, right)
        if len(sheet.digit_boxes) > MAX_DIGITS:
            break


def digit_rows(sheet: Sheet) -> None:
    """Draw rows of digits, in groups or evenly spaced."""
    generator = sheet.generator
    grouped, even = generator.random() < 0.5, int(generator.integers(1, 40))

    def make_pattern() -> str:
        if grouped:
            return " ".join(
                number_pattern(generator) for _ in range(int(generator.integers(1, 12)))
            )
        return "d" * even

    _write_rows(sheet, make_pattern)


def squared_digits(sheet: Sheet) -> None:
    """Draw one digit for each square of squared paper, or in regular columns without lines."""
    generator = sheet.generator
    height = _writing_height(sheet)
    columns = sheet.column_pitch or (height * float(generator.uniform(0.9, 3)), 0.5 * height)
    rows = sheet.row_pitch or (height * float(generator.uniform(1.1, 2.5)), 0.5 * height)
    pitches = np.array([max(one[0], 0.7 * height) for one in (columns, rows)])
    x = np.arange(columns[1], sheet.width, pitches[0])
    y = np.arange(rows[1], sheet.height, pitches[1])
    filled = generator.random((len(y), len(x))) < generator.uniform(0.2, 1)
    filled &= np.cumsum(filled).reshape(filled.shape) <= MAX_DIGITS
    for row, column in np.argwhere(filled):
        cell = Box(x[column], y[row], pitches[0], pitches[1])
        write_in_cell(sheet, cell, height, 0.12)


def scattered_digits(sheet: Sheet) -> None:
    """Draw single digits anywhere, of different heights and turned."""
    generator = sheet.generator
    spread = float(generator.choice([0.1, 0.3, 0.6]))
    turning = float(generator.choice([0.0, 0.15, 0.35]))
    for _ in range(int(log_uniform(generator, 2, 50))):
        height = sheet.digit_height * float(np.exp(generator.normal(0, spread)))
        height = min(height, 0.9 * sheet.height)
        coverage, label = sheet.digit(height)
        coverage = turn(coverage, float(generator.normal(0, turning)))
        top = generator.uniform(-0.3 * height, sheet.height - 0.7 * height)
        left = generator.uniform(-0.2 * height, sheet.width - 0.4 * height)
        if sheet.is_free(Box(left, top, *coverage.shape[::-1])) or generator.random() < 0.15:
            sheet.place_digit(coverage, label, top, left)


def single_digit(sheet: Sheet) -> None:
    """Draw one digit, of any height up to the page's; or a few big ones."""
    generator = sheet.generator
    height = sheet.height * float(generator.uniform(0.06, 0.97))
    if generator.random() < 0.5:
        coverage, label = sheet.digit(height)
        free = np.array([sheet.height, sheet.width]) - coverage.shape
        top, left = free * generator.uniform(0, 1, 2) * (free > 0) + np.minimum(free, 0) / 2
        sheet.place_digit(coverage, label, top, left)
        return
    pattern = "d" * int(generator.integers(2, 6))
    writer = RowWriter(sheet, draw_style(generator))
    height = min(height, sheet.width / (0.7 * len(pattern)))
    free_x = sheet.width - writer.width_of(pattern, height)
    left = free_x * generator.uniform(0, 1) if free_x > 0 else 0.05 * height
    writer.write(pattern, left, generator.uniform(height, sheet.height), height)


def equations(sheet: Sheet) -> None:
    """Draw equations with digits, letters, pattern and exponents."""
    generator = sheet.generator
    letters = generator.choice([0.0, 0.25, 0.5])
    operators = "+-×÷/s+-=:"

    def make_term() -> str:
        roll = generator.random()
        if roll < letters:
            coefficient = "d" * int(generator.integers(0, 3))
            return coefficient + "l" + str(generator.choice(["", "", "^", "_"]))
        return number_pattern(generator) + ("." + number_pattern(generator) if roll > 0.93 else "")

    def make_pattern() -> str:
        terms = [make_term() for _ in range(int(generator.integers(1, 6)))]
        space = " " if generator.random() < 0.3 else ""
        pattern = terms[0]
        for term in terms[1:]:
            code = operators[generator.integers(len(operators))]
            pattern += space + code + space + ("(" + term if generator.random() < 0.1 else term)
        pattern += ")" if "(" in pattern else ""
        return pattern + str(
            generator.choice(["", "=", "=" + make_term(), " = " + make_term(), "=?"])
        )

    _write_rows(sheet, make_pattern)


def sums(sheet: Sheet) -> None:
    """Draw numbers below each other with a line and the result, as in long addition."""
    generator = sheet.generator
    sheet.digit_height = min(sheet.digit_height, 0.22 * sheet.height)
    height, hand = sheet.digit_height, sheet.hands[0]
    writer = RowWriter(sheet, draw_style(generator))
    pitch = height * float(generator.uniform(1.1, 1.6))
    for _ in range(int(generator.integers(1, 7))):
        count = int(generator.integers(1, 4))
        length = int(generator.integers(1, 6))
        box = sheet.free_box(0.75 * height * (length + 1), pitch * (count + 1.3))
        if box is None:
            continue
        y = box.top + height
        for row in range(count):
            writer.write(("+" if row else " ") + "d" * length, box.left, y, height)
            y += pitch
        line = y - pitch + 0.15 * height
        width = min(hand.pen.width, 0.25 * height)
        start, end = (box.left, line), (box.right + 0.2 * height, line + generator.normal(0, 2))
        sheet.stroke(np.array([start, end]), width, hand)
        writer.write("d" * length, box.left + 0.5 * height, y + 0.1 * height, height)


def lists(sheet: Sheet) -> None:
    """Draw words and numbers: lists, dates, addresses, telephone numbers."""
    generator = sheet.generator
    forms = [
        "d) w w",
        "dd:dd w",
        "dd/dd/dddd",
        "$dd.dd w",
        "w dd%",
        "#dd w",
        "d. w w",
        "w w d",
        "w. dd",
        "dd.dd.dddd w",
        "ddd-dddd",
        "w d w dd",
        "lll ddd",
        "w",
        "l d",
    ]
    forms += ["w - dd.dd", "dd-dd-dd", "s d w", "d. w d", "dddd ll", "w w w", "sdd.dd", "dd w dddd"]
    some = [str(form) for form in generator.choice(forms, int(generator.integers(1, 5)))]
    _write_rows(sheet, lambda: some[generator.integers(len(some))])


def print_with_digits(sheet: Sheet) -> None:
    """Draw printed text with numbers written beside, between and over it."""
    generator = sheet.generator
    sheet.digit_height = min(sheet.digit_height, 0.3 * sheet.height)
    text_height = sheet.scale * log_uniform(generator, 6, 26)
    style = draw_style(generator)
    writer = RowWriter(sheet, Style(style.gap, style.slope, style.turn, style.jitter, 0.05))
    for _ in range(int(log_uniform(generator, 1, 12))):
        height = sheet.digit_height * float(generator.uniform(0.8, 1.2))
        pattern = str(generator.choice(["d", "dd", "ddd", "dddd", "d.d", "dsdd", "ddddddd"]))
        box = sheet.free_box(writer.width_of(pattern, height), 1.2 * height)
        if box is not None:
            writer.write(pattern, box.left, box.bottom, height)
    for _ in range(int(generator.integers(1, 4))):
        size = generator.uniform(0.25, 0.7, 2) * (sheet.width, sheet.height)
        place = sheet.free_box(size[0], size[1]) or sheet.free_box(size[0] / 2, size[1] / 3)
        if place is None and generator.random() < 0.3:  # the writing goes over the print
            place = Box(0.1 * sheet.width, 0.1 * sheet.height, size[0], size[1])
        if place is not None:
            print_paragraph(sheet, place, text_height)


def labelled_blanks(sheet: Sheet) -> None:
    """Draw print followed by a line or dots to write on."""
    generator = sheet.generator
    text_height = sheet.scale * log_uniform(generator, 8, 30)
    height = set_cell_pen(sheet, text_height, 0.9, 2.2)
    writer = RowWriter(sheet, draw_style(generator))
    dots, pitch = generator.random() < 0.4, 1.5 * height
    forms_ = ["ddd", "d", "dd.dd.dd", "w w", "dddddd", "w d", "lld", ""]
    for baseline in np.arange(pitch, sheet.height, pitch * generator.uniform(1, 2)):
        x = float(generator.uniform(0, 0.15) * sheet.width)
        text = phrase(generator, int(generator.integers(1, 4))) + ":"
        place = Box(x, baseline - text_height, 0.6 * sheet.width, text_height)
        x = sheet.print_text(text, place).right + 0.3 * height
        length = float(generator.uniform(0.2, 0.8)) * sheet.width
        if dots:
            sheet.print_text(
                "." * int(2 * length / text_height), place._replace(left=x, width=length)
            )
        else:
            sheet.stroke(np.array([(x, baseline), (x + length, baseline)]), 1.0 * sheet.scale)
        line = baseline - generator.uniform(-0.05, 0.2) * height
        pattern = forms_[generator.integers(len(forms_))]
        writer.write(pattern, x + generator.uniform(0, 0.5) * length, line, height)


def envelope(sheet: Sheet) -> None:
    """Draw an address with a postal code, a stamp and a barcode."""
    generator = sheet.generator
    sheet.digit_height = min(sheet.digit_height, 0.15 * sheet.height)
    height = sheet.digit_height
    writer = RowWriter(sheet, draw_style(generator))
    x, y = generator.uniform(0.05, 0.5) * sheet.width, generator.uniform(0.2, 0.5) * sheet.height
    for pattern in ("w w", "w dd", "ddddd w", "w", "ddd ddd")[: int(generator.integers(2, 6))]:
        writer.write(pattern, x, y, height)
        y += height * generator.uniform(1.3, 2)
    stamp = Box(0.75 * sheet.width, 0.05 * sheet.height, 0.2 * sheet.width, 0.25 * sheet.height)
    draw_frame(sheet, stamp, 1.5 * sheet.scale)
    sheet.print_text(number_text(generator), stamp._replace(height=0.2 * stamp.height))
    if generator.random() < 0.5:
        draw_barcode(sheet, Box(0.4 * sheet.width, 0.93 * sheet.height, 0.5 * sheet.width, 15))
