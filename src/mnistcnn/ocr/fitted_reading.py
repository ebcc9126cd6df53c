"""A reading whose digits fit a pattern."""

from __future__ import annotations

import itertools
from dataclasses import replace

from mnistcnn.errors import PatternMismatchError
from mnistcnn.ocr.pattern_matching import CompiledPattern, FoundSign
from mnistcnn.ocr.results import Digit, Reading, Sign
from mnistcnn.utils.text import quote


def fit_reading(reading: Reading, pattern: CompiledPattern, *, has_signs: bool = False) -> Reading:
    """Return the most probable reading that fits a pattern.

    Parameters
    ----------
    reading : Reading
        The digits, all lines together, with their labels without the pattern. The result omits
        only digits that are doubtful.
    pattern : CompiledPattern
        What the text must fit.
    has_signs : bool, default False
        Whether signs were looked for. The text then has those that were found where the pattern
        allows it.

    Raises
    ------
    PatternMismatchError
        If no reading fits.
    ValueError
        If the pattern leaves open where its punctuation stands.
    """
    digits = reading.digits
    starts = [0, *itertools.accumulate(map(len, reading.lines))]
    signs = [
        FoundSign(starts[sign.line] + sign.position, sign.label, sign.confidence)
        for sign in reading.signs
    ]
    fit = pattern.best_fit(
        [digit.probabilities for digit in digits],
        [digit.doubtful for digit in digits],
        signs if has_signs else None,
    )
    if fit is None:
        raise PatternMismatchError(
            f"picture must show {pattern.description}; it shows {quote(reading.text)}", reading
        )
    labels = iter(fit.labels)
    lines: list[tuple[Digit, ...]] = []
    omitted = list(reading.omitted)
    fitted_signs: list[Sign] = []
    for number, line in enumerate(reading.lines):
        fitted: list[Digit] = []
        kept_before = [0]
        for digit in line:
            label = next(labels)
            if label is None:
                omitted.append(digit)
            else:
                fitted.append(_relabel(digit, label))
            kept_before.append(len(fitted))
        if fitted:
            for sign, mark in zip(reading.signs, fit.signs, strict=True):
                if sign.line == number:
                    position = kept_before[sign.position]
                    moved = replace(sign, line=len(lines), position=position)
                    fitted_signs.append(_fit_sign(moved, mark))
            lines.append(tuple(fitted))
    return replace(
        reading,
        lines=tuple(lines),
        omitted=tuple(omitted),
        fitted_text=fit.text,
        signs=tuple(fitted_signs),
    )


def _fit_sign(sign: Sign, label: str | None) -> Sign:
    if label is None:
        return replace(sign, omitted=True)
    if label == sign.label:
        return sign
    return replace(sign, label=label, confidence=1 - sign.confidence)


def _relabel(digit: Digit, label: int) -> Digit:
    if label == digit.label:
        return digit
    confidence = float(digit.probabilities[label])
    return replace(digit, label=label, confidence=confidence, doubtful=True)
