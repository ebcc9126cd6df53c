"""Numbers on synthetic forms: with a pattern they are read better, and none becomes shorter unnoticed."""

import re
from dataclasses import dataclass, field

import numpy as np
import pytest

from benchmarks.ocr.synthetic_pages import upscale_digit
from mnistcnn import PatternMismatchError, Reading

pytestmark = pytest.mark.slow

COUNT = 25  # forms of each kind
MIN_CONFIDENCE = 0.8
# Probability below which a reading says that it may be wrong.
UNCERTAIN = 0.5
DATE = r"[0-3]\d\.[01]\d\.20\d\d"


def checksum(text):
    """Accept numbers of seven digits whose weighted sum is a multiple of ten, as in bar codes."""
    weighted = [int(digit) * (3, 1)[place % 2] for place, digit in enumerate(text)]
    return len(text) == 7 and sum(weighted) % 10 == 0


def draw_number(kind, random):
    """Return the digits of a number, the text that its pattern gives, and the pattern."""
    if kind == "length":
        number = "".join(map(str, random.integers(0, 10, random.integers(3, 9))))
        return number, number, len(number)
    if kind == "date":
        day, month, year = (random.integers(1, last + 1) for last in (31, 12, 99))
        return f"{day:02}{month:02}20{year:02}", f"{day:02}.{month:02}.20{year:02}", DATE
    while not checksum(number := "".join(map(str, random.integers(0, 10, 7)))):
        pass
    return number, number, checksum


def draw_form(number, digits, random):
    """Return a line of handwritten digits: with a pale or strong pen, noise and uneven light."""
    images, labels = digits
    height = random.uniform(26, 48)
    inks = [upscale_digit(random.choice(images[labels == int(digit)]), height) for digit in number]
    gap = round(random.uniform(0.25, 0.5) * height)
    size = max(len(ink) for ink in inks) + round(1.6 * height)
    form = np.zeros((size, gap + round(1.6 * height)), np.float32)
    for ink in inks:
        cell = np.zeros((size, ink.shape[1] + gap), np.float32)
        top = (size - len(ink)) // 2
        cell[top : top + len(ink), gap:] = ink
        form = np.hstack([form, cell])
    form = np.hstack([form, np.zeros((size, round(1.6 * height)), np.float32)])
    paper = np.linspace(1, random.uniform(0.6, 1), form.shape[1], dtype=np.float32)
    page = paper * (1 - random.uniform(0.35, 1) * form)
    page += random.uniform(0, 0.08) * random.normal(size=form.shape).astype(np.float32)
    return np.uint8(np.clip(np.round(255 * page), 0, 255))


@dataclass(frozen=True)
class Form:
    """What was read on a form; without a reading that fits, `fitted` is None."""

    number: str
    expected: str
    pattern: int | str | object
    plain: Reading = field(repr=False)
    marked: Reading = field(repr=False)
    fitted: Reading | None = field(repr=False)


@pytest.fixture(scope="module")
def forms(digits, recognizer):
    result = []
    for kind in ("length", "date", "checksum"):
        for seed in range(COUNT):
            random = np.random.default_rng([len(result), seed])
            number, expected, pattern = draw_number(kind, random)
            page = draw_form(number, digits.test, random)
            plain = recognizer.read(page, min_confidence=MIN_CONFIDENCE)
            marked = recognizer.read(page, min_confidence=MIN_CONFIDENCE, doubtful="?")
            try:
                fitted = recognizer.read(page, min_confidence=MIN_CONFIDENCE, pattern=pattern)
            except PatternMismatchError:
                fitted = None
            result.append(Form(number, expected, pattern, plain, marked, fitted))
    return result


def fits(text, pattern):
    if callable(pattern):
        return pattern(text)
    return bool(re.fullmatch(pattern if isinstance(pattern, str) else rf"\d{{{pattern}}}", text))


def digits_of(reading):
    return reading.text.replace(" ", "").replace("\n", "")


def test_the_reading_with_a_pattern_always_fits(forms):
    assert all(fits(form.fitted.text, form.pattern) for form in forms if form.fitted)


def test_the_exact_number_is_read_more_often_with_a_pattern(forms):
    """And never lost: where it is read without a pattern, it is read with one."""
    without = [digits_of(form.plain) == form.number for form in forms]
    with_pattern = [bool(form.fitted) and form.fitted.text == form.expected for form in forms]
    lost = [
        form for form, *right in zip(forms, without, with_pattern, strict=True) if right == [1, 0]
    ]
    assert lost == []
    assert sum(with_pattern) > sum(without) > 0.3 * len(forms)


def test_a_shorter_number_is_reported(forms):
    """By a mark, by the digits that are listed as omitted, or by a low probability."""
    shorter = [form for form in forms if len(digits_of(form.plain)) < len(form.number)]
    assert len(shorter) > 3
    for form in shorter:
        assert form.plain.omitted or form.plain.probability < UNCERTAIN, form
    for form in forms:
        text = digits_of(form.marked)
        is_longer = len(text) >= len(form.number)
        assert is_longer or "?" in text or form.marked.probability < UNCERTAIN, (form, text)
