"""From a person's picture to a reading: find ink, find parts, ask the network, put in order."""

from __future__ import annotations

from mnistcnn.ocr.binarization import binarize, drop_enclosing
from mnistcnn.ocr.classification import Candidate, PredictProba, classify
from mnistcnn.ocr.components import drop_hairlines, extract_components, median_digit_height
from mnistcnn.ocr.grouping import merge_strokes
from mnistcnn.ocr.image_io import ImageLike, read_image
from mnistcnn.ocr.line_removal import remove_lines
from mnistcnn.ocr.reading_order import group_into_lines
from mnistcnn.ocr.rejection import DigitScorer, apply_rejection
from mnistcnn.ocr.results import Digit, Reading
from mnistcnn.ocr.splitting import split_touching

# In typical heights: lower than these is a stroke of a digit, and no digit at all.
_STROKE, _LOWEST = 0.6, 0.3


def read_page(
    picture: ImageLike,
    recognise: PredictProba,
    *,
    min_confidence: float,
    is_digit: DigitScorer | None = None,
) -> Reading:
    """Read the digits of a picture.

    Parameters
    ----------
    picture
        What `open_picture` takes.
    recognise : callable
        Gives ``float32 (n, 10)`` for ``uint8 (n, 28, 28)``.
    min_confidence : float
        Digits of less probability are left out.
    is_digit : callable, optional
        Gives for ``uint8 (n, 28, 28)`` how probable it is that each is a digit at all and, if
        it was cut, that it is one or two that touch, ``float32 (n, 2)``. ``None``: all are.
    """
    opened = read_image(picture)
    ink = remove_lines(drop_enclosing(binarize(opened.brightness)))
    typical = median_digit_height(ink.stats)
    candidates = classify(drop_hairlines(extract_components(ink, typical), typical), recognise)
    candidates = merge_strokes(candidates, ink, typical, recognise)
    whole = [one for one in candidates if one.part.height >= _LOWEST * typical]
    digits = split_touching(whole, typical, recognise)
    if is_digit is not None:
        digits = apply_rejection(digits, is_digit)
    digits = [digit for digit in digits if digit.sure >= min_confidence]
    # A picture of very many pixels was made smaller to work on.
    scale = opened.height / len(opened.brightness)
    lines = group_into_lines([digit.part.box for digit in digits])
    return Reading(
        lines=tuple(tuple(_to_digit(digits[i], scale) for i in line) for line in lines),
        width=opened.width,
        height=opened.height,
    )


def _to_digit(candidate: Candidate, scale: float) -> Digit:
    label = int(candidate.answer.argmax())
    left, top, right, bottom = (round(scale * edge) for edge in candidate.part.box)
    return Digit(
        label=label,
        confidence=candidate.sure,
        box=(left, top, right, bottom),
        image=candidate.glyph,
        probabilities=candidate.answer,
    )
