"""Pictures of single digits and of what is not a digit, to measure confidence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import mnistcnn

Pictures = list[NDArray[np.uint8]]
Ink = NDArray[np.float32]

# Side of a drawing in pixels.
SIZE = 112
# These resemble digits in some handwriting: l I i j | / ! 1, O o Q D 0, Z z 2, B 8, S s 5, G b 6,
# q g 9.
LOOKALIKES = "lIij|/!OoQDZzBSsGbqg"
LETTERS = "ACEFHJKLMNPRTUVWXYacdefhkmnprtuvwxy"
TYPEFACES = ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSansMono")
CHARACTERS = "ABCDEFGHJKMNPQRTUVWXYabdefhkmnprtwxy&#@%?"


def confidence_pictures(
    digits: NDArray[np.uint8], count: int = 1_000, *, smoke: bool = False
) -> dict[str, Pictures]:
    """Return pictures by kind, in typefaces and shapes that are not in the training data."""
    generator = np.random.default_rng(1)
    sklearn_digits = np.concatenate([part.images for part in mnistcnn.load_data("digits")])
    distinct = "".join(c for c in CHARACTERS if c not in LOOKALIKES)
    lookalikes = "".join(sorted(set(CHARACTERS) - set(distinct)))
    if smoke:
        count, distinct, lookalikes = 2, distinct[:1], lookalikes[:1]
    return {
        "digits": single_digits(digits, count, generator),
        "scikit-learn's digits": single_digits(sklearn_digits, count, generator),
        "letters and symbols": printed_characters(distinct),
        "letters that resemble digits": printed_characters(lookalikes),
        "distorted letters": distorted_letters(2 if smoke else 300),
        "blots": blots(2 if smoke else 200),
        "scribbles": scribbles(2 if smoke else 200),
    }


def single_digits(
    images: NDArray[np.uint8], count: int, generator: np.random.Generator
) -> Pictures:
    """Return pictures of one digit each, dark on light."""
    indices = generator.choice(len(images), count, replace=False)
    return [np.pad(255 - images[i], 8, constant_values=255) for i in indices]


def printed_characters(characters: str = CHARACTERS) -> Pictures:
    """Return pictures of letters and symbols in several typefaces."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    pictures = []
    for typeface in TYPEFACES:
        font = ImageFont.truetype(folder / f"{typeface}.ttf", 72)
        for character in characters:
            picture = Image.new("L", (150, 150), 255)
            ImageDraw.Draw(picture).text((40, 30), character, fill=0, font=font)
            pictures.append(np.asarray(picture))
    return pictures


def distorted_letters(count: int) -> Pictures:
    """Return pictures of letters unlike any digit, distorted as handwriting is."""
    generator = np.random.default_rng(2)
    characters = generator.choice(list(LETTERS), count).tolist()
    typefaces = generator.choice(TYPEFACES, count).tolist()
    return [
        on_white_paper(distort(draw_character(character, typeface, generator), generator))
        for character, typeface in zip(characters, typefaces, strict=True)
    ]


def scribbles(count: int) -> Pictures:
    """Return pictures of one scribble each."""
    generator = np.random.default_rng(3)
    return [on_white_paper(hatching(generator)) for _ in range(count)]


def on_white_paper(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return black ink on white paper with a margin."""
    return np.pad(np.uint8(255 * (1 - ink)), 20, constant_values=255)


def blots(count: int) -> Pictures:
    """Return pictures of one round blot with an uneven edge each."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:120, :120] - 60.0
    pictures = []
    for _ in range(count):
        noise = cv2.GaussianBlur(
            generator.standard_normal((120, 120)), (0, 0), generator.uniform(4, 9)
        )
        edge = 30 + 60 * noise / noise.std() / 6
        pictures.append(np.where(np.hypot(rows, columns) < edge, 0, 255).astype(np.uint8))
    return pictures


def draw_character(character: str, typeface: str, generator: np.random.Generator) -> Ink:
    """Draw a character of a typeface, with strokes of random width."""
    picture = Image.new("L", (SIZE, SIZE))
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


def distort(ink: Ink, generator: np.random.Generator, *, strength: float = 1.0) -> Ink:
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


def _draw_strokes(lines: Sequence[NDArray[Any]], generator: np.random.Generator) -> Ink:
    canvas, pen = np.zeros((SIZE, SIZE), np.uint8), int(generator.integers(2, 12))
    for line in lines:
        # Coordinates with four fractional bits.
        points = np.rint(16 * line).astype(np.int32)[:, np.newaxis]
        cv2.polylines(canvas, [points], False, 255, pen, cv2.LINE_AA, 4)
    return canvas.astype(np.float32) / 255


def hatching(generator: np.random.Generator) -> Ink:
    """Draw parallel strokes with one stroke across."""
    count = generator.integers(3, 8)
    top_x = np.linspace(16, SIZE - 16, count)
    slant = generator.uniform(-20, 20)
    strokes = [np.array([[x, 20.0], [x + slant, SIZE - 20.0]]) for x in top_x]
    crossing = np.array([[8.0, generator.uniform(30, 80)], [SIZE - 8.0, generator.uniform(30, 80)]])
    return _draw_strokes(
        [stroke + generator.uniform(-4, 4, (2, 2)) for stroke in [*strokes, crossing]], generator
    )
