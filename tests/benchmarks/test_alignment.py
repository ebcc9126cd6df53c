"""Texts are aligned with the fewest edits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.ocr.alignment import edit_distance, matched_characters


@pytest.mark.parametrize(
    ("text", "expected", "distance"),
    [
        ("", "", 0),
        ("123", "123", 0),
        ("", "123", 3),
        ("123", "", 3),
        ("123", "132", 2),
        ("1234", "124", 1),
        ("124", "1234", 1),
        ("124", "134", 1),
        ("12\n34", "1234", 1),
        ("kitten", "sitting", 3),
        ("3210", "0123", 4),
        ("5550", "0555", 2),
    ],
)
def test_edit_distance(text, expected, distance):
    assert edit_distance(text, expected) == distance


SHORT = st.text("01\n", max_size=7)


@given(SHORT, SHORT, SHORT)
def test_edit_distance_is_a_metric(a, b, c):
    distance = edit_distance(a, b)
    assert (distance == 0) is (a == b)
    assert distance == edit_distance(b, a)
    assert abs(len(a) - len(b)) <= distance <= max(len(a), len(b))
    assert distance <= edit_distance(a, c) + edit_distance(c, b)


@pytest.mark.parametrize(
    ("text", "expected", "matched"),
    [
        ("", "12", ""),
        ("12", "", "00"),
        ("123", "123", "111"),
        ("193", "123", "101"),
        ("1923", "123", "1011"),
        ("13", "123", "11"),
        ("11111", "1", "00001"),
        ("2\n2", "22", "101"),
        ("21", "12", "10"),  # a deletion and an insertion, not two substitutions
    ],
)
def test_matched_characters(text, expected, matched):
    assert matched_characters(text, expected) == [flag == "1" for flag in matched]


@given(SHORT, SHORT)
def test_alignment_has_the_fewest_edits(text, expected):
    matched = matched_characters(text, expected)
    equal = [character for character, flag in zip(text, matched, strict=True) if flag]
    rest = iter(expected)
    assert all(character in rest for character in equal)  # in the same order
    edits = max(len(text), len(expected)) - len(equal)
    assert edits <= edit_distance(text, expected) <= len(text) + len(expected) - 2 * len(equal)
