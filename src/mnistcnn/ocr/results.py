"""What was read from a picture: digits in lines, in the order in which people read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mnistcnn.types import Float32Array, UInt8Array
from mnistcnn.utils.public import public

_CLASSES = 4


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class Digit:
    """One digit that was read from a picture.

    Attributes
    ----------
    label : int
        The most probable digit, 0 to 9.
    probability : float
        How probable it is, in [0, 1]: how probable the glyph is a digit at all, times how
        probable this one then is, which is the mean over the glyph and five slight changes
        of it.
    box : tuple of int
        Left, top, right and bottom in pixels from the picture's upper left corner; right
        and bottom are just outside.
    glyph : numpy.ndarray
        ``uint8 (28, 28)``: what the network saw; 0 is paper, 255 full ink.
    probabilities : numpy.ndarray
        ``float32 (10,)``: of all ten digits. What their sum lacks to 1 is how probable it
        is that the glyph is no digit.
    """

    label: int
    probability: float
    box: tuple[int, int, int, int]
    glyph: UInt8Array = field(repr=False)
    probabilities: Float32Array = field(repr=False)


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class Reading:
    """What was read from a picture.

    Attributes
    ----------
    lines : tuple of tuple of ReadDigit
        The digits by line, from top to bottom and from left to right.
    width, height : int
        The size of the picture in pixels, after any rotation that its file asks for.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistcnn import Recognizer
    >>> reading = Recognizer().read(np.full((100, 200), 255, np.uint8))  # a blank page
    >>> reading.text, reading.digits, reading.width
    ('', (), 200)
    """

    lines: tuple[tuple[Digit, ...], ...]
    width: int
    height: int

    @property
    def digits(self) -> tuple[Digit, ...]:
        """All digits in reading order."""
        return tuple(digit for line in self.lines for digit in line)

    @property
    def text(self) -> str:
        """The digits as text, a line of the picture a line."""
        return "\n".join("".join(str(digit.label) for digit in line) for line in self.lines)

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Return text, size and digits with their line (from 1), ready for JSON.

        Glyphs and the probabilities of the other digits are left out.
        """
        return {
            "text": self.text,
            "width": self.width,
            "height": self.height,
            "digits": [
                {
                    "line": number,
                    "label": digit.label,
                    "probability": round(digit.probability, _CLASSES),
                    "box": list(digit.box),
                }
                for number, line in enumerate(self.lines, 1)
                for digit in line
            ],
        }
