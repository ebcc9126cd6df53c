"""Handwritten digits, letters and symbols, and printed text, at any size and with any pen."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tools.page_network import stroke_shapes
from tools.page_network.fonts import (
    CAPITAL_HEIGHT,
    Typeface,
    Typefaces,
    capital_share,
    character_image,
    load_font,
)
from tools.page_network.strokes import Coverage, Generator, Pen, Stroke, center_lines
from tools.page_network.writing import Drawing, Style, crop_around, write

__all__ = ["FONT_DIR", "SYMBOLS", "Glyphs", "Pen"]

FONT_DIR = Path(__file__).parent / "node_modules"
"""Where `npm install --prefix tools/page_network` puts the typefaces."""
SYMBOLS = (*stroke_shapes.SYMBOL_NAMES, "blot")
"""The symbols that `Glyphs.symbol` draws."""
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Many letters alone look like digits, which no reader tells apart without the rest of the word:
# most are drawn seldom. x and y are frequent in equations.
_LETTER_WEIGHTS = {
    **dict.fromkeys("IOlos", 0.1),
    **dict.fromkeys("SZzbqg", 0.3),
    **dict.fromkeys("xy", 3.0),
}
_LETTER_POOL = "".join(letter * round(10 * _LETTER_WEIGHTS.get(letter, 1.0)) for letter in LETTERS)
# Frequent in notes beside numbers.
_SYMBOL_WEIGHTS = {
    **dict.fromkeys("+-×=,./:", 4.0),
    **dict.fromkeys("()€$%#?!√✓→÷", 2.0),
    "circle": 2.0,
    "underline": 2.0,
    "strike": 2.0,
    "scribble": 2.0,
    "blot": 2.0,
    # As a digit 1.
    "|": 0.3,
}
# The share of drawings whose outline is kept; the others are drawn along their center lines.
_OUTLINE_SHARE = 0.2
_DIGIT_SOURCES = {"mnist": 0.82, "font": 0.12, "strokes": 0.06}
# The share of MNIST's ones that are drawn from strokes instead, most with a flag or a foot, which
# are rare in MNIST and the rule in much of Europe.
_FLAGGED_SHARE = 0.4


class Glyphs:
    """What is written and printed on a page.

    All methods draw with the generator they are given: an equal state gives an equal drawing.
    Every drawing is coverage by ink, ``float32 (h, w)`` in [0, 1]. A digit is cropped to its ink.
    Everything else is cropped to its width, and its middle row is the middle of the line of
    writing: align the middle row with that of a digit of the same `height`, and a comma lies on the
    baseline and a letter ``g`` reaches below it.

    Parameters
    ----------
    images
        Digits, ``uint8 (n, 28, 28)``, white on black as in MNIST.
    labels
        Their labels, ``(n,)``, 0 to 9.
    font_dir
        The ``node_modules`` folder with the typefaces that ``package.json`` declares. Default:
        the one beside this file. Where it is missing, the typefaces of Matplotlib and OpenCV are
        used.

    Raises
    ------
    ValueError
        If images and labels have unequal lengths or the images another shape.

    Examples
    --------
    >>> import numpy as np
    >>> images, labels = np.zeros((1, 28, 28), np.uint8), np.array([1])
    >>> images[0, 4:24, 13:15] = 255
    >>> glyphs = Glyphs(images, labels)
    >>> ink, label = glyphs.digit(np.random.default_rng(0), 60, Pen(4))
    >>> len(ink), label
    (60, 1)
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.integer],
        font_dir: str | Path | None = None,
    ) -> None:
        if images.ndim != 3 or images.shape[1:] != (28, 28) or len(images) != len(labels):
            raise ValueError(
                "images must have shape (n, 28, 28) and labels shape (n,); "
                f"received shapes {images.shape} and {labels.shape}"
            )
        self.images = images
        self.labels = labels
        self.typefaces = Typefaces(Path(font_dir) if font_dir is not None else FONT_DIR)
        # Thinning takes most of the time, and every digit is drawn many times.
        self._digits: dict[int, Drawing] = {}

    def digit(
        self,
        generator: Generator,
        height: float,
        pen: Pen,
        *,
        label: int | None = None,
        slant: float | None = None,
        defects: float = 0.06,
    ) -> tuple[Coverage, int]:
        """Draw a handwritten digit.

        Parameters
        ----------
        generator
            Source of randomness.
        height
            Height of the drawing in pixels, at least 4.
        pen
            What it is written with. The stroke is at most a third as wide as the digit is high.
        label
            The digit, 0 to 9. Default: drawn at random.
        slant
            Horizontal shift of the top in heights, positive to the right. Default: random.
        defects
            Probability that a stroke starts or ends faintly, has a gap or is from a dry pen.
            Default: 0.06.

        Returns
        -------
        coverage
            ``float32 (h, w)`` in [0, 1], cropped to the ink.
        label
            The digit, 0 to 9.
        """
        outline = generator.random() < _OUTLINE_SHARE
        candidates = self._indices[label]
        source = generator.choice(list(_DIGIT_SOURCES), p=list(_DIGIT_SOURCES.values()))
        index = int(candidates[generator.integers(len(candidates))]) if len(candidates) else None
        if index is not None and self.labels[index] == 1 and generator.random() < _FLAGGED_SHARE:
            source, label = "strokes", 1
        if source == "mnist" and index is not None:
            drawing, label = self._mnist_drawing(index, outline=outline), int(self.labels[index])
            # MNIST has the slants and shapes of 500 writers already.
            slant = 0.1 * generator.standard_normal() if slant is None else slant
            style = Style.random(generator, strength=0.7, slant=slant)
        else:
            label = int(generator.integers(10)) if label is None else label
            faces = self.typefaces.digits if source == "font" else ()
            face = faces[generator.integers(len(faces))] if faces else None
            drawing = _character(face, str(label)) if face else None
            drawing = drawing or Drawing(stroke_shapes.digit(label, generator))
            style = Style.random(generator, slant=slant)
        ink = write(
            drawing, height, pen, style, generator, outline=outline, defects=defects, tight=True
        )
        return ink, label

    def letter(
        self,
        generator: Generator,
        height: float,
        pen: Pen,
        *,
        character: str | None = None,
        face: Typeface | None = None,
        slant: float | None = None,
    ) -> Coverage:
        """Draw a handwritten letter; one in eight is of another alphabet.

        Parameters
        ----------
        generator
            Source of randomness.
        height
            Height of a digit or capital letter in pixels.
        pen
            What it is written with.
        character
            The letter. Default: drawn at random.
        face
            One of ``typefaces.letters``. Default: drawn at random.
        slant
            Horizontal shift of the top in heights. Default: random.

        Returns
        -------
        array
            Coverage, ``float32 (h, w)`` in [0, 1].
        """
        faces: Sequence[Typeface] = [face] if face else self.typefaces.letters
        if face is None and character is None and generator.random() < 0.125:
            mathematics = generator.random() < 0.5
            faces = self.typefaces.mathematics if mathematics else self.typefaces.other_scripts
        for _ in range(20):
            chosen = faces[generator.integers(len(faces))]
            letters = character or chosen.characters or _LETTER_POOL
            drawing = _character(chosen, letters[generator.integers(len(letters))])
            if drawing is not None:
                break
        else:
            raise ValueError(f"character must be one of the typeface; received {character!r}")
        pen = _at_most(pen, height / (9 if chosen.characters else 5))
        outline = generator.random() < _OUTLINE_SHARE
        style = Style.random(generator, slant=slant)
        return write(drawing, height, pen, style, generator, outline=outline)

    def symbol(
        self,
        generator: Generator,
        height: float,
        pen: Pen,
        *,
        name: str | None = None,
        width: float | None = None,
    ) -> Coverage:
        """Draw a symbol.

        Parameters
        ----------
        generator
            Source of randomness.
        height
            Height of a digit on the same line in pixels.
        pen
            What it is drawn with.
        name
            One of `SYMBOLS`. Default: drawn at random.
        width
            Width in pixels of ``"circle"``, ``"underline"``, ``"strike"``, ``"scribble"`` and
            ``"blot"``. Default: drawn at random.

        Returns
        -------
        array
            Coverage, ``float32 (h, w)`` in [0, 1].
        """
        if name is None:
            weights = np.array([_SYMBOL_WEIGHTS.get(each, 1.0) for each in SYMBOLS])
            name = SYMBOLS[generator.choice(len(SYMBOLS), p=weights / weights.sum())]
        if name == "blot":
            return _blot(generator, height, width)
        drawing = None
        if len(name) == 1 and generator.random() < 0.35:
            faces = self.typefaces.letters
            drawing = _character(faces[generator.integers(len(faces))], name)
        if drawing is None:
            strokes = stroke_shapes.symbol(
                name, generator, None if width is None else width / height
            )
            drawing = Drawing(strokes)
        style = Style.random(generator, strength=0.6)
        outline = generator.random() < _OUTLINE_SHARE
        return write(drawing, height, pen, style, generator, outline=outline)

    def word(
        self,
        generator: Generator,
        height: float,
        pen: Pen,
        *,
        text: str | None = None,
        face: Typeface | None = None,
        slant: float | None = None,
    ) -> Coverage:
        """Draw a handwritten word of 2 to 8 letters; one in ten is of another alphabet.

        Parameters
        ----------
        generator
            Source of randomness.
        height
            Height of a digit or capital letter in pixels.
        pen
            What it is written with.
        text
            The word. Default: random letters.
        face
            One of ``typefaces.letters``. Default: drawn at random.
        slant
            Horizontal shift of the top in heights. Default: random.

        Returns
        -------
        array
            Coverage, ``float32 (h, w)`` in [0, 1].
        """
        if face is None:
            other = text is None and generator.random() < 0.1
            faces = self.typefaces.other_scripts if other else self.typefaces.letters
            face = faces[generator.integers(len(faces))]
        text = text or _random_word(generator, face.characters)
        spacing = generator.uniform(-0.06, 0.1)
        strokes: list[Stroke] = []
        x = 0.0
        for character in text:
            drawing = _character(face, character)
            if drawing is None:
                x += 0.4
                continue
            lift = 0.03 * generator.standard_normal()
            strokes += [stroke + np.float32([x, lift]) for stroke in drawing.strokes]
            x += drawing.advance + spacing * float(generator.uniform(0.3, 1))
        style = Style.random(generator, strength=0.5, slant=slant)
        pen = _at_most(pen, height / (9 if face.characters else 6))
        return write(Drawing(strokes), height, pen, style, generator)

    def printed(
        self, generator: Generator, text: str, height: float, *, face: Typeface | None = None
    ) -> Coverage:
        """Typeset a line of text. Printed digits are not handwritten digits.

        Parameters
        ----------
        generator
            Source of randomness.
        text
            The line.
        height
            Height of the capital letters in pixels.
        face
            One of ``typefaces.print``. Default: drawn at random.

        Returns
        -------
        array
            Coverage, ``float32 (h, w)`` in [0, 1].
        """
        if face is None:
            face = self.typefaces.print[generator.integers(len(self.typefaces.print))]
        assert face.path is not None
        font = load_font(face.path, max(4, round(height / capital_share(face.path))))
        left, top, right, bottom = (int(edge) for edge in font.getbbox(text, anchor="ls"))
        picture = Image.new("L", (max(1, right - left + 2), max(1, bottom - top + 2)))
        ImageDraw.Draw(picture).text((1 - left, 1 - top), text, 255, font, anchor="ls")
        coverage = np.asarray(picture, np.float32) / 255
        return crop_around(coverage, 1 - top - height / 2)

    @functools.cached_property
    def _indices(self) -> dict[int | None, NDArray[np.int64]]:
        """The indices of the images of each digit, and of all under `None`."""
        groups = {digit: np.flatnonzero(self.labels == digit) for digit in range(10)}
        return {**groups, None: np.arange(len(self.labels))}

    def _mnist_drawing(self, index: int, *, outline: bool) -> Drawing:
        if index not in self._digits:
            lines = center_lines(_enlarge(self.images[index]))
            # An image without ink becomes a dot.
            points = np.concatenate(lines or [np.full((2, 2), 56, np.float32)])
            top, bottom = float(points[:, 1].min()), float(points[:, 1].max())
            scale = max(bottom - top, 1.0)
            strokes = [((line - [0, top]) / scale).astype(np.float32) for line in lines]
            strokes = strokes or [np.zeros((2, 2), np.float32)]
            self._digits[index] = Drawing(strokes, None, (0.0, -top / scale), scale)
        drawing = self._digits[index]
        if not outline or not self.images[index].any():
            return drawing
        return dataclasses.replace(drawing, image=_enlarge(self.images[index]))


def _at_most(pen: Pen, width: float) -> Pen:
    """Return a pen that leaves small letters legible."""
    return dataclasses.replace(pen, width=max(0.2, min(pen.width, width)))


def _enlarge(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image of 28 × 28 with smooth edges at 112 × 112."""
    large = cv2.resize(image, (112, 112), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.GaussianBlur(large, (0, 0), 1.6))


@functools.cache
def _character(face: Typeface, character: str) -> Drawing | None:
    found = character_image(face, character)
    if found is None:
        return None
    # The widest pen moves the outline outwards by 14 pixels.
    pad = 16
    ink = np.pad(found.ink, pad)
    left, top = (found.left - pad) / CAPITAL_HEIGHT, 1 + (found.top - pad) / CAPITAL_HEIGHT
    strokes = [
        (line / CAPITAL_HEIGHT + [left, top]).astype(np.float32) for line in center_lines(ink)
    ]
    if not strokes:
        return None
    return Drawing(strokes, ink, (left, top), CAPITAL_HEIGHT, found.advance / CAPITAL_HEIGHT)


def _random_word(generator: Generator, characters: str) -> str:
    length = int(generator.integers(2, 9))
    if characters:
        return "".join(
            characters[index] for index in generator.integers(len(characters), size=length)
        )
    # Letters and vowels in turn look more like words than random letters do.
    vowels, others = "aaeeeiioou", "bcdfghjklmnnpqrrsstttvwxyz"
    start = int(generator.integers(2))
    letters = [
        group[generator.integers(len(group))]
        for group in ((vowels, others)[(start + i) % 2] for i in range(length))
    ]
    word = "".join(letters)
    kind = generator.random()
    if kind < 0.15:
        return word.upper()
    return word.capitalize() if kind < 0.4 else word


def _blot(generator: Generator, height: float, width: float | None) -> Coverage:
    """Draw a spot of ink with an uneven outline, sometimes with drops beside it."""
    if width is None:
        width = height * float(np.exp(0.4 * generator.standard_normal()))
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    size = (max(2, round(height * 1.3)), max(2, round(width * 1.3)))
    canvas = np.zeros(size, np.uint8)
    drops = generator.uniform((0.1, 0.1, 0.02), (0.9, 0.9, 0.12), (generator.integers(1, 5), 3))
    drops[0] = 0.5, 0.5, 0.36
    for x, y, radius in drops:
        edge = np.ones_like(angle)
        for frequency in range(2, 8):
            edge += generator.normal(0, 0.22 / frequency) * np.sin(
                frequency * angle + generator.uniform(0, 6)
            )
        outline = np.stack(
            [x + radius * edge * np.cos(angle), y + radius * edge * np.sin(angle)], 1
        )
        outline = np.rint(outline * [16 * size[1], 16 * size[0]]).astype(np.int32)
        cv2.fillPoly(canvas, [outline], 255, cv2.LINE_AA, 4)
    return crop_around(canvas.astype(np.float32) / 255, size[0] / 2)
