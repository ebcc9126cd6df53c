"""Normalization of size and position as in MNIST."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnistcnn.data.size_normalization import to_mnist_format

drawings = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    elements=st.sampled_from([np.float32(v) for v in (0, 0, 0.25, 0.5, 1)]),
    fill=st.just(np.float32(0)),
)


@given(drawings)
def test_the_digit_fits_the_box(ink):
    digit = to_mnist_format(ink)
    assert digit.shape == (28, 28)
    assert digit.dtype == np.uint8
    rows, columns = np.flatnonzero(digit.any(axis=1)), np.flatnonzero(digit.any(axis=0))
    if rows.size:
        assert rows[-1] - rows[0] < 20
        assert columns[-1] - columns[0] < 20


@given(drawings, st.integers(0, 9), st.integers(0, 9))
def test_the_position_in_the_image_is_irrelevant(ink, down, right):
    shifted = np.pad(ink, ((down, 3), (right, 5)))
    assert np.array_equal(to_mnist_format(shifted), to_mnist_format(ink))


def test_a_blank_image_stays_blank():
    assert not to_mnist_format(np.zeros((5, 9), np.float32)).any()


def test_a_square_fills_the_centered_box():
    expected = np.zeros((28, 28), np.uint8)
    expected[4:24, 4:24] = 255
    # Its center of mass is between two pixels, so either rounding is right.
    result = to_mnist_format(np.ones((7, 7), np.float32))
    assert result.sum() == expected.sum()
    rows = np.flatnonzero(result.any(axis=1))
    assert (rows[0], rows[-1]) in ((4, 23), (5, 24))


def test_the_aspect_ratio_is_preserved():
    stroke = to_mnist_format(np.ones((60, 6), np.float32))
    assert np.flatnonzero(stroke.any(axis=1)).size == 20
    assert np.flatnonzero(stroke.any(axis=0)).size == 2
