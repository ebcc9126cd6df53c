"""Drawings of what is no digit, and of typed digits, as ink on a square: letters, signs, blots.

All is drawn by the program: letters and signs with OpenCV's strokes and the typefaces that come
with Matplotlib, bent, slanted and in pens of any width so that they look written; blots and
scribbles at random; pieces of real digits, and real digits turned or mirrored so that they are
none. `glyphs` brings drawings to 28 x 28 by the package's own code.

Three kinds of typefaces and scribbles are kept apart: to train on, to choose by, and to report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mnistcnn.ocr.components import Component

Ink = NDArray[np.float32]
Glyphs = NDArray[np.uint8]
Draw = np.random.Generator

SIDE = 112
# Left out since they look like a digit in some hand: l I i j | / ! like 1, O o Q D like 0, Z z like
# 2, B like 8, S s like 5, G b like 6, q g like 9.
ALIKE = "lIij|/!OoQDZzBSsGbqg"
LETTERS = "ACEFHJKLMNPRTUVWXYacdefhkmnprtuvwxy"
SIGNS = '?&#@%+=*~^_-<>()[]{}$":;'
DIGITS = "0123456789"
# A sign's group is an output of the network: like shapes together, which one plane can part from
# the digits.
GROUPS = (
    "CceEL", "HhNnMmUuWw", "KkRXx", "AVvY", "FfPpTtr", "Jady", "?&#@%$*", '+=~^_-":;', "<>()[]{}",
)  # fmt: skip
_STROKES = {
    "simplex": cv2.FONT_HERSHEY_SIMPLEX,
    "plain": cv2.FONT_HERSHEY_PLAIN,
    "duplex": cv2.FONT_HERSHEY_DUPLEX,
    "complex": cv2.FONT_HERSHEY_COMPLEX,
    "triplex": cv2.FONT_HERSHEY_TRIPLEX,
    "script": cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    "script complex": cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
}
_TYPED = (
    "STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta", "cmr10", "cmb10", "cmmi10", "cmti10",
    "cmtt10",
)  # fmt: skip
FACES = {
    # Strokes look most like a pen's, so they come more often.
    "train": [*_STROKES, *_STROKES, "simplex", "script", "script", *_TYPED],
    "choose": ["cmss10", "STIXGeneralItalic"],
    "report": ["DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSansMono"],
}


def sign(name: str, face: str, generator: Draw) -> Ink:
    """Return a letter, digit or sign as written: bent, slanted, in a pen of some width."""
    return bent(typed(name, face, generator), generator)


def typed(name: str, face: str, generator: Draw) -> Ink:
    """Return a letter, digit or sign of a typeface, `SIDE` pixels square."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    if face in _STROKES:
        pen, font = int(generator.integers(2, 11)), _STROKES[face]
        (wide, tall), _ = cv2.getTextSize(name, font, 1, 1)
        scale = 62 / max(wide, tall)
        (wide, tall), low = cv2.getTextSize(name, font, scale, pen)
        place = ((SIDE - wide) // 2, (SIDE + tall - low // 2) // 2)
        cv2.putText(canvas, name, place, font, scale, 255, pen, cv2.LINE_AA)
        return canvas.astype(np.float32) / 255
    picture = Image.fromarray(canvas)
    ImageDraw.Draw(picture).text((SIDE / 2,) * 2, name, 255, _face(face), anchor="mm")
    ink = np.asarray(picture)
    change = int(generator.integers(-1, 4))
    if change:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(change) + 1,) * 2)
        changed = cv2.dilate(ink, disc) if change > 0 else cv2.erode(ink, disc)
        ink = changed if changed.any() else ink
    return np.asarray(ink, np.float32) / 255


@cache
def _face(name: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", 76)


@cache
def _fields() -> NDArray[np.float32]:
    """Return smooth random fields of deviation 1, by which drawings are bent."""
    generator = np.random.default_rng(2024)
    fields = generator.standard_normal((512, SIDE, SIDE), np.float32)
    for field in fields:
        smooth = cv2.GaussianBlur(field, (0, 0), float(generator.uniform(9, 20)))
        field[:] = smooth / smooth.std()
    return fields


def bent(ink: Ink, generator: Draw, *, much: float = 1.0) -> Ink:
    """Turn, slant, stretch and bend a drawing, as a hand does."""
    angle, slant = generator.uniform(-0.2, 0.2) * much, generator.uniform(-0.35, 0.35) * much
    tall, wide = np.exp(generator.uniform(-0.28, 0.28, 2) * much)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    change = turn @ np.array([[wide, slant], [0, tall]])
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32) - (SIDE - 1) / 2
    across = change[0, 0] * columns + change[0, 1] * rows
    down = change[1, 0] * columns + change[1, 1] * rows
    fields = _fields()
    first, second = generator.integers(0, len(fields), 2)
    shift = (SIDE - 1) / 2
    reach = generator.uniform(0, 5.5) * much
    return np.asarray(
        cv2.remap(
            ink,
            (across + reach * fields[first] + shift).astype(np.float32),
            (down + reach * fields[second] + shift).astype(np.float32),
            cv2.INTER_LINEAR,
        )
    )


def blot(generator: Draw) -> Ink:
    """Return a filled shape with an uneven edge: round, oblong or with corners."""
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    middle = SIDE / 2
    for _ in range(generator.integers(1, 4)):
        place = middle + generator.uniform(-14, 14, 2)
        if generator.random() < 0.6:
            axes = generator.uniform(10, 34, 2).astype(int).tolist()
            angle = float(generator.uniform(0, 180))
            cv2.ellipse(canvas, place.astype(int).tolist(), axes, angle, 0, 360, 255, cv2.FILLED)
        else:
            angles = np.sort(generator.uniform(0, 2 * np.pi, generator.integers(3, 8)))
            reach = generator.uniform(12, 38, (len(angles), 1))
            corners = place + reach * np.stack([np.cos(angles), np.sin(angles)], 1)
            cv2.fillPoly(canvas, [corners.astype(np.int32)], 255)
    ink = canvas.astype(np.float32) / 255
    rough = cv2.GaussianBlur(
        generator.standard_normal((SIDE, SIDE), np.float32),
        (0, 0),
        float(generator.uniform(1.5, 8)),
    )
    soft = np.asarray(cv2.GaussianBlur(ink, (0, 0), float(generator.uniform(3, 9))))
    uneven = soft + generator.uniform(0, 0.2) * rough / rough.std()
    ink = np.clip((uneven - 0.5) * 6 + 0.5, 0, 1).astype(np.float32)
    # A small one may be smoothed away.
    return ink if ink.max() == 1 else blot(generator)


def _stroked(lines: Sequence[NDArray[Any]], generator: Draw) -> Ink:
    canvas, pen = np.zeros((SIDE, SIDE), np.uint8), int(generator.integers(2, 12))
    for line in lines:
        # Four more bits for the fraction of a pixel.
        points = np.rint(16 * line).astype(np.int32)[:, np.newaxis]
        cv2.polylines(canvas, [points], False, 255, pen, cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / 255


def _smooth(points: NDArray[Any]) -> NDArray[Any]:
    """Return a curve near the points, by Chaikin's cutting of corners."""
    for _ in range(3):
        first, second = points[:-1], points[1:]
        cut = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], 1)
        points = cut.reshape(-1, 2)
    return points


def tangle(generator: Draw) -> Ink:
    """Return a curve that turns too often for a digit."""
    points = generator.uniform(12, SIDE - 12, (generator.integers(8, 16), 2))
    return _stroked([_smooth(points)], generator)


def lines(generator: Draw) -> Ink:
    """Return some straight lines: a cross, a star, a lattice, or just thrown down."""
    count = generator.integers(2, 6)
    if generator.random() < 0.5:
        # Through one place, in directions that are well apart.
        angles = generator.uniform(0, np.pi) + np.pi * np.arange(count) / count
        arms = generator.uniform(20, 45) * np.stack([np.cos(angles), np.sin(angles)], 1)
        ends = SIDE / 2 + np.stack([arms, -arms], 1) + generator.uniform(-5, 5, (count, 2, 2))
    else:
        ends = generator.uniform(12, SIDE - 12, (count + 2, 2, 2))
    return _stroked(list(ends), generator)


def zigzag(generator: Draw) -> Ink:
    """Return a line that goes to and fro, as in crossing out."""
    count = generator.integers(5, 12)
    across = np.linspace(14, SIDE - 14, count) + generator.uniform(-4, 4, count)
    down = np.where(np.arange(count) % 2, 20, SIDE - 20) + generator.uniform(-12, 12, count)
    points = np.stack([across, down], 1)
    points = points[:, :: generator.choice((1, -1))]
    return _stroked([_smooth(points) if generator.random() < 0.5 else points], generator)


def spiral(generator: Draw) -> Ink:
    """Return a spiral of two turns or more."""
    along = np.linspace(0.1, 1, 120)
    angle = 2 * np.pi * generator.uniform(2, 4) * along * generator.choice((1, -1))
    reach = 42 * along * generator.uniform(0.6, 1, (2, 1))
    turn = generator.uniform(0, 2 * np.pi)
    points = np.stack([np.cos(angle + turn), np.sin(angle + turn)]) * reach
    return _stroked([points.T + SIDE / 2], generator)


def arrow(generator: Draw) -> Ink:
    """Return an arrow, a tick, or a corner."""
    tip, tail = np.array([0.0, 0.0]), np.array([-70.0, 0.0])
    barbs = np.array([[-24.0, -18.0], [-24.0, 18.0]]) * generator.uniform(0.7, 1.5)
    kind = generator.integers(0, 3)
    found = [np.stack([tail, tip]), np.stack([barbs[0], tip, barbs[1]])]
    if kind == 1:  # a tick
        found = [np.array([[-28.0, -16.0], [0.0, 12.0], [50.0, -52.0]])]
    if kind == 2:  # a cross in a box, or a box
        box = np.array([[-30.0, -30], [30, -30], [30, 30], [-30, 30], [-30, -30]])
        found = [box, *([box[[0, 2]], box[[1, 3]]] if generator.random() < 0.5 else [])]
    angle = generator.uniform(0, 2 * np.pi) if kind == 0 else generator.uniform(-0.2, 0.2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.concatenate(found).mean(0)
    return _stroked([(line - middle) @ turn.T + SIDE / 2 for line in found], generator)


def knot(generator: Draw) -> Ink:
    """Return a closed curve that crosses itself, by Lissajous."""
    along = np.linspace(0, 2 * np.pi, 200)
    across, down = generator.permutation([2, 3, 4, 5])[:2]
    first, second = generator.uniform(0, 2 * np.pi, 2)
    points = np.stack([np.sin(across * along + first), np.sin(down * along + second)], 1)
    return _stroked([SIDE / 2 + 40 * points], generator)


def hatching(generator: Draw) -> Ink:
    """Return strokes side by side, with one through them."""
    count = generator.integers(3, 8)
    across = np.linspace(16, SIDE - 16, count)
    lean = generator.uniform(-20, 20)
    strokes = [np.array([[x, 20.0], [x + lean, SIDE - 20.0]]) for x in across]
    through = np.array([[8.0, generator.uniform(30, 80)], [SIDE - 8.0, generator.uniform(30, 80)]])
    return _stroked(
        [one + generator.uniform(-4, 4, (2, 2)) for one in [*strokes, through]], generator
    )


SCRIBBLES: dict[str, dict[str, Callable[[Draw], Ink]]] = {
    "train": {
        "blot": blot, "tangle": tangle, "lines": lines, "zigzag": zigzag, "spiral": spiral,
        "arrow": arrow,
    },
    "choose": {"knot": knot},
    "report": {"hatching": hatching},
}  # fmt: skip

# Which ways to turn or mirror a digit give none: upright mirrored, upside down, a quarter turn.
_MIRRORED, _UPSIDE_DOWN, _HALF_TURN = (3, 4, 6, 7, 9), (4, 6, 7, 9), (3, 4, 7)
_QUARTER_TURN = (1, 2, 3, 4, 5, 6, 7, 8, 9)
# Which halves of a digit look like none.
_HALVES = {
    "left": (0, 2, 3, 5, 9),
    "right": (0, 5, 6),
    "upper": (0, 3, 6),
    "lower": (0, 2, 3, 5, 8),
}


def spoilt(images: Glyphs, labels: NDArray[Any], generator: Draw) -> Ink:
    """Return a real digit turned, mirrored or cut so that it is none."""
    while True:
        index = int(generator.integers(len(images)))
        ink, label = large(images[index]), int(labels[index])
        kind = generator.choice(["mirror", "upside", "half", "quarter", "cut"])
        if kind == "cut":
            side = generator.choice(list(_HALVES))
            if label in _HALVES[side]:
                return _cut(ink, side, float(generator.uniform(0.4, 0.6)))
        if kind == "mirror" and label in _MIRRORED:
            return ink[:, ::-1].copy()
        if kind == "upside" and label in _UPSIDE_DOWN:
            return ink[::-1].copy()
        if kind == "half" and label in _HALF_TURN:
            return ink[::-1, ::-1].copy()
        if kind == "quarter" and label in _QUARTER_TURN:
            return np.rot90(ink, generator.choice((1, 3))).copy()


def two(images: Glyphs, generator: Draw) -> Ink:
    """Return two real digits as one glyph, which nobody cut apart."""
    first, second = generator.integers(0, len(images), 2)
    return _side_by_side(large(images[first]), large(images[second]), generator)


def large(image: Glyphs) -> Ink:
    """Return an image of 28 x 28 as ink, `SIDE` pixels square."""
    grey = cv2.resize(image, (84, 84), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    return np.pad(np.clip((grey - 0.5) * 2 + 0.5, 0, 1).astype(np.float32), (SIDE - 84) // 2)


def _inked(ink: Ink) -> tuple[slice, slice]:
    dark = ink > 0.5 * ink.max()
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _cut(ink: Ink, side: str, share: float) -> Ink:
    part = ink[_inked(ink)]
    tall, wide = (round(length * share) for length in part.shape)
    kept = {
        "left": part[:, :wide],
        "right": part[:, wide:],
        "upper": part[:tall],
        "lower": part[tall:],
    }[side]
    return kept.copy()


def _side_by_side(one: Ink, other: Ink, generator: Draw) -> Ink:
    left, right = one[_inked(one)], other[_inked(other)]
    over = min(int(generator.integers(2, 16)), left.shape[1], right.shape[1])
    tall = max(len(left), len(right))
    both = np.zeros((tall, left.shape[1] + right.shape[1] - over), np.float32)
    for part, at in ((left, 0), (right, left.shape[1] - over)):
        top = (tall - len(part)) // 2
        place = both[top : top + len(part), at : at + part.shape[1]]
        np.maximum(place, part, out=place)
    return both


def glyphs(drawings: Iterator[Ink] | Sequence[Ink]) -> Glyphs:
    """Bring drawings to 28 x 28 as the reader of pictures does."""
    return np.stack(
        [Component(0, 0, np.ascontiguousarray(ink[_inked(ink)])).digit_crop() for ink in drawings]
    )
