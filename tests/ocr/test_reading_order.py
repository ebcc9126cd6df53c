"""Boxes into lines, in the order in which people read."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mnistcnn.ocr.reading_order import group_into_lines

BOX = st.tuples(*[st.integers(0, 500)] * 2, *[st.integers(1, 120)] * 2)


@st.composite
def pages(draw, most_tilt=0.0, mixed=0.0, indent=0.5):
    """Boxes of some lines, line by line, and how many there are in each."""
    height = draw(st.integers(12, 120))
    counts = draw(st.lists(st.integers(2, 9), min_size=1, max_size=5))
    tilt = np.radians(draw(st.floats(-most_tilt, most_tilt)))
    boxes = []
    for line, count in enumerate(counts):
        x = draw(st.floats(0, indent)) * height
        for _ in range(count):
            tall = height * (1 - mixed * draw(st.floats(0, 1)))
            wide = draw(st.floats(0.15, 0.9)) * height
            # On the line, with its feet or, as old figures do, its middle.
            y = 1.75 * height * line + draw(st.sampled_from([0.5, 1])) * (height - tall)
            y += draw(st.floats(-0.06, 0.06)) * height
            boxes.append(turned((x, y, x + wide, y + tall), tilt))
            x += wide + draw(st.floats(0.05, 0.5)) * height
    return boxes, counts


def turned(box, tilt):
    """The box about what is in it, when the page is turned about its corner."""
    left, top, right, bottom = box
    middle = np.array([left + right, top + bottom]) / 2
    x, y = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]) @ middle
    half = np.array([right - left, bottom - top]) / 2
    away = np.abs([[np.cos(tilt), np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]) @ half
    edges = 2000 + np.array([x - away[0], y - away[1], x + away[0], y + away[1]])
    return tuple(np.rint(edges).astype(int).tolist())


def expected(counts):
    ends = np.cumsum([0, *counts])
    return [list(range(first, last)) for first, last in pairwise(ends)]


def assert_in_order(page, random):
    boxes, counts = page
    order = list(range(len(boxes)))
    random.shuffle(order)
    found = group_into_lines([boxes[i] for i in order])
    assert [[order[i] for i in line] for line in found] == expected(counts)


@given(pages(), st.randoms(use_true_random=False))
def test_lines_come_back_in_reading_order_whatever_the_order_of_their_boxes(page, random):
    assert_in_order(page, random)


@given(pages(mixed=0.35), st.randoms(use_true_random=False))
def test_heights_may_differ(page, random):
    assert_in_order(page, random)


@given(pages(most_tilt=10, indent=10), st.randoms(use_true_random=False))
def test_lines_may_run_uphill_or_downhill(page, random):
    assume(max(page[1]) >= 3)
    assert_in_order(page, random)


@settings(max_examples=200)
@given(st.lists(BOX, max_size=30))
def test_every_box_is_in_one_line(places):
    boxes = [(x, y, x + wide, y + tall) for x, y, wide, tall in places]
    lines = group_into_lines(boxes)
    assert sorted(i for line in lines for i in line) == list(range(len(boxes)))
    for line in lines:
        assert line
        lefts = [boxes[i][0] for i in line]
        assert lefts == sorted(lefts)


def test_no_boxes_are_no_lines():
    assert group_into_lines([]) == []


@pytest.mark.parametrize(
    ("boxes", "lines"),
    [
        ([(5, 5, 9, 20)], [[0]]),
        ([(0, 0, 20, 40), (30, 30, 40, 40)], [[0, 1]]),  # a low one on the line
        ([(0, 0, 20, 40), (0, 60, 20, 100)], [[0], [1]]),
        ([(0, 60, 20, 100), (200, 0, 220, 40)], [[1], [0]]),  # far right, but higher
    ],
)
def test_a_few_boxes(boxes, lines):
    assert group_into_lines(boxes) == lines
    assert group_into_lines([tuple(3 * edge + 50 for edge in box) for box in boxes]) == lines


@pytest.mark.parametrize("tilt", [-10, 10])
def test_a_long_line_falls_below_the_next_and_is_read_first(tilt):
    places = [(50 * i, 0) for i in range(24)] + [(50 * i, 75) for i in range(2)]
    boxes = [turned((x, y, x + 30, y + 40), np.radians(tilt)) for x, y in places]
    assert group_into_lines(boxes) == [list(range(24)), [24, 25]]


def test_a_line_may_bend():
    boxes = [(40 * i, 200 - (i - 5) ** 2, 40 * i + 25, 240 - (i - 5) ** 2) for i in range(11)]
    assert group_into_lines(boxes) == [list(range(11))]
