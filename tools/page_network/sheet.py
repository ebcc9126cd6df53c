"""A flat sheet of paper that collects digits, writing, print and lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from tools.page_network.curves import Generator, Points, log_uniform
from tools.page_network.fonts import Typeface
from tools.page_network.glyphs import Glyphs, Pen
from tools.page_network.layers import Box, Color, Ink, InkLayer, Kind, Layout

# A digit that overlaps others by more than this share of its ink, or shows less than the other
# share on the page, can't be read, so it is not drawn.
MAX_OVERLAP = 0.3
MIN_VISIBLE = 0.45
# Coverage from which a pixel belongs to a digit: the faint edge of a stroke does not.
MIN_COVERAGE = 0.15
_DRAWN_ANEW = 12
INK_COLORS: tuple[Color, ...] = (
    (0.02, 0.02, 0.03), (0.1, 0.1, 0.12), (0.25, 0.25, 0.27), (0.4, 0.4, 0.42), (0.58, 0.58, 0.6),
    (0.08, 0.12, 0.5), (0.15, 0.2, 0.75), (0.1, 0.25, 0.45), (0.8, 0.1, 0.12), (0.6, 0.08, 0.2),
    (0.05, 0.4, 0.2), (0.1, 0.5, 0.5), (0.45, 0.15, 0.55), (0.9, 0.45, 0.05), (0.45, 0.28, 0.15),
)  # fmt: skip
_INK_WEIGHTS = np.array([20, 12, 6, 4, 2, 14, 10, 6, 6, 2, 3, 2, 2, 1, 1]) / 91
RULE_COLORS: tuple[Color, ...] = (
    (0.05, 0.05, 0.05), (0.35, 0.35, 0.35), (0.6, 0.6, 0.6), (0.75, 0.75, 0.76), (0.45, 0.6, 0.8),
    (0.6, 0.75, 0.9), (0.2, 0.35, 0.7), (0.85, 0.4, 0.4), (0.95, 0.65, 0.6), (0.4, 0.65, 0.5),
    (0.75, 0.6, 0.45), (0.6, 0.5, 0.75),
)  # fmt: skip
# From bottom to top.
_AREA, _RULE, _PRINT, _WRITING, _DIGIT = range(5)
_TEXTURES: tuple[Literal["pen", "pencil", "marker", "brush", "chalk"], ...] = (
    "pen", "pencil", "marker", "brush", "chalk",
)  # fmt: skip


@dataclass(frozen=True)
class Hand:
    """A pen and its colour."""

    pen: Pen
    color: Color


def fit_pen(pen: Pen, height: float) -> Pen:
    """Return the pen, or a thinner one for small writing."""
    limit = 0.25 * height
    return pen if pen.width <= limit else Pen(limit, pen.hardness, pen.texture)


class Sheet:
    """Collect the ink of one page.

    Parameters
    ----------
    generator : numpy.random.Generator
        Source of everything random on the page.
    glyphs : Glyphs
        Draws digits, letters, symbols and print.
    size : tuple of int
        Height and width in pixels.
    """

    def __init__(self, generator: Generator, glyphs: Glyphs, size: tuple[int, int]) -> None:
        self.generator = generator
        self.glyphs = glyphs
        self.height, self.width = size
        self.scale = min(size) / 288
        self.page = Box(0, 0, self.width, self.height)
        self.digit_height = self.scale * log_uniform(generator, 12, 130)
        self.hands = [self._draw_hand()]
        self.rule_color = RULE_COLORS[generator.integers(len(RULE_COLORS))]
        self.print_color = INK_COLORS[generator.choice(len(INK_COLORS), p=_INK_WEIGHTS)]
        # Pitch and first line of ruled paper, both in pixels; columns only on squared paper.
        self.row_pitch: tuple[float, float] | None = None
        self.column_pitch: tuple[float, float] | None = None
        self.digit_boxes: list[Box] = []
        self._slant = float(generator.normal(0, 0.2)) if generator.random() < 0.6 else None
        self._faces: dict[str, Typeface] = {}
        self._drawn: list[tuple[Ink, int]] = []
        self._layers: dict[tuple[int, Kind, Color, str], Ink] = {}
        self._best = np.zeros(size, np.float32)
        self._instances = np.zeros(size, np.int16)
        self._labels: list[int] = []

    def _draw_hand(self) -> Hand:
        generator = self.generator
        share = log_uniform(generator, 0.025, 0.2)
        if generator.random() < 0.1:
            share = log_uniform(generator, 0.008, 0.03)
        width = float(np.clip(share * self.digit_height, 0.8, 40 * self.scale))
        texture = _TEXTURES[generator.choice(5, p=[0.5, 0.2, 0.15, 0.1, 0.05])]
        color = INK_COLORS[generator.choice(len(INK_COLORS), p=_INK_WEIGHTS)]
        return Hand(Pen(width, float(generator.uniform(0.2, 1)), texture), color)

    def renew_hands(self) -> None:
        """Choose other pens: after the digits' height has changed, or for another writer."""
        self.hands = [self._draw_hand()]
        self._drawn.clear()

    def other_hand(self) -> Hand:
        """Return the pen of what is not a digit: mostly the same as the digits'."""
        if len(self.hands) == 1:
            same = self.generator.random() < 0.7
            self.hands.append(self.hands[0] if same else self._draw_hand())
        return self.hands[1]

    def digit(self, height: float) -> tuple[Ink, int]:
        """Draw a digit with the page's pen.

        On a page with many digits, most are drawn from earlier ones, deformed: that is faster.
        """
        height = max(6.0, height)
        pen = fit_pen(self.hands[0].pen, height)
        if len(self._drawn) >= _DRAWN_ANEW and self.generator.random() < 0.8:
            coverage, label = self._drawn[self.generator.integers(len(self._drawn))]
            if 0.8 < height / len(coverage) < 1.25:
                return self._deform(coverage, height / len(coverage)), label
        drawn = self.glyphs.digit(self.generator, height, pen, slant=self.draw_slant())
        self._drawn.append(drawn)
        return drawn

    def _deform(self, coverage: Ink, scale: float) -> Ink:
        shear, turn, stretch = self.generator.normal(0, 0.06, 3)
        matrix = scale * np.array([[1 + stretch, shear - turn, 0.0], [turn, 1.0, 0.0]])
        height, width = coverage.shape
        corners = matrix[:, :2] @ np.array([[0, width, 0, width], [0, 0, height, height]])
        low, high = corners.min(1), corners.max(1)
        matrix[:, 2] = -low
        size = (int(high[0] - low[0]) + 1, int(high[1] - low[1]) + 1)
        deformed = cv2.warpAffine(coverage, matrix, size)
        left, top, width, height = cv2.boundingRect((deformed > MIN_COVERAGE).astype(np.uint8))
        return np.asarray(deformed[top : top + height, left : left + width], np.float32)

    def draw_slant(self) -> float | None:
        """Return the slant of the writer, who is one person on most pages."""
        if self._slant is None:
            return None
        return self._slant + 0.05 * float(self.generator.standard_normal())

    def face(self, use: Literal["letters", "print"]) -> Typeface | None:
        """Return the typeface of the page, or at times none, for a random one."""
        if self.generator.random() < 0.1:
            return None
        if use not in self._faces:
            faces = getattr(self.glyphs.typefaces, use)
            self._faces[use] = faces[self.generator.integers(len(faces))]
        return self._faces[use]

    def place_digit(self, coverage: Ink, label: int, top: float, left: float) -> Box | None:
        """Put a digit on the sheet, unless it would be hidden or cut off too far."""
        view = self._clip(coverage, top, left)
        if view is None:
            return None
        area, part = view
        ink = float(coverage.sum())
        if float(part.sum()) < MIN_VISIBLE * ink:
            return None
        best = self._best[area]
        if float(np.minimum(part, best).sum()) > MAX_OVERLAP * ink:
            return None
        hand = self.hands[0]
        layer = self._layer(_DIGIT, "digit", hand.color, hand.pen.texture)[area]
        np.maximum(layer, part, out=layer)
        self._labels.append(label)
        self._instances[area][(part > best) & (part > MIN_COVERAGE)] = len(self._labels)
        np.maximum(best, part, out=best)
        box = Box(left, top, coverage.shape[1], coverage.shape[0])
        self.digit_boxes.append(box)
        return box

    def place_writing(self, coverage: Ink, top: float, left: float, hand: Hand) -> None:
        """Put handwriting that is not a digit on the sheet."""
        self._place(
            self._layer(_WRITING, "other", hand.color, hand.pen.texture), coverage, top, left
        )

    def place_print(
        self, coverage: Ink, top: float, left: float, color: Color | None = None
    ) -> None:
        """Put print on the sheet."""
        self._place(
            self._layer(_PRINT, "other", color or self.print_color, "print"), coverage, top, left
        )

    def add_rules(self, coverage: Ink, color: Color | None = None) -> None:
        """Put lines, as large as the page, under the writing."""
        layer = self._layer(_RULE, "other", color or self.rule_color, "print")
        np.maximum(layer, coverage, out=layer)

    def print_text(self, text: str, box: Box, color: Color | None = None) -> Box:
        """Typeset a line of text into the left end of a box; what is too long is cut off."""
        coverage = self.printed(text, box.height)[:, : max(1, round(box.width))]
        # The middle row is the middle of the capital letters.
        self.place_print(coverage, box.top + (box.height - len(coverage)) / 2, box.left, color)
        return Box(box.left, box.top, coverage.shape[1], box.height)

    def printed(self, text: str, height: float) -> Ink:
        """Typeset a line of text with the page's typeface."""
        return self.glyphs.printed(self.generator, text, max(5.0, height), face=self.face("print"))

    def stroke(
        self, points: Points, width: float, hand: Hand | None = None, *, strength: float = 1.0
    ) -> None:
        """Draw a line through the points, (n, 2) as x and y: with a pen, or printed."""
        margin = width + 2
        left, top = np.floor(points.min(0) - margin)
        right, bottom = np.ceil(points.max(0) + margin)
        left, top = max(left, 0), max(top, 0)
        shape = (int(min(bottom, self.height) - top), int(min(right, self.width) - left))
        if min(shape) <= 0:
            return
        canvas = np.zeros(shape, np.uint8)
        # Coordinates with four fractional bits.
        path = np.rint(16 * (points - (left, top))).astype(np.int32)[:, np.newaxis]
        cv2.polylines(canvas, [path], False, 255, max(1, round(width)), cv2.LINE_AA, 4)
        coverage = canvas.astype(np.float32) * np.float32(min(1.0, width) * strength / 255)
        if hand is None:
            self._place(self._layer(_RULE, "other", self.rule_color, "print"), coverage, top, left)
        else:
            self.place_writing(coverage, top, left, hand)

    def fill(
        self, points: Points, color: Color, *, strength: float = 1.0, kind: Kind = "area"
    ) -> None:
        """Fill a polygon, (n, 2) as x and y."""
        canvas = np.zeros((self.height, self.width), np.uint8)
        path = np.rint(16 * points).astype(np.int32)
        cv2.fillPoly(canvas, [path], 255, cv2.LINE_AA, 4)
        order = _AREA if kind == "area" else _PRINT
        layer = self._layer(order, kind, color, "print")
        np.maximum(layer, canvas.astype(np.float32) * np.float32(strength / 255), out=layer)

    def is_free(self, box: Box) -> bool:
        """Whether no digit lies in the box."""
        rows = slice(max(0, int(box.top)), max(0, int(np.ceil(box.bottom))))
        columns = slice(max(0, int(box.left)), max(0, int(np.ceil(box.right))))
        return not self._instances[rows, columns].any()

    def free_box(self, width: float, height: float, tries: int = 6) -> Box | None:
        """Return a random place for a box of this size where no digit lies."""
        for _ in range(tries):
            x, y = self.generator.uniform(0, 1, 2)
            left = float(-0.1 * width + x * (self.width - 0.6 * width))
            top = float(-0.1 * height + y * (self.height - 0.8 * height))
            box = Box(left, top, width, height)
            if self.is_free(box):
                return box
        return None

    def finish(self) -> Layout:
        """Return the page; digits that others cover whole are dropped."""
        seen = np.bincount(self._instances.ravel(), minlength=len(self._labels) + 1) > 0
        seen[0] = False
        numbers = np.where(seen, np.cumsum(seen), 0).astype(np.int16)
        layers = [
            InkLayer(coverage, color, kind, texture)
            for (_, kind, color, texture), coverage in sorted(
                self._layers.items(), key=lambda item: item[0][0]
            )
        ]
        if seen[1:].all():
            return Layout(layers, self._instances, self._labels)
        labels = [label for label, one in zip(self._labels, seen[1:], strict=True) if one]
        return Layout(layers, numbers[self._instances], labels)

    def _layer(self, order: int, kind: Kind, color: Color, texture: str) -> Ink:
        key = (order, kind, color, texture)
        if key not in self._layers:
            self._layers[key] = np.zeros((self.height, self.width), np.float32)
        return self._layers[key]

    def _clip(
        self, coverage: Ink, top: float, left: float
    ) -> tuple[tuple[slice, slice], Ink] | None:
        """Return the area of the page that a drawing covers, and the part of it there."""
        y, x = round(top), round(left)
        first_y, first_x = max(0, -y), max(0, -x)
        part = coverage[first_y : self.height - y, first_x : self.width - x]
        if y >= self.height or x >= self.width or not part.size:
            return None
        y, x = y + first_y, x + first_x
        return (slice(y, y + part.shape[0]), slice(x, x + part.shape[1])), part

    def _place(self, layer: Ink, coverage: Ink, top: float, left: float) -> None:
        view = self._clip(coverage, top, left)
        if view is not None:
            area, part = view
            np.maximum(layer[area], part, out=layer[area])
