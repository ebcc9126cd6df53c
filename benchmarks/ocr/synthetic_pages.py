"""Synthetic pages of handwritten digits with a known text, drawn from images of real digits.

A page has lines of digits at known places, and then what happens to pages: uneven light, noise,
blur, tilt, ruled lines, boxes, colored ink, chalk on a blackboard. `PAGE_STYLES` names the
styles; `draw_page` draws one page, and generators of equal state draw equal pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Gray = NDArray[np.float32]

# Colors of pens: red, green and blue in [0, 1]; paper is white.
INK_COLORS = {
    "blue": (0.10, 0.18, 0.62),
    "red": (0.78, 0.10, 0.12),
    "green": (0.05, 0.45, 0.20),
    "violet": (0.45, 0.15, 0.60),
    "orange": (0.90, 0.45, 0.05),
}


@dataclass(frozen=True, kw_only=True)
class PageStyle:
    """The look of a page; each pair is the range of a uniform distribution."""

    height: tuple[float, float] = (40, 90)
    lines: tuple[int, int] = (1, 4)
    digits_per_line: tuple[int, int] = (3, 9)
    gap: tuple[float, float] = (0.2, 0.5)
    tilt: float = 0.0
    gradient: float = 0.0
    noise: float = 0.0
    blur: tuple[float, float] = (0.0, 0.0)
    contrast: tuple[float, float] = (0.85, 1.0)
    colored: bool = False
    blackboard: bool = False
    ruled: bool = False
    boxes: bool = False


PAGE_STYLES = MappingProxyType(
    {
        "clean": PageStyle(),
        "uneven light": PageStyle(gradient=0.6),
        "noise": PageStyle(noise=0.12),
        "blur": PageStyle(blur=(0.03, 0.06)),
        "tilt to 10 degrees": PageStyle(tilt=10),
        "light, tilt and noise": PageStyle(gradient=0.5, tilt=10, noise=0.08),
        "colored ink": PageStyle(colored=True, contrast=(0.8, 1.0)),
        "pale ink": PageStyle(contrast=(0.25, 0.45), noise=0.02),
        "chalk on a blackboard": PageStyle(blackboard=True, gradient=0.3, noise=0.03),
        "ruled lines": PageStyle(ruled=True),
        "ruled lines, tilt": PageStyle(ruled=True, tilt=6),
        "boxes": PageStyle(boxes=True, gap=(0.35, 0.6)),
        "12 to 20 pixels": PageStyle(height=(12, 20)),
        "200 to 400 pixels": PageStyle(height=(200, 400), lines=(1, 2), digits_per_line=(2, 4)),
        "touching": PageStyle(gap=(-0.12, 0.05)),
        "hard": PageStyle(
            gradient=0.5, tilt=6, noise=0.06, blur=(0.0, 0.03), ruled=True, colored=True,
            gap=(0.1, 0.4),
        ),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """A picture, ``uint8 (h, w)`` or ``(h, w, 3)``, its text, and the box of each digit."""

    picture: NDArray[np.uint8]
    text: str
    boxes: list[tuple[float, float, float, float]] = field(repr=False)


def draw_page(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    generator: np.random.Generator,
    style: PageStyle,
) -> Page:
    """Draw a page of digits sampled from `images`."""
    count = int(generator.integers(style.lines[0], style.lines[1] + 1))
    rows = [
        generator.integers(
            0,
            len(images),
            generator.integers(style.digits_per_line[0], style.digits_per_line[1] + 1),
        )
        for _ in range(count)
    ]
    height = float(np.exp(generator.uniform(*np.log(style.height))))
    ink, boxes = _draw_digits(images, rows, height, generator, style)
    lines = draw_lines(ink.shape, boxes, height, style, generator)
    angle = generator.uniform(-style.tilt, style.tilt)
    ink, lines = (rotate(layer, angle) for layer in (ink, lines))
    flat = [box for row in boxes for box in row]
    rotated = [_rotate_box(box, angle, ink.shape) for box in flat]
    picture = compose(ink, lines, height, style, generator)
    text = "\n".join("".join(str(labels[i]) for i in row) for row in rows)
    return Page(picture, text, rotated)


def draw_simple_page(
    images: NDArray[np.uint8], labels: NDArray[np.integer], generator: np.random.Generator
) -> Page:
    """Draw a page of well separated digits, black on white."""
    return draw_page(images, labels, generator, replace(PAGE_STYLES["clean"], height=(32, 120)))


def upscale_digit(image: NDArray[np.uint8], height: float) -> Gray:
    """Return one digit, cropped and scaled so that MNIST's box of 20 pixels has `height`."""
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    cropped = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # With a border, interpolation smooths the ends of strokes too.
    bordered = np.pad(cropped, 1)
    size = [max(2, round(side * height / 20)) for side in bordered.shape[::-1]]
    large = Image.fromarray(bordered).resize((size[0], size[1]), Image.Resampling.BICUBIC)
    gray = np.asarray(large, np.float32) / 255
    # Strokes of a pen have sharp edges at any size: about two pixels wide here.
    sharpness = max(1.0, height / 40)
    return np.clip((gray - 0.5) * sharpness + 0.5, 0, 1).astype(np.float32)


def _draw_digits(
    images: NDArray[np.uint8],
    rows: list[NDArray[np.integer]],
    height: float,
    generator: np.random.Generator,
    style: PageStyle,
) -> tuple[Gray, list[list[tuple[float, float, float, float]]]]:
    """Return a layer of ink with all lines, and the box of each digit by line."""
    margin, pitch = round(0.9 * height) + 4, 1.75 * height
    boxes: list[list[tuple[float, float, float, float]]] = []
    stamps: list[tuple[int, int, Gray]] = []
    max_x = 0.0
    for number, row in enumerate(rows):
        x, line_boxes = float(margin), []
        for index in row:
            stamp = upscale_digit(images[index], height)
            wobble = 0.06 * height * generator.uniform(-1, 1)
            top = margin + number * pitch + (height - stamp.shape[0]) / 2 + wobble
            place = (round(top), round(x))
            stamps.append((*place, stamp))
            h, w = stamp.shape
            line_boxes.append((place[1], place[0], place[1] + w, place[0] + h))
            x += w + generator.uniform(*style.gap) * height
        boxes.append(line_boxes)
        max_x = max(max_x, x)
    page_height = round(2 * margin + (len(rows) - 1) * pitch + height)
    ink = np.zeros((page_height, round(max_x + margin)), np.float32)
    for top, left, stamp in stamps:
        part = ink[top : top + stamp.shape[0], left : left + stamp.shape[1]]
        np.maximum(part, stamp[: part.shape[0], : part.shape[1]], out=part)
    return ink, boxes


def draw_lines(
    shape: tuple[int, ...],
    boxes: list[list[tuple[float, float, float, float]]],
    height: float,
    style: PageStyle,
    generator: np.random.Generator,
) -> Gray:
    """Return a layer of ink with ruled lines under the digits or boxes around them."""
    layer = Image.new("L", (shape[1], shape[0]))
    pen = ImageDraw.Draw(layer)
    width = max(1, round(0.03 * height))
    strength = round(255 * generator.uniform(0.35, 0.8))
    for row in boxes:
        bottom, top = max(box[3] for box in row), min(box[1] for box in row)
        if style.ruled:
            # People write on the line, slightly above it, and sometimes across it.
            y = bottom + generator.uniform(-0.06, 0.15) * height
            pen.line([(0, y), (shape[1], y)], fill=strength, width=width)
        if style.boxes:
            away = 0.14 * height
            for left, _, right, _ in row:
                frame = (left - away, top - away, right + away, bottom + away)
                pen.rectangle(frame, outline=strength, width=width)
    return np.asarray(layer, np.float32) / 255


def rotate(layer: Gray, angle: float) -> Gray:
    """Return a layer that is rotated counterclockwise by an angle in degrees."""
    if not angle:
        return layer
    picture = Image.fromarray(layer).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    return np.clip(np.asarray(picture, np.float32), 0, 1)


def _rotate_box(
    box: tuple[float, float, float, float], angle: float, shape: tuple[int, ...]
) -> tuple[float, float, float, float]:
    """Return the bounding box of a rotated box; `shape` is that of the rotated picture."""
    if not angle:
        return box
    radians = np.radians(angle)
    cos, sin = np.cos(radians), np.sin(radians)
    height, width = _size_before_rotation(shape, cos, abs(sin))
    left, top, right, bottom = box
    x = np.array([left, right, left, right]) - width / 2
    y = np.array([top, top, bottom, bottom]) - height / 2
    across, down = cos * x + sin * y + shape[1] / 2, -sin * x + cos * y + shape[0] / 2
    return across.min(), down.min(), across.max(), down.max()


def _size_before_rotation(shape: tuple[int, ...], cos: float, sin: float) -> tuple[float, float]:
    inverse = np.linalg.inv(np.array([[cos, sin], [sin, cos]]))
    height, width = inverse @ np.array(shape[:2], float)
    return float(height), float(width)


def compose(
    ink: Gray, lines: Gray, height: float, style: PageStyle, generator: np.random.Generator
) -> NDArray[np.uint8]:
    """Return the layers on paper, with illumination, blur and noise."""
    radius = generator.uniform(*style.blur) * height
    if radius:
        ink, lines = (_blur(layer, radius) for layer in (ink, lines))
    color = np.zeros(3)
    if style.colored:
        color = np.array(list(INK_COLORS.values())[generator.integers(len(INK_COLORS))])
    contrast = generator.uniform(*style.contrast)
    cover = np.maximum(contrast * ink, contrast * lines)[..., None]
    paper, pen = (1.0, color) if not style.blackboard else (0.16, np.full(3, 0.92))
    picture = paper * (1 - cover) + cover * pen
    picture = picture * illumination(ink.shape, style.gradient, generator)[..., None]
    picture = picture + style.noise * generator.standard_normal(picture.shape[:2])[..., None]
    gray = picture if style.colored else picture.mean(axis=2)
    return np.uint8(np.clip(255 * gray + 0.5, 0, 255))


def _blur(layer: Gray, radius: float) -> Gray:
    picture = Image.fromarray(np.uint8(255 * layer + 0.5))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


def illumination(shape: tuple[int, ...], gradient: float, generator: np.random.Generator) -> Gray:
    """Return the brightness of each pixel: a slope across the page and the spot of a lamp."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    down, across = rows / shape[0] - 0.5, columns / shape[1] - 0.5
    angle = generator.uniform(0, 2 * np.pi)
    slope = 0.5 + (down * np.sin(angle) + across * np.cos(angle)) / np.sqrt(2)
    y, x = generator.uniform(-0.5, 0.5, 2)
    lamp = np.exp(-2 * ((down - y) ** 2 + (across - x) ** 2))
    return (1 - gradient * (0.6 * slope + 0.4 * (1 - lamp))).astype(np.float32)
