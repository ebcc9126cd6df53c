"""Numbers with decimal points, commas and minus signs, drawn from images of real digits.

`draw_signed_page` draws a page of numbers with a known text: prices, dates, signed numbers, or
numbers without signs. The signs are strokes of a pen of about the width of the digits' strokes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.ocr.synthetic_pages import (
    PAGE_STYLES,
    Gray,
    Page,
    PageStyle,
    compose,
    draw_lines,
    rotate,
    upscale_digit,
)

# Digits are written d, a decimal mark is a point or a comma.
NUMBER_KINDS = MappingProxyType(
    {
        "prices": ("d.dd", "dd.dd", "ddd.dd", "dddd.dd"),
        "dates": ("dd.dd.dddd", "dd.dd.dd"),
        "signed numbers": ("-d", "-dd", "-ddd", "-d.d", "-dd.d", "-d.dd"),
        "no signs": ("ddd", "dddd", "ddddd", "dddddd"),
    }
)
STYLES = MappingProxyType(
    {
        name: PAGE_STYLES[name]
        for name in (
            "clean", "uneven light", "noise", "blur", "light, tilt and noise", "colored ink",
            "pale ink", "chalk on a blackboard", "ruled lines", "12 to 20 pixels",
        )
    }
)  # fmt: skip
# Factor by which signs are drawn larger, for smooth edges.
_OVERSAMPLING = 4


def draw_signed_page(
    images: NDArray[np.uint8],
    labels: NDArray[np.integer],
    generator: np.random.Generator,
    style: PageStyle,
    kind: str,
) -> Page:
    """Draw a page with one number per line; `kind` is one of `NUMBER_KINDS`."""
    height = float(np.exp(generator.uniform(*np.log(style.height))))
    lines = [
        _sample_text(generator, kind)
        for _ in range(generator.integers(style.lines[0], style.lines[1] + 1))
    ]
    by_label = [np.flatnonzero(labels == label) for label in range(10)]
    margin, pitch = round(0.9 * height) + 4, 1.75 * height
    pen = generator.uniform(0.09, 0.16) * height
    stamps: list[tuple[float, float, Gray]] = []
    boxes: list[list[tuple[float, float, float, float]]] = []
    for number, text in enumerate(lines):
        baseline = margin + number * pitch + height
        x, line_boxes = float(margin), []
        for character in text:
            wobble = 0.04 * height * generator.uniform(-1, 1)
            if character.isdigit():
                stamp = upscale_digit(images[generator.choice(by_label[int(character)])], height)
                top = baseline - stamp.shape[0] + wobble
                box = (x, top, x + stamp.shape[1], top + stamp.shape[0])
                line_boxes.append(box)
            else:
                stamp, offset = draw_sign(character, height, pen, generator)
                top = baseline + offset + wobble
            stamps.append((top, x, stamp))
            x += stamp.shape[1] + generator.uniform(0.08, 0.3) * height
        boxes.append(line_boxes)
    width = round(max(left + stamp.shape[1] for _, left, stamp in stamps) + margin)
    ink = np.zeros((round(2 * margin + (len(lines) - 1) * pitch + height), width), np.float32)
    for top, left, stamp in stamps:
        y, x = max(0, round(top)), round(left)
        part = ink[y : y + stamp.shape[0], x : x + stamp.shape[1]]
        np.maximum(part, stamp[: part.shape[0], : part.shape[1]], out=part)
    ruled = draw_lines(ink.shape, boxes, height, style, generator)
    angle = generator.uniform(-style.tilt, style.tilt)
    picture = compose(rotate(ink, angle), rotate(ruled, angle), height, style, generator)
    return Page(picture, "\n".join(lines), [])


def draw_sign(
    sign: str, height: float, pen: float, generator: np.random.Generator
) -> tuple[Gray, float]:
    """Return a sign, and the offset of its top from the baseline, negative upwards.

    Parameters
    ----------
    sign : {".", ",", "-"}
        Which sign.
    height : float
        Height of the digits in pixels.
    pen : float
        Width of the stroke in pixels.
    generator : numpy.random.Generator
        Draws the shape.
    """
    jitter = generator.uniform(-1, 1, 4)
    if sign == ".":
        # A dot, or a short stroke where the pen slid.
        points = [(0.0, 0.0), (0.03 * jitter[0] * height, 0.03 * jitter[1] * height)]
        pen *= 1.2 + 0.3 * jitter[2]
        offset = -pen
    elif sign == ",":
        down = (0.22 + 0.08 * jitter[0]) * height
        left = (0.10 + 0.06 * jitter[1]) * height
        points = [(left, 0.0), (0.7 * left, 0.6 * down), (0.0, down)]
        offset = (-0.1 + 0.04 * jitter[2]) * height
    else:
        across = (0.45 + 0.15 * jitter[0]) * height
        points = [(0.0, 0.0), (across, 0.05 * jitter[1] * height)]
        offset = (-0.5 + 0.08 * jitter[2]) * height - pen / 2
    return _draw_stroke(points, pen), offset


def _draw_stroke(points: Sequence[tuple[float, float]], pen: float) -> Gray:
    """Return a stroke with round ends, cropped to its ink."""
    array = np.asarray(points, float)
    array -= array.min(axis=0)
    radius = pen / 2
    size = np.ceil(array.max(axis=0) + pen + 1).astype(int)
    canvas = Image.new("L", tuple(int(side) * _OVERSAMPLING for side in size))
    draw = ImageDraw.Draw(canvas)
    # Circles along the stroke.
    for start, end in itertools.pairwise(array):
        for x, y in np.linspace(start, end, 40):
            edges = (x, y, x + 2 * radius, y + 2 * radius)
            draw.ellipse([edge * _OVERSAMPLING for edge in edges], fill=255)
    small = canvas.resize((int(size[0]), int(size[1])), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255


def _sample_text(generator: np.random.Generator, kind: str) -> str:
    """Return a number of a kind; half of those with a decimal mark have a comma."""
    form = str(generator.choice(NUMBER_KINDS[kind]))
    if kind != "dates" and generator.random() < 0.5:
        form = form.replace(".", ",")
    return "".join(str(generator.integers(10)) if sign == "d" else sign for sign in form)
