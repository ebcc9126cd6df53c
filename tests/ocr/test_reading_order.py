"""Boxes are grouped into lines in reading order."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mnistcnn.ocr.reading_order import group_into_lines

BOX = st.tuples(*[st.integers(0, 500)] * 2, *[st.integers(1, 120)] * 2)


@st.composite
def pages(draw, max_tilt=0.0, height_variation=0.0, indent=0.5):
    """Boxes, line by line, and the number of boxes in each line."""
    height = draw(st.integers(12, 120))
    counts = draw(st.lists(st.integers(2, 9), min_size=1, max_size=5))
    tilt = np.radians(draw(st.floats(-max_tilt, max_tilt)))
    boxes = []
    for line, count in enumerate(counts):
        x = draw(st.floats(0, indent)) * height
        for _ in range(count):
            box_height = height * (1 - height_variation * draw(st.floats(0, 1)))
            box_width = draw(st.floats(0.15, 0.9)) * height
            # Aligned at the bottom or, as old-style figures are, at the center.
            y = 1.75 * height * line + draw(st.sampled_from([0.5, 1])) * (height - box_height)
            y += draw(st.floats(-0.06, 0.06)) * height
            boxes.append(rotate((x, y, x + box_width, y + box_height), tilt))
            x += box_width + draw(st.floats(0.05, 0.5)) * height
    return boxes, counts


def rotate(box, tilt):
    """Return the bounding box of a box on a page that is rotated about its corner."""
    left, top, right, bottom = box
    center = np.array([left + right, top + bottom]) / 2
    x, y = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]) @ center
    half = np.array([right - left, bottom - top]) / 2
    extent = np.abs([[np.cos(tilt), np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]) @ half
    edges = 2000 + np.array([x - extent[0], y - extent[1], x + extent[0], y + extent[1]])
    return tuple(np.rint(edges).astype(int).tolist())


def expected_lines(counts):
    ends = np.cumsum([0, *counts])
    return [list(range(first, last)) for first, last in pairwise(ends)]


def assert_reading_order(page, random):
    boxes, counts = page
    order = list(range(len(boxes)))
    random.shuffle(order)
    lines = group_into_lines([boxes[i] for i in order])
    assert [[order[i] for i in line] for line in lines] == expected_lines(counts)


@settings(max_examples=60)
@given(pages(), st.randoms(use_true_random=False))
def test_reading_order_does_not_depend_on_the_order_of_the_boxes(page, random):
    assert_reading_order(page, random)


@settings(max_examples=60)
@given(pages(height_variation=0.35), st.randoms(use_true_random=False))
def test_boxes_of_different_heights(page, random):
    assert_reading_order(page, random)


@settings(max_examples=60)
@given(pages(max_tilt=10, indent=10), st.randoms(use_true_random=False))
def test_tilted_lines(page, random):
    assume(max(page[1]) >= 3)
    assert_reading_order(page, random)


@settings(max_examples=100)
@given(st.lists(BOX, max_size=30))
def test_every_box_is_in_exactly_one_line(places):
    boxes = [(x, y, x + width, y + height) for x, y, width, height in places]
    lines = group_into_lines(boxes)
    assert sorted(i for line in lines for i in line) == list(range(len(boxes)))
    for line in lines:
        assert line
        lefts = [boxes[i][0] for i in line]
        assert lefts == sorted(lefts)


def test_no_boxes():
    assert group_into_lines([]) == []


@pytest.mark.parametrize(
    ("boxes", "lines"),
    [
        ([(5, 5, 9, 20)], [[0]]),
        ([(0, 0, 20, 40), (30, 30, 40, 40)], [[0, 1]]),  # a small box at the bottom of the line
        ([(0, 0, 20, 40), (0, 60, 20, 100)], [[0], [1]]),
        ([(0, 60, 20, 100), (200, 0, 220, 40)], [[1], [0]]),  # far to the right, but higher
    ],
)
def test_few_boxes(boxes, lines):
    assert group_into_lines(boxes) == lines
    assert group_into_lines([tuple(3 * edge + 50 for edge in box) for box in boxes]) == lines


@pytest.mark.parametrize("tilt", [-10, 10])
def test_tilted_line_that_ends_below_the_next_one(tilt):
    corners = [(50 * i, 0) for i in range(24)] + [(50 * i, 75) for i in range(2)]
    boxes = [rotate((x, y, x + 30, y + 40), np.radians(tilt)) for x, y in corners]
    assert group_into_lines(boxes) == [list(range(24)), [24, 25]]


def test_curved_line():
    """Each box overlaps with the last ones of the line, but not with its mean."""
    tops = [200 - (i - 10) ** 2 // 2 for i in range(21)]
    boxes = [(40 * i, top, 40 * i + 25, top + 40) for i, top in enumerate(tops)]
    assert group_into_lines(boxes) == [list(range(21))]


def test_an_exponent_does_not_tilt_a_short_line():
    """Neighbors are the first two boxes, and the second with the small, high third one."""
    boxes = [
        (331, 312, 437, 429), (639, 302, 727, 430), (891, 274, 964, 340),
        (1233, 286, 1310, 414), (1712, 289, 1777, 419),
    ]  # fmt: skip
    assert group_into_lines(boxes) == [[0, 1, 2, 3, 4]]
