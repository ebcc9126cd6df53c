"""Results of reading a page: digits with boxes, in lines, in reading order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mnistcnn.public import public
from mnistcnn.types import Float32Array, UInt8Array

_CONFIDENCE_DECIMALS = 4


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class Digit:
    """One digit of a `Reading`.

    Attributes
    ----------
    label : int
        The most probable digit, 0 to 9.
    confidence : float
        Probability of the label, in [0, 1]: the probability that the crop shows a digit at all,
        times the probability of this digit given that it does, averaged over six augmented
        views of the crop.
    box : tuple of int
        Left, top, right and bottom in pixels from the upper left corner of the image; right and
        bottom are exclusive.
    image : numpy.ndarray
        ``uint8 (28, 28)``: the digit crop in MNIST format, the input of the network; 0 is
        background, 255 full ink.
    probabilities : numpy.ndarray
        ``float32 (10,)``: probability of each digit. One minus their sum is the probability
        that the crop is not a digit.
    """

    label: int
    confidence: float
    box: tuple[int, int, int, int]
    image: UInt8Array = field(repr=False)
    probabilities: Float32Array = field(repr=False)


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class Reading:
    """The digits of a page, as `Recognizer.read` returns them.

    Attributes
    ----------
    lines : tuple of tuple of Digit
        The digits by line, from top to bottom and from left to right.
    width, height : int
        Size of the image in pixels, after the rotation in its EXIF data.

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
        """The digits as text, with one line per line of the page."""
        return "\n".join("".join(str(digit.label) for digit in line) for line in self.lines)

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """Return the text, the size and the digits with their line (from 1), ready for JSON.

        Omits the digit crops and the probabilities of the other digits.
        """
        return {
            "text": self.text,
            "width": self.width,
            "height": self.height,
            "digits": [
                {
                    "line": number,
                    "label": digit.label,
                    "confidence": round(digit.confidence, _CONFIDENCE_DECIMALS),
                    "box": list(digit.box),
                }
                for number, line in enumerate(self.lines, 1)
                for digit in line
            ],
        }
