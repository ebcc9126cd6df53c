"""Text, JSON and representation of a reading."""

import dataclasses
import json

import numpy as np
import pytest

from mnistcnn import Digit, Reading


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
    assert (empty.text, empty.digits, str(empty)) == ("", (), "")


def test_to_dict_is_json():
    assert json.loads(json.dumps(READING.to_dict())) == {
        "text": "12\n3",
        "width": 40,
        "height": 20,
        "digits": [
            {"line": 1, "label": 1, "confidence": 0.1735, "box": [0, 2, 5, 9]},
            {"line": 1, "label": 2, "confidence": 0.2235, "box": [10, 2, 15, 9]},
            {"line": 2, "label": 3, "confidence": 0.2735, "box": [20, 2, 25, 9]},
        ],
    }


def test_repr_of_a_digit_omits_its_arrays():
    assert repr(ONE) == "Digit(label=1, confidence=0.173456, box=(0, 2, 5, 9))"


@pytest.mark.parametrize("result", [ONE, READING])
def test_results_are_immutable(result):
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(result, dataclasses.fields(result)[0].name, None)
