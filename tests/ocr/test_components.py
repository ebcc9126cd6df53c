"""Parts of the ink: their glyphs, which belong together, and where they may be cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn.ocr import components
from mnistcnn.ocr.binarization import connected_components
from mnistcnn.ocr.components import (
    Component,
    drop_hairlines,
    extract_components,
    horizontal_overlap,
    merge,
    merge_candidates,
)
from mnistcnn.ocr.components import stroke_width as width_of
from mnistcnn.ocr.segmentation import cut_paths, slice_between
from tests.helpers.drawing import draw_strokes

PLACES = np.arange(28)


def ink_of(strength):
    strength = np.asarray(strength, np.float32)
    return connected_components(strength, (strength > 0.5).astype(np.uint8))


def squares(*boxes, shape):
    """Full ink in each (left, top, right, bottom)."""
    strength = np.zeros(shape, np.float32)
    for left, top, right, bottom in boxes:
        strength[top:bottom, left:right] = 1
    return ink_of(strength)


def seven(size, width, x=0.6):
    """A seven of that many pixels, drawn with a pen of that width."""
    at = [(width, width), (width + x * size, width), (width + 0.3 * size, width + size)]
    cover = draw_strokes((size + 2 * width, size + 2 * width), at, width=width)
    return cover[np.ix_(cover.any(axis=1), cover.any(axis=0))]


def sides(glyph):
    return np.flatnonzero(glyph.any(axis=1)).size, np.flatnonzero(glyph.any(axis=0)).size


def centre(glyph):
    return glyph.sum(axis=1) @ PLACES / glyph.sum(), glyph.sum(axis=0) @ PLACES / glyph.sum()


def width_in(glyph):
    """How wide strokes are in a glyph, in its own pixels."""
    return width_of(np.kron(glyph / 255, np.ones((4, 4))).astype(np.float32)) / 4


@given(st.integers(10, 300), st.floats(0.02, 0.25), st.floats(0.3, 2.5))
def test_a_glyph_is_laid_out_as_mnist_is(size, pen, x):
    glyph = Component(5, 7, seven(size, max(1, round(pen * size)), x)).digit_crop()
    assert glyph.dtype == np.uint8
    assert glyph.shape == (28, 28)
    assert max(sides(glyph)) == 20
    np.testing.assert_allclose(centre(glyph), 14, atol=1)


@given(st.integers(10, 200), st.integers(1, 400))
def test_proportions_are_kept(tall, wide):
    glyph = Component(0, 0, np.ones((tall, wide), np.float32)).digit_crop()
    expected = 20 * np.array([tall, wide]) / max(tall, wide)
    # Strokes that are too thin are widened.
    np.testing.assert_allclose(sides(glyph), np.maximum(expected, 2), atol=1.5)


@pytest.mark.parametrize("size", [40, 100, 300, 600])
@pytest.mark.parametrize("pen", [1, 2, 5])
def test_a_thin_pen_gives_strokes_as_mnist_has_them(size, pen):
    """Of MNIST's, 98 in 100 have strokes of 1.3 to 4.8 pixels."""
    glyph = Component(0, 0, seven(size, pen)).digit_crop()
    assert 1 < width_in(glyph) < 3
    assert glyph.max() > 200


@pytest.mark.parametrize("share", [0.1, 0.15, 0.2])
def test_the_strokes_of_a_pen_that_is_not_thin_keep_their_width(share):
    large = seven(200, round(200 * share))
    expected = 20 * width_of(large) / max(large.shape)
    assert expected == pytest.approx(20 * share / (1 + share), rel=0.2)
    assert width_in(Component(0, 0, large).digit_crop()) == pytest.approx(expected, abs=0.5)


def test_the_width_of_strokes_is_measured_in_pixels():
    for width in (3, 6, 20):
        bar = np.zeros((200, 60), np.float32)
        bar[:, 20 : 20 + width] = 1
        assert width_of(bar) == pytest.approx(width, abs=0.8)
    assert width_of(np.zeros((5, 5), np.float32)) == 0


def test_grey_levels_are_kept():
    strength = np.ones((100, 40), np.float32)
    strength[:50] = 0.5
    glyph = Component(0, 0, strength).digit_crop()
    assert set(glyph[np.flatnonzero(glyph.any(axis=1))[2:8], 14].tolist()) == {128}
    assert glyph[20, 14] == 255


def test_where_a_part_is():
    part = Component(3, 4, np.zeros((10, 20), np.float32))
    assert (part.width, part.height, part.box) == (20, 10, (3, 4, 23, 14))


def test_parts_are_cropped_without_the_ink_of_others():
    """One lies in the crook of another; the soft edges of each are its own."""
    strength = np.zeros((40, 40), np.float32)
    strength[5:35, 5:9] = strength[31:35, 5:35] = 1
    strength[8:20, 20:30] = 0.8
    strength[8:20, 30] = 0.3
    crook, inner = extract_components(ink_of(strength), 30)
    assert (crook.box, inner.box) == ((5, 5, 35, 35), (20, 8, 30, 20))
    assert not crook.strength[3:15, 15:25].any()
    np.testing.assert_allclose(inner.strength, 1)
    assert (crook.labels, inner.labels) == ((1,), (2,))
    edge = np.zeros((20, 20), np.float32)
    edge[5:15, 5:15] = 1
    edge[5, 5:15] = 0.4
    (part,) = extract_components(ink_of(np.pad(edge, 2)), 10)
    assert part.box == (7, 8, 17, 17)


def test_dirt_is_no_part():
    ink = squares((10, 10, 30, 60), (50, 10, 54, 13), (60, 10, 68, 18), shape=(80, 80))
    assert [part.box for part in extract_components(ink, 50)] == [
        (10, 10, 30, 60),
        (60, 10, 68, 18),
    ]
    assert len(extract_components(ink, 20)) == 3
    assert extract_components(squares(shape=(9, 9)), 0.0) == []


def test_of_very_many_parts_the_largest_are_kept(monkeypatch):
    sizes = [5, 9, 5, 7, 6, 8]
    boxes = [(20 * i, 4, 20 * i + size, 4 + size) for i, size in enumerate(sizes)]
    ink = squares(*boxes, shape=(30, 140))
    assert [part.box for part in extract_components(ink, 8)] == boxes
    monkeypatch.setattr(components, "_MAX_COMPONENTS", 3)
    assert [part.box for part in extract_components(ink, 8)] == [boxes[1], boxes[3], boxes[5]]


# The two strokes of a five, and a digit beside it.
STEM, FLAG, NEXT = (20, 20, 40, 70), (44, 18, 60, 24), (80, 20, 100, 70)


def test_two_parts_as_one():
    ink = squares(STEM, FLAG, NEXT, shape=(100, 120))
    flag, stem, beside = extract_components(ink, 50)
    both = merge(ink, stem, flag)
    assert both.box == (20, 18, 60, 70)
    assert both.labels == stem.labels + flag.labels
    np.testing.assert_array_equal(both.strength[2:, :20], stem.strength)
    np.testing.assert_array_equal(both.strength[:6, 24:], flag.strength)
    assert not both.strength[6:, 20:].any()
    assert merge(ink, both, beside).box == (20, 18, 100, 70)


def test_neighbours_are_near_and_no_larger_together_than_a_digit():
    parts = extract_components(squares(STEM, FLAG, NEXT, shape=(100, 120)), 50)
    assert [parts[i].box for i in range(3)] == [FLAG, STEM, NEXT]
    assert merge_candidates(parts, 50) == [(0, 1)]
    assert merge_candidates(parts[:1], 50) == []
    # Together too tall, too wide, or too far.
    for other in ((20, 72, 40, 100), (42, 20, 90, 70), (20, 80, 40, 85)):
        assert (
            merge_candidates(extract_components(squares(STEM, other, shape=(120, 120)), 50), 50)
            == []
        )


def test_the_nearest_neighbours_come_first():
    ink = squares((10, 10, 20, 50), (26, 10, 30, 50), (32, 10, 38, 50), shape=(60, 60))
    assert merge_candidates(extract_components(ink, 50), 50) == [(1, 2), (0, 1)]


@given(st.lists(st.tuples(*[st.integers(0, 90)] * 2, *[st.integers(1, 40)] * 2), max_size=12))
def test_neighbours_are_as_their_boxes_say(boxes):
    parts = [Component(x, y, np.ones((h, w), np.float32)) for x, y, w, h in boxes]
    pairs = merge_candidates(parts, 40)
    gaps = []
    for i, j in pairs:
        assert i < j
        (l1, t1, r1, b1), (l2, t2, r2, b2) = parts[i].box, parts[j].box
        assert max(b1, b2) - min(t1, t2) <= 1.4 * 40
        assert max(r1, r2) - min(l1, l2) <= 1.3 * 40
        gaps.append(np.hypot(max(l1 - r2, l2 - r1, 0), max(t1 - b2, t2 - b1, 0)))
    assert gaps == sorted(gaps)
    assert all(gap < 0.16 * 40 for gap in gaps)
    assert len(set(pairs)) == len(pairs)


def test_the_share_of_a_part_over_another():
    def part(left, right):
        return Component(left, 0, np.ones((9, right - left), np.float32))

    assert horizontal_overlap(part(0, 10), part(5, 9)) == 1
    assert horizontal_overlap(part(0, 10), part(8, 12)) == 0.5
    assert horizontal_overlap(part(0, 10), part(10, 12)) == 0
    assert horizontal_overlap(part(0, 10), part(14, 18)) < 0


def touching(gap_at, slant=0):
    """Two rings side by side that a thin bridge connects; where the bridge is, by row."""
    strength = np.zeros((60, 90), np.float32)
    rows = np.arange(60)
    middle = gap_at + np.rint(slant * (rows - 30)).astype(int)
    for row, x in zip(rows, middle, strict=True):
        strength[row, : x - 2] = strength[row, x + 3 :] = 1
    strength[10:50, 8 : gap_at - 14] = strength[10:50, gap_at + 14 : 82] = 0
    strength[28:32, gap_at - 6 : gap_at + 7] = 1
    return Component(100, 200, strength), middle


@pytest.mark.parametrize("gap_at", [35, 45, 52])
@pytest.mark.parametrize("slant", [0, 0.15, -0.15])
def test_a_seam_finds_the_gap_between_touching_digits(gap_at, slant):
    part, middle = touching(gap_at, slant)
    crossed = [part.strength[np.arange(60), seam].sum() for seam in cut_paths(part)]
    seam = cut_paths(part)[int(np.argmin(crossed))]
    assert min(crossed) <= 6  # the bridge alone
    assert np.abs(seam - middle).max() <= 6


@given(st.integers(1, 80), st.integers(1, 120), st.integers(0, 9))
def test_seams_run_from_top_to_bottom_and_from_left_to_right(tall, wide, seed):
    strength = np.random.default_rng(seed).random((tall, wide)).astype(np.float32)
    found = cut_paths(Component(0, 0, strength))
    assert len(found) <= 12
    for seam in found:
        assert seam.shape == (tall,)
        assert seam.min() >= 0
        assert seam.max() < wide
        assert np.abs(np.diff(seam)).max(initial=0) <= 1
    starts = [seam.mean() for seam in found]
    assert starts == sorted(starts)


def test_a_seam_through_paper_is_straight():
    (first, *_) = cut_paths(Component(0, 0, np.zeros((50, 50), np.float32)))
    assert np.ptp(first) <= 1


def test_what_lies_between_two_cuts():
    part, middle = touching(45)
    left, right = slice_between(part, None, middle), slice_between(part, middle, None)
    assert left.box == (100, 200, 145, 260)
    assert right.box == (145, 200, 190, 260)
    # All ink is in one or the other, and none in both.
    whole = np.zeros_like(part.strength)
    whole[:, :45] += left.strength
    whole[:, 45:] += right.strength
    np.testing.assert_array_equal(whole, part.strength)
    assert slice_between(part, None, None).box == part.box
    assert slice_between(part, middle, middle) is None
    blank = Component(0, 0, np.zeros((20, 30), np.float32))
    assert slice_between(blank, None, None) is None


def test_what_a_cut_leaves_of_a_neighbour_is_lost():
    strength = np.zeros((40, 60), np.float32)
    strength[5:35, 10:18] = 1
    strength[:4, 40:44] = 1  # a crumb, and too far up and right to be part of the box
    strength[10:15, 8:10] = 0.4  # a soft edge stays
    part = slice_between(Component(0, 0, strength), None, None)
    assert part.box == (10, 5, 18, 35)
    strength[:12, 40:46] = 1  # large enough to be a stroke
    assert slice_between(Component(0, 0, strength), None, None).box == (10, 0, 46, 35)


@pytest.mark.parametrize("pen", [4, 8, 16])
def test_a_streak_beside_digits_is_left_out_and_a_one_stays(pen):
    """Of another pen than the rest: less than 0.4 of its width."""
    size = 12 * pen
    digit, one = (
        Component(0, 0, seven(size, pen)),
        Component(400, 0, np.ones((size, pen), np.float32)),
    )
    for width, stays in [(1, False), (pen // 4, False), (pen // 2, True), (pen, True)]:
        streak = Component(500, 0, np.ones((size, width), np.float32))
        kept = drop_hairlines([digit, one, streak], size)
        assert kept == [digit, one, *[streak] * stays]
    lying = Component(500, 0, np.ones((1, size), np.float32))
    assert drop_hairlines([digit, lying], size) == [digit, lying]
    # Where all is hair-thin, the pen was.
    thin = [Component(100 * i, 0, np.ones((size, 1), np.float32)) for i in range(3)]
    assert drop_hairlines(thin, size) == thin
