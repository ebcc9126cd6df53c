"""Write rows of digits, letters and symbols on a sheet, typeset text, and make up what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from tools.page_network.curves import Generator, smooth_curve
from tools.page_network.layers import Box, Ink
from tools.page_network.sheet import Sheet, fit_pen

# Gaps between the digits of a number, in digit heights, and how common each is.
GAPS = {
    "loose": (0.5, 1.8, 0.2),
    "normal": (0.12, 0.5, 0.4),
    "tight": (0.02, 0.12, 0.2),
    "touching": (-0.1, 0.02, 0.12),
    "overlapping": (-0.25, -0.05, 0.08),
}
# Drawing more digits would take too long; a larger page has more.
MAX_DIGITS = 90
WORDS = (
    "Name", "Date", "Total", "No.", "Sum", "Amount", "Score", "Marks", "Class", "Room", "Tel.",
    "Phone", "Code", "ID", "Page", "Points", "Grade", "Address", "City", "Street", "Zip",
    "Price", "Qty", "Item", "Account", "Signature", "Invoice", "Order", "Ref.", "Weight",
    "Time", "Day", "Month", "Year", "Age", "Result", "Test", "Answer", "Question", "Exercise",
    "the", "of", "and", "to", "in", "is", "for", "with", "from", "that", "Datum", "Summe",
    "Betrag", "Straße", "Ort", "Nr.", "Betreff", "nom", "prénom", "numéro", "rue", "ville",
    "nombre", "fecha", "número", "Please", "write", "clearly", "in", "black", "ink", "do",
    "not", "staple", "this", "form", "office", "use", "only", "see", "over", "sheet",
)  # fmt: skip


@dataclass(frozen=True)
class Style:
    """How a row is written.

    Parameters
    ----------
    gap : tuple of float
        Range of the gap between characters, in digit heights.
    slope : float
        Angle of the base line in radians, positive downwards.
    turn : bool
        Whether the characters are turned with the base line.
    jitter : float
        Standard deviation of the digits' log height.
    wobble : float
        Standard deviation of the base line, in digit heights.
    crossed : float
        Probability that a digit is crossed out.
    """

    gap: tuple[float, float]
    slope: float
    turn: bool
    jitter: float
    wobble: float
    crossed: float = 0.0


def draw_style(generator: Generator) -> Style:
    """Draw how the rows of one page are written."""
    names = list(GAPS)
    low, high, _ = GAPS[names[generator.choice(len(names), p=[GAPS[name][2] for name in names])]]
    slope = float(generator.normal(0, 0.02))
    if generator.random() < 0.12:
        slope = float(generator.uniform(-0.5, 0.5))
    return Style(
        gap=(low, float(generator.uniform(low, high))),
        slope=slope,
        turn=bool(generator.random() < 0.6),
        jitter=float(generator.choice([0.04, 0.1, 0.25], p=[0.5, 0.35, 0.15])),
        wobble=float(generator.choice([0.02, 0.06, 0.2], p=[0.5, 0.35, 0.15])),
        crossed=float(generator.choice([0, 0.1, 0.4], p=[0.92, 0.06, 0.02])),
    )


def turn(coverage: Ink, angle: float) -> Ink:
    """Rotate a drawing, clockwise in radians, on a canvas that holds it."""
    if abs(angle) < 0.03:
        return coverage
    height, width = coverage.shape
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    new_width = int(np.ceil(abs(cos) * width + abs(sin) * height)) + 1
    new_height = int(np.ceil(abs(sin) * width + abs(cos) * height)) + 1
    matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0]])
    center = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix[:, 2] = np.array([(new_width - 1) / 2, (new_height - 1) / 2]) - matrix[:, :2] @ center
    return np.asarray(cv2.warpAffine(coverage, matrix, (new_width, new_height)), np.float32)


class RowWriter:
    """Write rows of characters in one style.

    A pattern has one code for each character: ``d`` a digit, ``x`` one that is crossed out, ``^`` a
    digit as exponent, ``_`` a digit as index, ``l`` a letter, ``s`` a symbol, ``w`` a word, ``-`` a
    dash, ``=``, ``.`` a point or comma, a space, or one of `glyphs.SYMBOLS`.
    """

    def __init__(self, sheet: Sheet, style: Style) -> None:
        self.sheet = sheet
        self.style = style
        # Exponents and indices are small digits.
        self._draw_code: dict[str, Callable[[float, float, float], float]] = {
            "d": self._digit,
            "x": self._crossed_digit,
            "^": lambda x, y, h: self._digit(x, y - 0.65 * h, 0.55 * h),
            "_": lambda x, y, h: self._digit(x, y + 0.2 * h, 0.5 * h),
            "l": self._letter,
            "s": self._symbol,
            "w": self._word,
            "-": self._dash,
            "=": self._equals,
            ".": self._point,
        }

    def write(
        self, pattern: str, left: float, baseline: float, height: float, right: float = np.inf
    ) -> float:
        """Write a row, as far as `right`; return where it ends."""
        generator, style = self.sheet.generator, self.style
        x = left
        for code in pattern:
            if x > min(right, self.sheet.width):
                break
            if code == " ":
                x += generator.uniform(0.5, 1.3) * height
                continue
            y = baseline + (x - left) * np.tan(style.slope)
            y += style.wobble * height * generator.standard_normal()
            size = height * float(np.exp(style.jitter * generator.standard_normal()))
            if code == "d" and generator.random() < style.crossed:
                code = "x"  # noqa: PLW2901
            draw = self._draw_code.get(code)
            x = draw(x, y, size) if draw else self._symbol(x, y, size, code)
            gap = generator.uniform(*style.gap)
            # Only digits touch each other: a digit that touches a letter is hard to read.
            x += (gap if code in "dx" else max(gap, 0.1)) * height
        return x

    def width_of(self, pattern: str, height: float) -> float:
        """Return about how wide a row gets."""
        gap = sum(self.style.gap) / 2
        return sum(
            0.9 if code == " " else 2.5 if code == "w" else 0.6 + gap for code in pattern
        ) * (height)

    def _turned(self, coverage: Ink) -> Ink:
        return turn(coverage, self.style.slope) if self.style.turn else coverage

    def _digit(self, x: float, y: float, height: float) -> float:
        coverage, label = self.sheet.digit(height)
        coverage = self._turned(coverage)
        self.sheet.place_digit(coverage, label, y - len(coverage), x)
        return x + coverage.shape[1]

    def _crossed_digit(self, x: float, y: float, height: float) -> float:
        coverage, _ = self.sheet.digit(height)
        hand = self.sheet.hands[0]
        self.sheet.place_writing(coverage, y - len(coverage), x, hand)
        cross_out(self.sheet, Box(x, y - len(coverage), coverage.shape[1], len(coverage)))
        return x + coverage.shape[1]

    def _write(self, coverage: Ink, x: float, y: float, height: float) -> float:
        """Put down what has its middle at half the height of a digit."""
        coverage = self._turned(coverage)
        top = y - height / 2 - len(coverage) / 2
        self.sheet.place_writing(coverage, top, x, self.sheet.other_hand())
        return x + coverage.shape[1]

    def _letter(self, x: float, y: float, height: float) -> float:
        sheet, size = self.sheet, max(6.0, height)
        pen = fit_pen(sheet.other_hand().pen, size)
        coverage = sheet.glyphs.letter(
            sheet.generator, size, pen, face=sheet.face("letters"), slant=sheet.draw_slant()
        )
        return self._write(coverage, x, y, height)

    def _word(self, x: float, y: float, height: float) -> float:
        sheet, size = self.sheet, max(6.0, height)
        pen = fit_pen(sheet.other_hand().pen, size)
        coverage = sheet.glyphs.word(
            sheet.generator, size, pen, face=sheet.face("letters"), slant=sheet.draw_slant()
        )
        return self._write(coverage, x, y, height)

    def _symbol(self, x: float, y: float, height: float, name: str | None = None) -> float:
        sheet, size = self.sheet, max(6.0, height)
        pen = fit_pen(sheet.other_hand().pen, size)
        return self._write(sheet.glyphs.symbol(sheet.generator, size, pen, name=name), x, y, height)

    def _dash(self, x: float, y: float, height: float) -> float:
        generator, hand = self.sheet.generator, self.sheet.hands[0]
        width = height * generator.uniform(0.25, 0.7)
        middle = y - height * generator.uniform(0.35, 0.6)
        tilt = height * generator.normal(0, 0.04)
        points = np.array([[x, middle - tilt], [x + width, middle + tilt]])
        self.sheet.stroke(points, min(hand.pen.width, 0.3 * height), hand)
        return x + width

    def _equals(self, x: float, y: float, height: float) -> float:
        space = 0.1 * height
        self._dash(x, y - space, height)
        return self._dash(x, y + space, height)

    def _point(self, x: float, y: float, height: float) -> float:
        generator, hand = self.sheet.generator, self.sheet.hands[0]
        length = height * generator.choice([0.02, 0.2, 0.3])
        points = np.array([[x + length / 2, y - 0.05 * height], [x, y + length]])
        self.sheet.stroke(points, min(1.3 * hand.pen.width, 0.2 * height), hand)
        return x + length / 2 + 0.05 * height


def cross_out(sheet: Sheet, box: Box) -> None:
    """Cross out what is in a box: a cross, a bar, a zigzag or a scribble."""
    generator, hand = sheet.generator, sheet.hands[0]
    width = float(np.clip(hand.pen.width, 1, 0.25 * box.height))
    corner, size = np.array([box.left, box.top]), np.array([box.width, box.height])
    kind = generator.choice(["cross", "bar", "bars", "zigzag", "scribble"])
    shapes: list[list[tuple[float, float]]] = {
        "cross": [[(0, 0), (1, 1)], [(1, 0), (0, 1)]],
        "bar": [[(-0.3, 0.9), (1.3, 0.1)]],
        "bars": [[(-0.3, 0.4), (1.3, 0.35)], [(-0.3, 0.65), (1.3, 0.6)]],
        "zigzag": [[(k / 7, float(k % 2)) for k in range(8)]],
        "scribble": [],
    }[kind]
    if kind == "scribble":
        points = generator.uniform(-0.15, 1.15, (int(generator.integers(12, 30)), 2))
        sheet.stroke(corner + smooth_curve(points) * size, width, hand)
    for shape in shapes:
        points = np.array(shape) + generator.normal(0, 0.08, (len(shape), 2))
        sheet.stroke(corner + points * size, width, hand)


def number_pattern(generator: Generator) -> str:
    """Return the pattern of a number of random length."""
    return "d" * int(generator.integers(1, 7))


def number_text(generator: Generator) -> str:
    """Return a random number to print."""
    return "".join(str(digit) for digit in generator.integers(0, 10, generator.integers(1, 7)))


def phrase(generator: Generator, count: int) -> str:
    """Return a made-up line of print, words and numbers."""
    digits = generator.random() * 0.5
    words = []
    for _ in range(count):
        if generator.random() < digits:
            form = generator.choice(["{}", "{}.{:.2}", "{}-{}", "{:.2}/{:.2}/{:.4}", "({})", "{}%"])
            words.append(form.format(*(number_text(generator) for _ in range(3))))
        else:
            words.append(str(generator.choice(WORDS)))
    text = " ".join(words)
    return text.upper() if generator.random() < 0.15 else text


def print_paragraph(sheet: Sheet, box: Box, height: float) -> None:
    """Typeset lines of text from the top of a box to its bottom."""
    generator = sheet.generator
    pitch = height * generator.uniform(1.15, 1.8)
    count = max(1, round(box.width / (3.2 * height)))
    baseline = box.top
    while baseline + height < box.bottom:
        if generator.random() < 0.92:
            words = count if generator.random() < 0.8 else max(1, count // 2)
            sheet.print_text(phrase(generator, words), Box(box.left, baseline, box.width, height))
        baseline += pitch
