"""Components: extraction, digit crops, and which of them may be merged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn.ocr import components
from mnistcnn.ocr.components import (
    Component,
    drop_hairlines,
    extract_components,
    horizontal_overlap,
    median_digit_height,
    merge,
    merge_candidates,
)
from tests.helpers.drawing import draw_strokes, ink_map_of

INDICES = np.arange(28)


def rectangles(*boxes, shape):
    """Return an ink map with full ink in each (left, top, right, bottom)."""
    strength = np.zeros(shape, np.float32)
    for left, top, right, bottom in boxes:
        strength[top:bottom, left:right] = 1
    return ink_map_of(strength)


def draw_seven(size, width, x=0.6):
    """Return a seven of `size` pixels, drawn with a pen of that width."""
    stroke = [(width, width), (width + x * size, width), (width + 0.3 * size, width + size)]
    coverage = draw_strokes((size + 2 * width, size + 2 * width), stroke, width=width)
    return coverage[np.ix_(coverage.any(axis=1), coverage.any(axis=0))]


def test_size_and_box():
    component = Component(3, 4, np.zeros((10, 20), np.float32))
    assert (component.width, component.height, component.box) == (20, 10, (3, 4, 23, 14))


def test_components_are_cropped_without_the_ink_of_others():
    """One lies in the corner of another; the soft edges of each belong to it."""
    strength = np.zeros((40, 40), np.float32)
    strength[5:35, 5:9] = strength[31:35, 5:35] = 1
    strength[8:20, 20:30] = 0.8
    strength[8:20, 30] = 0.3
    outer, inner = extract_components(ink_map_of(strength), 30)
    assert (outer.box, inner.box) == ((5, 5, 35, 35), (20, 8, 30, 20))
    assert not outer.strength[3:15, 15:25].any()
    np.testing.assert_allclose(inner.strength, 1)
    assert (outer.labels, inner.labels) == ((1,), (2,))
    edge = np.zeros((20, 20), np.float32)
    edge[5:15, 5:15] = 1
    edge[5, 5:15] = 0.4
    (component,) = extract_components(ink_map_of(np.pad(edge, 2)), 10)
    assert component.box == (7, 8, 17, 17)


def test_specks_of_dirt_are_no_components():
    ink_map = rectangles((10, 10, 30, 60), (50, 10, 54, 13), (60, 10, 68, 18), shape=(80, 80))
    assert [component.box for component in extract_components(ink_map, 50)] == [
        (10, 10, 30, 60),
        (60, 10, 68, 18),
    ]
    assert len(extract_components(ink_map, 20)) == 3
    assert extract_components(rectangles(shape=(9, 9)), 0.0) == []


def test_only_the_largest_of_very_many_components_are_extracted(monkeypatch):
    sizes = [5, 9, 5, 7, 6, 8]
    boxes = [(20 * i, 4, 20 * i + size, 4 + size) for i, size in enumerate(sizes)]
    ink_map = rectangles(*boxes, shape=(30, 140))
    assert [component.box for component in extract_components(ink_map, 8)] == boxes
    monkeypatch.setattr(components, "_MAX_COMPONENTS", 3)
    largest = [boxes[1], boxes[3], boxes[5]]
    assert [component.box for component in extract_components(ink_map, 8)] == largest


def test_median_digit_height_ignores_dirt_lines_and_frames():
    def stats(*components):
        """Rows of width, height and area."""
        rows = [(0, 0, *component) for component in components]
        return np.array([(0, 0, 0, 0, 0), *rows], np.int32)

    digits = [(20, 40, 250)] * 5
    assert median_digit_height(stats()) == 0
    assert median_digit_height(stats((3, 50, 150))) == 50
    assert median_digit_height(stats(*digits)) == 40
    assert median_digit_height(stats(*digits, *[(4, 4, 12)] * 40)) == 40  # dirt
    assert median_digit_height(stats(*digits, (900, 5, 4000))) == 40  # a line
    assert median_digit_height(stats(*digits, (600, 300, 3600))) == 40  # a frame


# The two strokes of a five, and a digit beside it.
STEM, FLAG, NEIGHBOR = (20, 20, 40, 70), (44, 18, 60, 24), (80, 20, 100, 70)


def test_merged_component():
    ink_map = rectangles(STEM, FLAG, NEIGHBOR, shape=(100, 120))
    flag, stem, neighbor = extract_components(ink_map, 50)
    merged = merge(ink_map, stem, flag)
    assert merged.box == (20, 18, 60, 70)
    assert merged.labels == stem.labels + flag.labels
    np.testing.assert_array_equal(merged.strength[2:, :20], stem.strength)
    np.testing.assert_array_equal(merged.strength[:6, 24:], flag.strength)
    assert not merged.strength[6:, 20:].any()
    assert merge(ink_map, merged, neighbor).box == (20, 18, 100, 70)


def candidate_pairs(*boxes, shape):
    return merge_candidates(extract_components(rectangles(*boxes, shape=shape), 50), 50)


def test_merge_candidates_are_near_and_together_no_larger_than_a_digit():
    found = extract_components(rectangles(STEM, FLAG, NEIGHBOR, shape=(100, 120)), 50)
    assert [component.box for component in found] == [FLAG, STEM, NEIGHBOR]
    assert merge_candidates(found, 50) == [(0, 1)]
    assert merge_candidates(found[:1], 50) == []
    too_tall, too_wide, too_far = (20, 72, 40, 100), (42, 20, 90, 70), (20, 80, 40, 85)
    for box in (too_tall, too_wide, too_far):
        assert candidate_pairs(STEM, box, shape=(120, 120)) == []


def test_nearest_merge_candidates_come_first():
    boxes = (10, 10, 20, 50), (26, 10, 30, 50), (32, 10, 38, 50)
    assert candidate_pairs(*boxes, shape=(60, 60)) == [(1, 2), (0, 1)]


@given(st.lists(st.tuples(*[st.integers(0, 90)] * 2, *[st.integers(1, 40)] * 2), max_size=12))
def test_merge_candidates_follow_from_the_boxes(boxes):
    found = [Component(x, y, np.ones((h, w), np.float32)) for x, y, w, h in boxes]
    pairs = merge_candidates(found, 40)
    distances = []
    for i, j in pairs:
        assert i < j
        (l1, t1, r1, b1), (l2, t2, r2, b2) = found[i].box, found[j].box
        assert max(b1, b2) - min(t1, t2) <= 1.4 * 40
        assert max(r1, r2) - min(l1, l2) <= 1.3 * 40
        distances.append(np.hypot(max(l1 - r2, l2 - r1, 0), max(t1 - b2, t2 - b1, 0)))
    assert distances == sorted(distances)
    assert all(distance < 0.16 * 40 for distance in distances)
    assert len(set(pairs)) == len(pairs)


def test_horizontal_overlap():
    def component(left, right):
        return Component(left, 0, np.ones((9, right - left), np.float32))

    assert horizontal_overlap(component(0, 10), component(5, 9)) == 1
    assert horizontal_overlap(component(0, 10), component(8, 12)) == 0.5
    assert horizontal_overlap(component(0, 10), component(10, 12)) == 0
    assert horizontal_overlap(component(0, 10), component(14, 18)) < 0


@pytest.mark.parametrize("pen", [4, 8, 16])
def test_hairlines_are_dropped_and_ones_stay(pen):
    size = 12 * pen
    seven = Component(0, 0, draw_seven(size, pen))
    one = Component(400, 0, np.ones((size, pen), np.float32))
    for width, stays in [(1, False), (pen // 4, False), (pen // 2, True), (pen, True)]:
        streak = Component(500, 0, np.ones((size, width), np.float32))
        expected = [seven, one, *[streak] * stays]
        assert drop_hairlines([seven, one, streak], size) == expected
    horizontal = Component(500, 0, np.ones((1, size), np.float32))
    assert drop_hairlines([seven, horizontal], size) == [seven, horizontal]
    # If all are hairlines, the pen was thin.
    thin = [Component(100 * i, 0, np.ones((size, 1), np.float32)) for i in range(3)]
    assert drop_hairlines(thin, size) == thin
