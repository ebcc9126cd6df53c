"""A reading whose digits fit a pattern."""

from __future__ import annotations

from dataclasses import replace

from mnistcnn.errors import PatternMismatchError
from mnistcnn.ocr.pattern_matching import CompiledPattern
from mnistcnn.ocr.results import Digit, Reading
from mnistcnn.utils.text import quote


def fit_reading(reading: Reading, pattern: CompiledPattern) -> Reading:
    """Return the most probable reading that fits a pattern.

    Parameters
    ----------
    reading : Reading
        The digits, all lines together, with their labels without the pattern. The result omits
        only digits that are doubtful.
    pattern : CompiledPattern
        What the text must fit.

    Raises
    ------
    PatternMismatchError
        If no reading fits.
    ValueError
        If the pattern leaves open where its punctuation stands.
    """
    digits = reading.digits
    fit = pattern.best_fit(
        [digit.probabilities for digit in digits], [digit.doubtful for digit in digits]
    )
    if fit is None:
        raise PatternMismatchError(
            f"picture must show {pattern.description}; it shows {quote(reading.text)}", reading
        )
    labels = iter(fit.labels)
    lines = []
    omitted = list(reading.omitted)
    for line in reading.lines:
        fitted = []
        for digit in line:
            label = next(labels)
            if label is None:
                omitted.append(digit)
            else:
                fitted.append(_relabel(digit, label))
        if fitted:
            lines.append(tuple(fitted))
    return replace(reading, lines=tuple(lines), omitted=tuple(omitted), fitted_text=fit.text)


def _relabel(digit: Digit, label: int) -> Digit:
    if label == digit.label:
        return digit
    confidence = float(digit.probabilities[label])
    return replace(digit, label=label, confidence=confidence, doubtful=True)
