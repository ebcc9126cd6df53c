"""Text, JSON and representation of a reading."""

import dataclasses
import json
import re

import numpy as np
import pytest

from mnistcnn import Digit, Reading
from mnistcnn.ocr.results import check_mark, select_digits
from tests.helpers.readings import make_digit, make_reading


def digit(label, left):
    return Digit(
        label=label,
        confidence=0.123456 + label / 20,
        box=(left, 2, left + 5, 9),
        image=np.zeros((28, 28), np.uint8),
        probabilities=np.full(10, 0.1, np.float32),
    )


ONE, TWO, THREE = digit(1, 0), digit(2, 10), digit(3, 20)
READING = Reading(lines=((ONE, TWO), (THREE,)), width=40, height=20)


def test_text_and_digits_are_in_reading_order():
    assert READING.text == str(READING) == "12\n3"
    assert READING.digits == (ONE, TWO, THREE)
    empty = Reading(lines=(), width=3, height=2)
    assert (empty.text, empty.digits, empty.words, str(empty)) == ("", (), (), "")


def test_text_has_a_blank_between_words():
    reading = make_reading("17 06\n2024")
    assert reading.text == "17 06\n2024"
    assert [len(word) for word in reading.words] == [2, 2, 4]
    assert sum(reading.words, ()) == reading.digits


def test_text_has_a_mark_for_each_doubtful_digit():
    doubtful = dataclasses.replace(TWO, doubtful=True)
    reading = dataclasses.replace(READING, lines=((ONE, doubtful), (THREE,)))
    assert reading.text == "1?\n3"
    assert dataclasses.replace(reading, doubtful_mark="_").text == "1_\n3"


def test_probability_that_all_digits_are_right_and_none_is_omitted():
    assert Reading(lines=(), width=3, height=2).probability == 1
    digits = make_digit(1, 0.9), make_digit(2, 0.8)
    reading = Reading(lines=(digits[:1], digits[1:]), width=40, height=20)
    assert reading.probability == pytest.approx(0.72)
    doubtful = make_digit(3, 0.5, others={5: 0.25}, doubtful=True)
    less = dataclasses.replace(reading, omitted=(doubtful,))
    assert less.probability == pytest.approx(0.72 / 4)
    # Rounding may take the sum of the probabilities above 1.
    certain = make_digit(3, 0.7, others={5: 0.3000001})
    assert dataclasses.replace(reading, omitted=(certain,)).probability == 0


def test_alternatives_are_the_most_probable_digits():
    digit = make_digit(7, 0.5, others={1: 0.25, 9: 0.125})
    assert digit.alternatives() == ((7, 0.5), (1, 0.25), (9, 0.125))
    assert digit.alternatives(1) == ((7, 0.5),)
    assert [label for label, _ in digit.alternatives(99)] == [7, 1, 9, 0, 2, 3, 4, 5, 6, 8]
    with pytest.raises(ValueError, match="^k must be at least 1; received 0$"):
        digit.alternatives(0)
    with pytest.raises(TypeError, match="^k must be an integer; received 1.5$"):
        digit.alternatives(1.5)


def test_to_dict_is_json():
    doubtful = dataclasses.replace(THREE, doubtful=True)
    reading = dataclasses.replace(READING, omitted=(doubtful,))
    assert json.loads(json.dumps(reading.to_dict())) == {
        "page": 1,
        "text": "12\n3",
        "probability": 0.0,
        "width": 40,
        "height": 20,
        "rotation": 0,
        "digits": [
            {"line": 1, "label": 1, "confidence": 0.1735, "box": [0, 2, 5, 9], "doubtful": False},
            {"line": 1, "label": 2, "confidence": 0.2235, "box": [10, 2, 15, 9], "doubtful": False},
            {"line": 2, "label": 3, "confidence": 0.2735, "box": [20, 2, 25, 9], "doubtful": False},
        ],
        "omitted": [{"label": 3, "confidence": 0.2735, "box": [20, 2, 25, 9], "doubtful": True}],
        "signs": [],
    }


MARK_RULE = "doubtful must be one character other than a digit, '.', ',', '-' or a blank"


@pytest.mark.parametrize("mark", ["?", "_", "x", "*", "é"])
def test_marks(mark):
    assert check_mark(mark) == mark


@pytest.mark.parametrize("mark", ["", "??", "7", ".", ",", "-", " ", "\n", "\x1b", "²", 7, None])
def test_other_marks_are_rejected(mark):
    error = ValueError if isinstance(mark, str) else TypeError
    with pytest.raises(error, match=f"^{re.escape(MARK_RULE)}; received {re.escape(repr(mark))}$"):
        check_mark(mark)


def test_repr_of_a_digit_omits_its_arrays():
    assert repr(ONE) == "Digit(label=1, confidence=0.173456, box=(0, 2, 5, 9), doubtful=False)"


@pytest.mark.parametrize("result", [ONE, READING])
def test_results_are_immutable(result):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(result, dataclasses.fields(result)[0].name, None)


CONFIDENT, UNCLEAR = make_digit(1, 0.9), make_digit(2, 0.5, others={7: 0.4})
FAINT, SPOT = make_digit(3, 0.125), make_digit(4, 0.0625)
ALL = [SPOT, CONFIDENT, UNCLEAR, FAINT]


@pytest.mark.parametrize(
    ("threshold", "selected", "doubtful"),
    [
        (0.0, ALL, []),
        (0.0625, ALL, []),
        (0.125, [CONFIDENT, UNCLEAR, FAINT], []),
        (0.5, [CONFIDENT, UNCLEAR], [FAINT]),
        (0.75, [CONFIDENT], [UNCLEAR, FAINT]),
        (0.95, [], [CONFIDENT, UNCLEAR, FAINT]),
    ],
)
def test_doubtful_digits_are_selected_or_omitted_and_what_is_no_digit_is_dropped(
    threshold, selected, doubtful
):
    result = select_digits(ALL, min_confidence=threshold, keep_doubtful=False)
    assert result == (selected, doubtful)
    kept, omitted = select_digits(ALL, min_confidence=threshold, keep_doubtful=True)
    assert omitted == []
    assert kept == [digit for digit in ALL if digit in [*selected, *doubtful]]


def test_no_digits_are_selected_of_none():
    assert select_digits([], min_confidence=0.5, keep_doubtful=True) == ([], [])
