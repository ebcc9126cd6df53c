"""Results of reading a page: digits with boxes, in lines, in reading order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from mnistcnn.ocr.reading_html import reading_html
from mnistcnn.ocr.word_gaps import find_words
from mnistcnn.public import public
from mnistcnn.types import Float32Array, UInt8Array
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import check_int

# Left, top, right and bottom in pixels; right and bottom are exclusive.
Box: TypeAlias = tuple[int, int, int, int]

DEFAULT_MARK = "?"
# What `Recognizer.read` can find beside digits.
SIGNS = ".,-"
# The confidence below which digits are omitted by default.
DEFAULT_MIN_CONFIDENCE = 0.4
# With a lower probability of being a digit at all, something is no digit rather than a doubtful
# one.
_MIN_DIGIT_PROBABILITY = 0.1
_CONFIDENCE_DECIMALS = 4
_MAX_REPR_CHARS = 60


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class Digit:
    """One digit of a `Reading`.

    Attributes
    ----------
    label : int
        The most probable digit, 0 to 9; with a pattern, the digit that fits.
    confidence : float
        Probability that there is a handwritten digit and that it is `label`, in [0, 1],
        estimated by logistic regression from the outputs of both networks.
    box : tuple of int
        Left, top, right and bottom in pixels from the upper left corner of the image; right and
        bottom are exclusive.
    image : numpy.ndarray
        ``uint8 (28, 28)``: the digit crop in MNIST format, the input of the network; 0 is
        background, 255 full ink.
    probabilities : numpy.ndarray
        ``float32 (10,)``: probability of each digit. One minus their sum is the probability
        that the crop is not a digit.
    doubtful : bool, default False
        Whether the confidence is lower than the ``min_confidence`` of `Recognizer.read`.
        Doubtful digits are in a reading with a pattern, or with a mark for them.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistcnn import Digit
    >>> probabilities = np.zeros(10, np.float32)
    >>> probabilities[[1, 7]] = 0.75, 0.125
    >>> crop = np.zeros((28, 28), np.uint8)
    >>> digit = Digit(
    ...     label=1, confidence=0.75, box=(0, 0, 9, 20), image=crop, probabilities=probabilities
    ... )
    >>> digit.alternatives(2)
    ((1, 0.75), (7, 0.125))
    """

    label: int
    confidence: float
    box: Box
    image: UInt8Array = field(repr=False)
    probabilities: Float32Array = field(repr=False)
    doubtful: bool = False

    def alternatives(self, k: int = 3) -> tuple[tuple[int, float], ...]:
        """Return the `k` most probable digits with their probabilities, the most probable first.

        Parameters
        ----------
        k : int, default 3
            Number of digits, at least 1; all ten if it is greater.

        Raises
        ------
        TypeError, ValueError
            If `k` is not such an integer.
        """
        order = np.argsort(-self.probabilities, kind="stable")[: check_int("k", k, minimum=1)]
        return tuple((int(label), float(self.probabilities[label])) for label in order)


@public
@dataclass(frozen=True, kw_only=True)
class Sign:
    """A decimal point, a comma or a minus sign of a `Reading`.

    Attributes
    ----------
    label : {".", ",", "-"}
        Which sign.
    confidence : float
        How well shape and place are those of this sign, in [0, 1].
    box : tuple of int
        Left, top, right and bottom in pixels, as of a `Digit`.
    line : int
        Index of its line in `Reading.lines`.
    position : int
        Number of digits of the line before it.
    omitted : bool, default False
        Whether the text omits it, because it does not fit the pattern.

    Examples
    --------
    >>> from mnistcnn import Sign
    >>> Sign(label=".", confidence=0.9, box=(20, 16, 24, 20), line=0, position=1).label
    '.'
    """

    label: str
    confidence: float
    box: Box
    line: int
    position: int
    omitted: bool = False


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
    rotation : int, default 0
        Degrees clockwise by which the text is turned in the image: 0, 90, 180 or 270. Boxes
        refer to the image as it is, lines and their order to the upright text.
    omitted : tuple of Digit, default ()
        Digits that the text omits: with a pattern, doubtful digits that do not fit; otherwise,
        digits with a lower confidence than ``min_confidence``.
    doubtful_mark : str, default "?"
        The character that stands for a doubtful digit in the text.
    fitted_text : str, optional
        The text that fits the pattern; None for a reading without a pattern.
    page : int, default 1
        Number of the page in its TIFF file or PDF document.
    signs : tuple of Sign, default ()
        The decimal points, commas and minus signs that were found, if ``signs`` asked for them.

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
    rotation: int = 0
    omitted: tuple[Digit, ...] = ()
    doubtful_mark: str = DEFAULT_MARK
    fitted_text: str | None = None
    page: int = 1
    signs: tuple[Sign, ...] = ()

    @property
    def digits(self) -> tuple[Digit, ...]:
        """All digits in reading order."""
        return tuple(digit for line in self.lines for digit in line)

    @property
    def words(self) -> tuple[tuple[Digit, ...], ...]:
        """The digits by word, in reading order.

        A word ends with its line, and at a gap that is wider than 0.7 times the height of the
        digits plus twice the usual gap of the line. A sign in a gap divides it in two.
        """
        words = (word for line in self._words_by_line() for word in line)
        digits = (tuple(one for one in word if isinstance(one, Digit)) for word in words)
        return tuple(word for word in digits if word)

    @property
    def text(self) -> str:
        """The digits as text.

        One line per line of the page, with the signs, a blank between two words and a mark for each
        doubtful digit. With a pattern, the text that fits it, which has neither blanks nor marks.
        """
        if self.fitted_text is not None:
            return self.fitted_text
        return "\n".join(
            " ".join("".join(map(self._character, word)) for word in line)
            for line in self._words_by_line()
        )

    @property
    def probability(self) -> float:
        """Probability that each digit is right, and that none of the omitted ones is a digit.

        The product of the confidences of the digits, and of the probabilities that an omitted
        digit is none; the same for signs that were found, but not for those that were not. Text
        without digits has probability 1.
        """
        is_right = [digit.confidence for digit in self.digits]
        is_none = [max(0.0, 1 - float(digit.probabilities.sum())) for digit in self.omitted]
        signs = [1 - sign.confidence if sign.omitted else sign.confidence for sign in self.signs]
        return math.prod([*is_right, *is_none, *signs], start=1.0)

    def __repr__(self) -> str:
        return (
            f"Reading(text={quote(self.text, limit=_MAX_REPR_CHARS)}, "
            f"digits={len(self.digits)}, probability={self.probability:.2f})"
        )

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def _repr_html_(self) -> str:
        return reading_html(
            self.text, probability=self.probability, lines=self.lines, omitted=self.omitted
        )

    def to_dict(self) -> dict[str, Any]:
        """Return page, text, probability, size, rotation, digits and signs, ready for JSON.

        Each digit and sign has its line, from 1. Omits the digit crops and the probabilities of
        other labels.
        """
        return {
            "page": self.page,
            "text": self.text,
            "probability": round(self.probability, _CONFIDENCE_DECIMALS),
            "width": self.width,
            "height": self.height,
            "rotation": self.rotation,
            "digits": [
                {"line": number, **_digit_to_dict(digit)}
                for number, line in enumerate(self.lines, 1)
                for digit in line
            ],
            "omitted": [_digit_to_dict(digit) for digit in self.omitted],
            "signs": [_sign_to_dict(sign) for sign in self.signs],
        }

    def _words_by_line(self) -> list[list[tuple[Digit | Sign, ...]]]:
        lines = [self._with_signs(number, line) for number, line in enumerate(self.lines)]
        boxes = [[box for _, box in line] for line in lines]
        return [
            [tuple(one for one, _ in line[word]) for word in words]
            for line, words in zip(lines, find_words(boxes, self.rotation), strict=True)
        ]

    def _with_signs(self, number: int, digits: tuple[Digit, ...]) -> list[tuple[Digit | Sign, Box]]:
        """Return the digits and signs of a line in reading order, with boxes of equal height."""
        result: list[tuple[Digit | Sign, Box]] = [(digit, digit.box) for digit in digits]
        signs = [sign for sign in self.signs if sign.line == number and not sign.omitted]
        for sign in reversed(signs):  # the later ones first, so that positions stay right
            (left, top, right, bottom), near = sign.box, digits[max(0, sign.position - 1)].box
            if self.rotation % 180:
                box = near[0], top, near[2], bottom
            else:
                box = left, near[1], right, near[3]
            result.insert(sign.position, (sign, box))
        return result

    def _character(self, one: Digit | Sign) -> str:
        is_doubtful = isinstance(one, Digit) and one.doubtful
        return self.doubtful_mark if is_doubtful else str(one.label)


class Classified(Protocol):
    """What a reading is made of."""

    @property
    def confidence(self) -> float:
        """Probability of the most probable digit."""

    @property
    def probabilities(self) -> Float32Array:
        """``(10,)``: probability of each digit."""


_Digit = TypeVar("_Digit", bound=Classified)


def select_digits(
    digits: Sequence[_Digit], *, min_confidence: float, keep_doubtful: bool
) -> tuple[list[_Digit], list[_Digit]]:
    """Return the digits of a reading, and those that it omits.

    Parameters
    ----------
    digits : sequence
        What the pipeline found.
    min_confidence : float
        Digits with a lower confidence are doubtful.
    keep_doubtful : bool
        Whether the reading has the doubtful digits.
    """
    selected: list[_Digit] = []
    omitted: list[_Digit] = []
    for digit in digits:
        if digit.confidence >= min_confidence:
            selected.append(digit)
        elif digit.probabilities.sum() >= _MIN_DIGIT_PROBABILITY:
            (selected if keep_doubtful else omitted).append(digit)
    return selected, omitted


def check_mark(doubtful: str) -> str:
    """Return a character that can mark a doubtful digit in a text."""
    rule = "doubtful must be one character other than a digit, '.', ',', '-' or a blank"
    if not isinstance(doubtful, str):
        raise TypeError(f"{rule}; received {quote(doubtful)}")
    if len(doubtful) != 1 or doubtful.isspace() or not doubtful.isprintable():
        raise ValueError(f"{rule}; received {quote(doubtful)}")
    if doubtful.isdigit() or doubtful in ".,-":
        raise ValueError(f"{rule}; received {quote(doubtful)}")
    return doubtful


def check_signs(signs: str) -> str:
    """Return the signs to look for, in the order of `SIGNS`."""
    rule = f"signs must be characters among {', '.join(map(repr, SIGNS))}, such as '.-'"
    if not isinstance(signs, str):
        raise TypeError(f"{rule}; received {quote(signs)}")
    if not signs or not set(signs) <= set(SIGNS):
        raise ValueError(f"{rule}; received {quote(signs)}")
    return "".join(sign for sign in SIGNS if sign in signs)


def _sign_to_dict(sign: Sign) -> dict[str, Any]:
    return {
        "line": sign.line + 1,
        "label": sign.label,
        "confidence": round(sign.confidence, _CONFIDENCE_DECIMALS),
        "box": list(sign.box),
        "position": sign.position,
        "omitted": sign.omitted,
    }


def _digit_to_dict(digit: Digit) -> dict[str, Any]:
    return {
        "label": digit.label,
        "confidence": round(digit.confidence, _CONFIDENCE_DECIMALS),
        "box": list(digit.box),
        "doubtful": digit.doubtful,
    }
