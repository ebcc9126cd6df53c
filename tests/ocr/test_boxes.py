"""Boxes overlap as their pixels do, and turn as the image does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn.ocr.boxes import cover, intersection_over_union, intersections, turn_back

SIDE = 12
EDGE_PAIRS = st.lists(st.integers(0, SIDE), min_size=2, max_size=2, unique=True).map(sorted)
BOXES = st.tuples(EDGE_PAIRS, EDGE_PAIRS).map(lambda xy: (xy[0][0], xy[1][0], xy[0][1], xy[1][1]))


def pixels(box):
    left, top, right, bottom = box
    mask = np.zeros((SIDE, SIDE), bool)
    mask[top:bottom, left:right] = True
    return mask


@given(st.lists(BOXES, max_size=4), st.lists(BOXES, max_size=4))
def test_areas_are_numbers_of_pixels(first, second):
    shared, areas, other_areas = intersections(first, second)
    ratios = intersection_over_union(first, second)
    assert shared.shape == ratios.shape == (len(first), len(second))
    np.testing.assert_array_equal(areas, [pixels(box).sum() for box in first])
    np.testing.assert_array_equal(other_areas, [pixels(box).sum() for box in second])
    for i, box in enumerate(first):
        for j, other in enumerate(second):
            both = (pixels(box) & pixels(other)).sum()
            assert shared[i, j] == both
            assert ratios[i, j] == pytest.approx(both / (pixels(box) | pixels(other)).sum())


@given(st.lists(BOXES, max_size=4), BOXES)
def test_boxes_cover_another_one_from_three_tenths_of_the_smaller_one(boxes, other):
    both = [(pixels(box) & pixels(other)).sum() for box in boxes]
    smaller = [min(pixels(box).sum(), pixels(other).sum()) for box in boxes]
    expected = [shared > 0.3 * area for shared, area in zip(both, smaller, strict=True)]
    assert cover(boxes, other).tolist() == expected
    assert [cover([other], box).item() for box in boxes] == expected


@pytest.mark.parametrize("turns", range(4))
def test_boxes_are_turned_back(turns):
    image = np.random.default_rng(0).random((40, 60))
    left, top, right, bottom = turn_back((2, 4, 9, 16), turns, image.shape)
    expected = np.rot90(image, turns)[4:16, 2:9]
    np.testing.assert_array_equal(np.rot90(image[top:bottom, left:right], turns), expected)
