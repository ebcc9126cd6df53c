"""Synthetic images of what is not a digit, and of printed digits, to train the rejector.

Letters and symbols are drawn with OpenCV's fonts and the typefaces that Matplotlib ships, then
distorted, slanted and drawn with pens of any width, so that they look handwritten. Blots and
scribbles are random. Real digits are rotated, mirrored or cut so that they are no digits. A
drawing is an array of ink, ``float32`` in [0, 1]; `to_crops` brings drawings to 28 × 28 with the
code of the package.

Typefaces and scribbles are split into training, validation and test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
Crops = NDArray[np.uint8]
Generator = np.random.Generator

SIZE = 112
# Not drawn, since they resemble digits in some handwriting: l I i j | / ! 1, O o Q D 0, Z z 2,
# B 8, S s 5, G b 6, q g 9.
LOOKALIKES = "lIij|/!OoQDZzBSsGbqg"
LETTERS = "ACEFHJKLMNPRTUVWXYacdefhkmnprtuvwxy"
SYMBOLS = '?&#@%+=*~^_-<>()[]{}$":;'
DIGITS = "0123456789"
# Each group of similar shapes is one output of the network: no single hyperplane separates all of
# them from the digits.
SHAPE_GROUPS = (
    "CceEL", "HhNnMmUuWw", "KkRXx", "AVvY", "FfPpTtr", "Jady", "?&#@%$*", '+=~^_-":;', "<>()[]{}",
)  # fmt: skip
_STROKE_FONTS = {
    "simplex": cv2.FONT_HERSHEY_SIMPLEX,
    "plain": cv2.FONT_HERSHEY_PLAIN,
    "duplex": cv2.FONT_HERSHEY_DUPLEX,
    "complex": cv2.FONT_HERSHEY_COMPLEX,
    "triplex": cv2.FONT_HERSHEY_TRIPLEX,
    "script": cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    "script complex": cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
}
_OUTLINE_FONTS = (
    "STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta", "cmr10", "cmb10", "cmmi10", "cmti10",
    "cmtt10",
)  # fmt: skip
TYPEFACES = {
    # The stroke fonts look most like a pen, so they are sampled more often.
    "train": [*_STROKE_FONTS, *_STROKE_FONTS, "simplex", "script", "script", *_OUTLINE_FONTS],
    "validation": ["cmss10", "STIXGeneralItalic"],
    "test": ["DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSansMono"],
}


def draw_handwritten(character: str, typeface: str, generator: Generator) -> Ink:
    """Draw a character as in handwriting: distorted, slanted, with a pen of random width."""
    return distort(draw_printed(character, typeface, generator), generator)


def draw_printed(character: str, typeface: str, generator: Generator) -> Ink:
    """Draw a character of a typeface, `SIZE` pixels square."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    if typeface in _STROKE_FONTS:
        pen, font = int(generator.integers(2, 11)), _STROKE_FONTS[typeface]
        (width, height), _ = cv2.getTextSize(character, font, 1, 1)
        scale = 62 / max(width, height)
        (width, height), baseline = cv2.getTextSize(character, font, scale, pen)
        origin = ((SIZE - width) // 2, (SIZE + height - baseline // 2) // 2)
        cv2.putText(canvas, character, origin, font, scale, 255, pen, cv2.LINE_AA)
        return canvas.astype(np.float32) / 255
    picture = Image.fromarray(canvas)
    ImageDraw.Draw(picture).text((SIZE / 2,) * 2, character, 255, _load_font(typeface), anchor="mm")
    ink = np.asarray(picture)
    thickness = int(generator.integers(-1, 4))
    if thickness:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(thickness) + 1,) * 2)
        changed = cv2.dilate(ink, disc) if thickness > 0 else cv2.erode(ink, disc)
        ink = changed if changed.any() else ink
    return np.asarray(ink, np.float32) / 255


@cache
def _load_font(name: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", 76)


@cache
def _displacement_fields() -> NDArray[np.float32]:
    """Return smooth random displacement fields with a standard deviation of 1."""
    generator = np.random.default_rng(2024)
    fields = generator.standard_normal((512, SIZE, SIZE), np.float32)
    for field in fields:
        smooth = cv2.GaussianBlur(field, (0, 0), float(generator.uniform(9, 20)))
        field[:] = smooth / smooth.std()
    return fields


def distort(ink: Ink, generator: Generator, *, strength: float = 1.0) -> Ink:
    """Rotate, slant, stretch and deform a drawing, as handwriting varies."""
    angle, slant = (
        generator.uniform(-0.2, 0.2) * strength,
        generator.uniform(-0.35, 0.35) * strength,
    )
    scale_y, scale_x = np.exp(generator.uniform(-0.28, 0.28, 2) * strength)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = rotation @ np.array([[scale_x, slant], [0, scale_y]])
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32) - (SIZE - 1) / 2
    source_x = matrix[0, 0] * columns + matrix[0, 1] * rows
    source_y = matrix[1, 0] * columns + matrix[1, 1] * rows
    fields = _displacement_fields()
    first, second = generator.integers(0, len(fields), 2)
    center = (SIZE - 1) / 2
    amplitude = generator.uniform(0, 5.5) * strength
    return np.asarray(
        cv2.remap(
            ink,
            (source_x + amplitude * fields[first] + center).astype(np.float32),
            (source_y + amplitude * fields[second] + center).astype(np.float32),
            cv2.INTER_LINEAR,
        )
    )


def blot(generator: Generator) -> Ink:
    """Draw a filled shape with an uneven edge: ellipses and polygons."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    half = SIZE / 2
    for _ in range(generator.integers(1, 4)):
        center = half + generator.uniform(-14, 14, 2)
        if generator.random() < 0.6:
            axes = generator.uniform(10, 34, 2).astype(int).tolist()
            angle = float(generator.uniform(0, 180))
            cv2.ellipse(canvas, center.astype(int).tolist(), axes, angle, 0, 360, 255, cv2.FILLED)
        else:
            angles = np.sort(generator.uniform(0, 2 * np.pi, generator.integers(3, 8)))
            radius = generator.uniform(12, 38, (len(angles), 1))
            corners = center + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
            cv2.fillPoly(canvas, [corners.astype(np.int32)], 255)
    ink = canvas.astype(np.float32) / 255
    noise = cv2.GaussianBlur(
        generator.standard_normal((SIZE, SIZE), np.float32),
        (0, 0),
        float(generator.uniform(1.5, 8)),
    )
    blurred = np.asarray(cv2.GaussianBlur(ink, (0, 0), float(generator.uniform(3, 9))))
    edge = blurred + generator.uniform(0, 0.2) * noise / noise.std()
    ink = np.clip((edge - 0.5) * 6 + 0.5, 0, 1).astype(np.float32)
    # Smoothing can remove a small one.
    return ink if ink.max() == 1 else blot(generator)


def _draw_strokes(lines: Sequence[NDArray[Any]], generator: Generator) -> Ink:
    canvas, pen = np.zeros((SIZE, SIZE), np.uint8), int(generator.integers(2, 12))
    for line in lines:
        # Coordinates with four fractional bits.
        points = np.rint(16 * line).astype(np.int32)[:, np.newaxis]
        cv2.polylines(canvas, [points], False, 255, pen, cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / 255


def _smooth_curve(points: NDArray[Any]) -> NDArray[Any]:
    """Return a smooth curve near the points, by Chaikin's algorithm."""
    for _ in range(3):
        first, second = points[:-1], points[1:]
        cut = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], 1)
        points = cut.reshape(-1, 2)
    return points


def tangle(generator: Generator) -> Ink:
    """Draw a curve with more turns than a digit has."""
    points = generator.uniform(12, SIZE - 12, (generator.integers(8, 16), 2))
    return _draw_strokes([_smooth_curve(points)], generator)


def lines(generator: Generator) -> Ink:
    """Draw straight lines: a cross, a star, or at random."""
    count = generator.integers(2, 6)
    if generator.random() < 0.5:
        # Through one point, in well separated directions.
        angles = generator.uniform(0, np.pi) + np.pi * np.arange(count) / count
        arms = generator.uniform(20, 45) * np.stack([np.cos(angles), np.sin(angles)], 1)
        ends = SIZE / 2 + np.stack([arms, -arms], 1) + generator.uniform(-5, 5, (count, 2, 2))
    else:
        ends = generator.uniform(12, SIZE - 12, (count + 2, 2, 2))
    return _draw_strokes(list(ends), generator)


def zigzag(generator: Generator) -> Ink:
    """Draw a zigzag line, as in crossing out."""
    count = generator.integers(5, 12)
    x = np.linspace(14, SIZE - 14, count) + generator.uniform(-4, 4, count)
    y = np.where(np.arange(count) % 2, 20, SIZE - 20) + generator.uniform(-12, 12, count)
    points = np.stack([x, y], 1)
    points = points[:, :: generator.choice((1, -1))]
    return _draw_strokes([_smooth_curve(points) if generator.random() < 0.5 else points], generator)


def spiral(generator: Generator) -> Ink:
    """Draw a spiral of at least two turns."""
    t = np.linspace(0.1, 1, 120)
    angle = 2 * np.pi * generator.uniform(2, 4) * t * generator.choice((1, -1))
    radius = 42 * t * generator.uniform(0.6, 1, (2, 1))
    rotation = generator.uniform(0, 2 * np.pi)
    points = np.stack([np.cos(angle + rotation), np.sin(angle + rotation)]) * radius
    return _draw_strokes([points.T + SIZE / 2], generator)


def arrow(generator: Generator) -> Ink:
    """Draw an arrow, a check mark, or a box with or without a cross."""
    tip, tail = np.array([0.0, 0.0]), np.array([-70.0, 0.0])
    barbs = np.array([[-24.0, -18.0], [-24.0, 18.0]]) * generator.uniform(0.7, 1.5)
    kind = generator.integers(0, 3)
    strokes = [np.stack([tail, tip]), np.stack([barbs[0], tip, barbs[1]])]
    if kind == 1:  # a check mark
        strokes = [np.array([[-28.0, -16.0], [0.0, 12.0], [50.0, -52.0]])]
    if kind == 2:  # a box, with or without a cross
        box = np.array([[-30.0, -30], [30, -30], [30, 30], [-30, 30], [-30, -30]])
        strokes = [box, *([box[[0, 2]], box[[1, 3]]] if generator.random() < 0.5 else [])]
    angle = generator.uniform(0, 2 * np.pi) if kind == 0 else generator.uniform(-0.2, 0.2)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    center = np.concatenate(strokes).mean(0)
    return _draw_strokes([(line - center) @ rotation.T + SIZE / 2 for line in strokes], generator)


def knot(generator: Generator) -> Ink:
    """Draw a Lissajous curve, which is closed and crosses itself."""
    t = np.linspace(0, 2 * np.pi, 200)
    frequency_x, frequency_y = generator.permutation([2, 3, 4, 5])[:2]
    first, second = generator.uniform(0, 2 * np.pi, 2)
    points = np.stack([np.sin(frequency_x * t + first), np.sin(frequency_y * t + second)], 1)
    return _draw_strokes([SIZE / 2 + 40 * points], generator)


def hatching(generator: Generator) -> Ink:
    """Draw parallel strokes with one stroke across."""
    count = generator.integers(3, 8)
    top_x = np.linspace(16, SIZE - 16, count)
    slant = generator.uniform(-20, 20)
    strokes = [np.array([[x, 20.0], [x + slant, SIZE - 20.0]]) for x in top_x]
    crossing = np.array([[8.0, generator.uniform(30, 80)], [SIZE - 8.0, generator.uniform(30, 80)]])
    return _draw_strokes(
        [stroke + generator.uniform(-4, 4, (2, 2)) for stroke in [*strokes, crossing]], generator
    )


SCRIBBLES: dict[str, dict[str, Callable[[Generator], Ink]]] = {
    "train": {
        "blot": blot, "tangle": tangle, "lines": lines, "zigzag": zigzag, "spiral": spiral,
        "arrow": arrow,
    },
    "validation": {"knot": knot},
    "test": {"hatching": hatching},
}  # fmt: skip

# The digits that are no digits when mirrored, flipped, or rotated by 180 or 90 degrees.
_MIRROR, _FLIP, _ROTATE_180 = (3, 4, 6, 7, 9), (4, 6, 7, 9), (3, 4, 7)
_ROTATE_90 = (1, 2, 3, 4, 5, 6, 7, 8, 9)
# The digits whose left, right, upper or lower half is no digit.
_HALVES = {
    "left": (0, 2, 3, 5, 9),
    "right": (0, 5, 6),
    "upper": (0, 3, 6),
    "lower": (0, 2, 3, 5, 8),
}


def alter_digit(images: Crops, labels: NDArray[Any], generator: Generator) -> Ink:
    """Return a real digit, mirrored, flipped, rotated or cut so that it is no digit."""
    while True:
        index = int(generator.integers(len(images)))
        ink, label = upscale(images[index]), int(labels[index])
        kind = generator.choice(["mirror", "flip", "rotate 180", "rotate 90", "cut"])
        if kind == "cut":
            side = generator.choice(list(_HALVES))
            if label in _HALVES[side]:
                return _keep_half(ink, side, float(generator.uniform(0.4, 0.6)))
        if kind == "mirror" and label in _MIRROR:
            return ink[:, ::-1].copy()
        if kind == "flip" and label in _FLIP:
            return ink[::-1].copy()
        if kind == "rotate 180" and label in _ROTATE_180:
            return ink[::-1, ::-1].copy()
        if kind == "rotate 90" and label in _ROTATE_90:
            return np.rot90(ink, generator.choice((1, 3))).copy()


def draw_digit_pair(images: Crops, generator: Generator) -> Ink:
    """Return two real digits that touch, as one drawing."""
    first, second = generator.integers(0, len(images), 2)
    return _place_side_by_side(upscale(images[first]), upscale(images[second]), generator)


def upscale(image: Crops) -> Ink:
    """Return an image of 28 × 28 as ink, `SIZE` pixels square."""
    gray = cv2.resize(image, (84, 84), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    return np.pad(np.clip((gray - 0.5) * 2 + 0.5, 0, 1).astype(np.float32), (SIZE - 84) // 2)


def _ink_bounds(ink: Ink) -> tuple[slice, slice]:
    dark = ink > 0.5 * ink.max()
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _keep_half(ink: Ink, side: str, share: float) -> Ink:
    part = ink[_ink_bounds(ink)]
    height, width = (round(length * share) for length in part.shape)
    half = {
        "left": part[:, :width],
        "right": part[:, width:],
        "upper": part[:height],
        "lower": part[height:],
    }[side]
    return half.copy()


def _place_side_by_side(first: Ink, second: Ink, generator: Generator) -> Ink:
    left, right = first[_ink_bounds(first)], second[_ink_bounds(second)]
    overlap = min(int(generator.integers(2, 16)), left.shape[1], right.shape[1])
    height = max(len(left), len(right))
    pair = np.zeros((height, left.shape[1] + right.shape[1] - overlap), np.float32)
    for part, start in ((left, 0), (right, left.shape[1] - overlap)):
        top = (height - len(part)) // 2
        target = pair[top : top + len(part), start : start + part.shape[1]]
        np.maximum(target, part, out=target)
    return pair


def to_crops(drawings: Sequence[Ink]) -> Crops:
    """Bring drawings to 28 × 28 as `Recognizer.read` does."""
    return np.stack(
        [
            Component(0, 0, np.ascontiguousarray(ink[_ink_bounds(ink)])).digit_crop()
            for ink in drawings
        ]
    )
