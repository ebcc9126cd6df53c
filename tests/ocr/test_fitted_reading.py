"""Readings are fitted to patterns."""

import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn import PatternMismatchError, Reading
from mnistcnn.ocr.fitted_reading import fit_reading
from mnistcnn.ocr.pattern_matching import compile_pattern
from tests.helpers.readings import digit_of, make_digit, make_reading


def read(*lines):
    return Reading(lines=lines, width=300, height=200)


def test_the_text_fits_and_has_punctuation_but_no_blanks():
    reading = make_reading("17 06\n2024")
    fitted = fit_reading(reading, compile_pattern(r"\d\d\.\d\d\.\d{4}"))
    assert fitted.text == str(fitted) == "17.06.2024"
    assert fitted.digits == reading.digits
    assert fitted.lines == reading.lines
    assert fitted.probability == pytest.approx(0.9**8, rel=1e-5)
    assert fitted.to_dict()["text"] == "17.06.2024"


def test_a_digit_takes_the_label_that_fits():
    seven = make_digit(7, 0.6, box=(5, 0, 9, 9), others={1: 0.3})
    fitted = fit_reading(read((seven, make_digit(5))), compile_pattern("[1-4]5"))
    one = fitted.digits[0]
    assert (one.label, one.box, one.doubtful) == (1, (5, 0, 9, 9), True)
    assert one.confidence == pytest.approx(0.3)
    assert one.alternatives(1) == ((7, pytest.approx(0.6)),)
    assert fitted.probability == pytest.approx(0.3 * 0.9)
    assert not fitted.digits[1].doubtful


def test_a_doubtful_digit_that_does_not_fit_is_omitted():
    spot = make_digit(1, 0.3, doubtful=True)
    reading = read((spot,), (make_digit(4), make_digit(8)))
    fitted = fit_reading(reading, compile_pattern(2))
    assert fitted.text == "48"
    assert fitted.lines == reading.lines[1:]
    assert fitted.omitted == (spot,)
    assert fitted.probability == pytest.approx(0.9 * 0.9 * 0.7)
    # It is part of the number if that is what fits.
    assert fit_reading(reading, compile_pattern(3)).text == "148"


def test_no_reading_that_fits_is_an_error_with_the_reading():
    reading = read((make_digit(4), make_digit(8, 0.4, doubtful=True)), (make_digit(2),))
    message = r"picture must show a number of 5 digits; it shows '4?\n2'"
    with pytest.raises(PatternMismatchError, match=f"^{re.escape(message)}$") as caught:
        fit_reading(reading, compile_pattern(5))
    assert caught.value.reading is reading
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == message
    assert copy.reading.text == reading.text
    assert PatternMismatchError("unknown").reading is None


def test_no_digits():
    assert fit_reading(read(), compile_pattern(r"\d*")).text == ""
    with pytest.raises(
        PatternMismatchError, match="^picture must show a number of 1 digit; it shows ''$"
    ):
        fit_reading(read(), compile_pattern(1))


def isbn10(text):
    """ISO 2108, without the check digit X."""
    return len(text) == 10 and sum(i * int(digit) for i, digit in enumerate(text, 1)) % 11 == 0


def test_a_checksum_corrects_a_digit():
    digits = [make_digit(int(label), 0.95) for label in "3540199802"]
    digits[4] = make_digit(7, 0.55, others={1: 0.4})
    assert not isbn10("3540799802")
    fitted = fit_reading(read(digits), compile_pattern(isbn10))
    assert fitted.text == "3540199802"
    with pytest.raises(
        PatternMismatchError,
        match="^picture must show a number that isbn10 accepts; it shows '3540'$",
    ):
        fit_reading(read(digits[:4]), compile_pattern(isbn10))


@st.composite
def marks(draw):
    """Digits with any probabilities, some of them doubtful."""
    threshold = draw(st.sampled_from([0.0, 0.5, 0.8]))
    digits = []
    for _ in range(draw(st.integers(0, 5))):
        weights = np.array(draw(st.lists(st.floats(0, 1), min_size=10, max_size=10))) ** 4
        weights[draw(st.integers(0, 9))] += draw(st.sampled_from([0.01, 1, 20]))
        is_digit = draw(st.floats(0.1, 1))
        digits.append(digit_of(is_digit * weights / weights.sum(), threshold=threshold))
    return digits


def without_pattern(digits):
    """Return the reading without a pattern or a mark for doubtful digits."""
    confident = tuple(digit for digit in digits if not digit.doubtful)
    doubtful = tuple(digit for digit in digits if digit.doubtful)
    return Reading(lines=(confident,) if confident else (), width=300, height=200, omitted=doubtful)


@given(marks(), st.sampled_from([r"\d{3}", r"\d*", r"[1-9]\d{,2}", "[02468]+"]))
def test_the_text_always_fits_and_a_text_that_fits_is_never_lost(digits, expression):
    plain = without_pattern(digits)
    try:
        fitted = fit_reading(read(tuple(digits)), compile_pattern(expression))
    except PatternMismatchError:
        assert not re.fullmatch(expression, plain.text)
        return
    assert re.fullmatch(expression, fitted.text)
    assert len(fitted.digits) + len(fitted.omitted) == len(digits)
    assert all(digit.doubtful for digit in fitted.omitted)
    if re.fullmatch(expression, plain.text) and all(
        digit.confidence < 1 - digit.probabilities.sum() - 1e-6 for digit in plain.omitted
    ):
        assert fitted.text == plain.text


@given(marks(), st.booleans())
def test_a_number_without_some_of_its_digits_has_a_low_probability(digits, with_pattern):
    reading = without_pattern(digits)
    if with_pattern:
        reading = fit_reading(read(tuple(digits)), compile_pattern(r"\d*"))
    for digit in reading.omitted:
        is_digit = float(digit.probabilities.sum())
        assert is_digit >= 0.1 - 1e-6
        assert reading.probability <= 1 - is_digit + 1e-6


def test_a_pattern_reads_more_numbers_right():
    """The truth is drawn with the probabilities of the reader, as if it were calibrated."""
    generator = np.random.default_rng(0)
    right = dict.fromkeys(["without", "with"], 0)
    for _ in range(500):
        rows = generator.beta(20, 0.5, (6, 1)) * generator.dirichlet([0.03] * 10, 6)
        truth = [generator.choice(11, p=[*row, 1 - row.sum()]) for row in rows]
        number = "".join(str(label) for label in truth if label < 10)
        digits = tuple(digit_of(row, threshold=0.5) for row in rows)
        right["without"] += without_pattern(digits).text == number
        try:
            fitted = fit_reading(read(digits), compile_pattern(max(len(number), 1)))
        except PatternMismatchError:
            continue
        right["with"] += fitted.text == number
    assert right["with"] > 1.05 * right["without"] > 100
