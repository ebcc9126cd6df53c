"""Pictures of single digits and of what is not a digit, to measure confidence."""

from __future__ import annotations

from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

import mnistcnn
from tools.pretrained import synthetic_nondigits

Pictures = list[NDArray[np.uint8]]

CHARACTERS = "ABCDEFGHJKMNPQRTUVWXYabdefhkmnprtwxy&#@%?"


def confidence_pictures(
    digits: NDArray[np.uint8], count: int = 1_000, *, smoke: bool = False
) -> dict[str, Pictures]:
    """Return pictures by kind; the rejector was not trained on these typefaces and scribbles."""
    generator = np.random.default_rng(1)
    sklearn_digits = np.concatenate([part.images for part in mnistcnn.load_data("digits")])
    distinct = "".join(c for c in CHARACTERS if c not in synthetic_nondigits.LOOKALIKES)
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
    for typeface in synthetic_nondigits.TYPEFACES["test"]:
        font = ImageFont.truetype(folder / f"{typeface}.ttf", 72)
        for character in characters:
            picture = Image.new("L", (150, 150), 255)
            ImageDraw.Draw(picture).text((40, 30), character, fill=0, font=font)
            pictures.append(np.asarray(picture))
    return pictures


def distorted_letters(count: int) -> Pictures:
    """Return pictures of letters unlike any digit, distorted as handwriting is."""
    generator = np.random.default_rng(2)
    characters = generator.choice(list(synthetic_nondigits.LETTERS), count).tolist()
    typefaces = generator.choice(synthetic_nondigits.TYPEFACES["test"], count).tolist()
    return [
        on_white_paper(synthetic_nondigits.draw_handwritten(character, typeface, generator))
        for character, typeface in zip(characters, typefaces, strict=True)
    ]


def scribbles(count: int) -> Pictures:
    """Return pictures of one scribble each."""
    generator = np.random.default_rng(3)
    (draw_scribble,) = synthetic_nondigits.SCRIBBLES["test"].values()
    return [on_white_paper(draw_scribble(generator)) for _ in range(count)]


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
