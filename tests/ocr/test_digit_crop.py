"""Digit crops have the format of MNIST."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistcnn.ocr.digit_crop import digit_crop, stroke_width
from tests.helpers.drawing import draw_strokes

INDICES = np.arange(28)


def draw_seven(size, width, x=0.6):
    """Return a seven of `size` pixels, drawn with a pen of that width."""
    stroke = [(width, width), (width + x * size, width), (width + 0.3 * size, width + size)]
    coverage = draw_strokes((size + 2 * width, size + 2 * width), stroke, width=width)
    return coverage[np.ix_(coverage.any(axis=1), coverage.any(axis=0))]


def ink_size(crop):
    return np.flatnonzero(crop.any(axis=1)).size, np.flatnonzero(crop.any(axis=0)).size


def center_of_mass(crop):
    return crop.sum(axis=1) @ INDICES / crop.sum(), crop.sum(axis=0) @ INDICES / crop.sum()


def stroke_width_of_crop(crop):
    return stroke_width(np.kron(crop / 255, np.ones((4, 4))).astype(np.float32)) / 4


@settings(max_examples=50)
@given(st.integers(10, 300), st.floats(0.02, 0.25), st.floats(0.3, 2.5))
def test_digit_crop_has_the_format_of_mnist(size, pen, x):
    crop = digit_crop(draw_seven(size, max(1, round(pen * size)), x))
    assert crop.dtype == np.uint8
    assert crop.shape == (28, 28)
    assert max(ink_size(crop)) == 20
    np.testing.assert_allclose(center_of_mass(crop), 14, atol=1)


@settings(max_examples=50)
@given(st.integers(10, 200), st.integers(1, 400))
def test_digit_crop_keeps_proportions(height, width):
    crop = digit_crop(np.ones((height, width), np.float32))
    expected = 20 * np.array([height, width]) / max(height, width)
    # Thin strokes are widened.
    np.testing.assert_allclose(ink_size(crop), np.maximum(expected, 2), atol=1.5)


@pytest.mark.parametrize("size", [40, 100, 300, 600])
@pytest.mark.parametrize("pen", [1, 2, 5])
def test_strokes_of_a_thin_pen_are_widened(size, pen):
    """98 % of MNIST's digits have strokes of 1.3 to 4.8 pixels."""
    crop = digit_crop(draw_seven(size, pen))
    assert 1 < stroke_width_of_crop(crop) < 3
    assert crop.max() > 200


@pytest.mark.parametrize("pen", [0.1, 0.15, 0.2])
def test_other_strokes_keep_their_width(pen):
    large = draw_seven(200, round(200 * pen))
    expected = 20 * stroke_width(large) / max(large.shape)
    assert expected == pytest.approx(20 * pen / (1 + pen), rel=0.2)
    crop = digit_crop(large)
    assert stroke_width_of_crop(crop) == pytest.approx(expected, abs=0.5)


def test_stroke_width_is_in_pixels():
    for width in (3, 6, 20):
        bar = np.zeros((200, 60), np.float32)
        bar[:, 20 : 20 + width] = 1
        assert stroke_width(bar) == pytest.approx(width, abs=0.8)
    assert stroke_width(np.zeros((5, 5), np.float32)) == 0


def test_digit_crop_keeps_gray_levels():
    strength = np.ones((100, 40), np.float32)
    strength[:50] = 0.5
    crop = digit_crop(strength)
    assert set(crop[np.flatnonzero(crop.any(axis=1))[2:8], 14].tolist()) == {128}
    assert crop[20, 14] == 255
