"""Calibration of the confidence on pictures: how many of the digits read are right.

The text is aligned to the truth with the fewest edits. A digit is right if it is aligned to an
equal handwritten digit. The digits that `Recognizer.read` reports by default are judged in that
text, and the less confident ones in the text that is read with ``min_confidence=0``, where they
stand between the others and may break their lines. As the pictures come without the places of
their digits, a digit found in a blot can be aligned to an equal one that was missed, so where very
many digits are found in texture the fraction of right ones is too high.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mnistcnn
from benchmarks.ocr.alignment import matched_characters
from benchmarks.ocr.picture_set import LabeledPicture
from mnistcnn.evaluation.intervals import wilson_interval
from mnistcnn.ocr.results import DEFAULT_MIN_CONFIDENCE

EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
THRESHOLDS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, kw_only=True)
class RatedDigit:
    """A digit that was read: its confidence, and whether it is right."""

    kind: str
    confidence: float
    right: bool


def rate_digits(reading: mnistcnn.Reading, picture: LabeledPicture) -> list[RatedDigit]:
    """Compare each digit of a reading with the truth."""
    text = reading.text.replace(" ", "")
    matched = matched_characters(text, picture.truth)
    flags = [flag for flag, character in zip(matched, text, strict=True) if character != "\n"]
    return [
        RatedDigit(kind=picture.kind, confidence=digit.confidence, right=flag)
        for digit, flag in zip(reading.digits, flags, strict=True)
    ]


def measure(recognizer: mnistcnn.Recognizer, pictures: Sequence[LabeledPicture]) -> dict[str, Any]:
    """Return the fraction of right digits by confidence, and above each confidence."""
    digits = [digit for picture in pictures for digit in _rate(recognizer, picture)]
    expected = sum(len(picture.truth.replace("\n", "")) for picture in pictures)
    bins = [_bin(digits, low, high) for low, high in itertools.pairwise(EDGES)]
    gaps = (abs(row["right"] - row["digits"] * row["mean_confidence"]) for row in bins)
    return {
        "pictures": len(pictures),
        "true_digits": expected,
        "expected_calibration_error": round(sum(gaps) / max(1, len(digits)), 5),
        "bins": bins,
        "at_least": {f"{least:g}": _summary(digits, least, expected) for least in THRESHOLDS},
    }


def _rate(recognizer: mnistcnn.Recognizer, picture: LabeledPicture) -> list[RatedDigit]:
    """Return the digits that are reported by default, and those that are too doubtful for it."""
    every = rate_digits(recognizer.read(picture.path, min_confidence=0), picture)
    return [
        *rate_digits(recognizer.read(picture.path), picture),
        *(digit for digit in every if digit.confidence < DEFAULT_MIN_CONFIDENCE),
    ]


def _bin(digits: Sequence[RatedDigit], low: float, high: float) -> dict[str, Any]:
    """Describe the digits in a bin; the last one includes its upper edge."""
    group = [
        digit
        for digit in digits
        if low <= digit.confidence and (digit.confidence < high or high == EDGES[-1])
    ]
    mean = sum(digit.confidence for digit in group) / max(1, len(group))
    return {
        "low": low,
        "high": high,
        "digits": len(group),
        "right": sum(digit.right for digit in group),
        "mean_confidence": round(mean, 4),
    }


def _summary(digits: Sequence[RatedDigit], least: float, expected: int) -> dict[str, Any]:
    """Describe the digits whose confidence is at least `least`."""
    group = [digit for digit in digits if digit.confidence >= least]
    right = sum(digit.right for digit in group)
    low, high = wilson_interval(right, len(group)) if group else (0.0, 1.0)
    return {
        "digits": len(group),
        "right": right,
        "precision": round(right / len(group), 5) if group else None,
        "precision_ci": [round(low, 5), round(high, 5)],
        "recall": round(right / expected, 5) if expected else None,
        "wrong_by_kind": dict(Counter(digit.kind for digit in group if not digit.right)),
    }
