"""Regions of a picture are cut out, and their readings moved to their place."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn import Reading
from mnistcnn.images.image_io import LoadedImage
from mnistcnn.ocr.regions import check_region, crop_region, move_reading
from tests.helpers.readings import make_digit


def numbered(height, width, scale=1):
    """Return an image of which each pixel has another brightness."""
    pixels = np.arange(height * width, dtype=np.float32).reshape(height, width, 1)
    return LoadedImage(pixels / pixels.size, scale * width, scale * height)


@pytest.mark.parametrize(
    "region", [(2, 1, 5, 4), [2, 1, 5, 4], np.array([2, 1, 5, 4], np.uint8), (0.2, 0.2, 0.5, 0.8)]
)
def test_a_region_in_pixels_or_fractions(region):
    image = numbered(5, 10)
    part, offset = crop_region(image, check_region(region))
    np.testing.assert_array_equal(part.brightness, image.brightness[1:4, 2:5])
    assert part.brightness.flags.c_contiguous
    assert (part.width, part.height, offset) == (3, 3, (2, 1))


def test_the_whole_picture():
    image = numbered(5, 10)
    for region in [(0, 0, 10, 5), (0.0, 0.0, 1.0, 1.0), (0, 0.0, 1, 1)]:
        part, offset = crop_region(image, check_region(region))
        np.testing.assert_array_equal(part.brightness, image.brightness)
        assert (part.width, part.height, offset) == (10, 5, (0, 0))


def test_integers_are_pixels():
    part, _ = crop_region(numbered(5, 10), check_region((0, 0, 1, 1)))
    assert part.brightness.shape == (1, 1, 1)


def test_pixels_refer_to_the_original_size_of_an_image_that_was_downscaled():
    image = numbered(50, 100, scale=3)
    part, offset = crop_region(image, check_region((31, 10, 61, 60)))
    np.testing.assert_array_equal(part.brightness, image.brightness[3:20, 10:21])
    assert (part.width, part.height, offset) == (33, 51, (30, 9))


EDGES = st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True).map(sorted)


@given(EDGES, EDGES, st.tuples(*[st.integers(1, 40)] * 2), st.sampled_from([1, 1.37, 3]))
def test_a_part_covers_its_region_and_lies_in_the_image(columns, rows, size, scale):
    (left, right), (top, bottom), (height, width) = columns, rows, size
    pixels = np.zeros((height, width, 1), np.float32)
    image = LoadedImage(pixels, round(scale * width), round(scale * height))
    part, (x, y) = crop_region(image, check_region((left, top, right, bottom)))
    assert min(part.brightness.shape) > 0
    assert 0 <= x <= left * image.width + 1
    assert 0 <= y <= top * image.height + 1
    assert right * image.width - 1 <= x + part.width <= image.width + 1
    assert bottom * image.height - 1 <= y + part.height <= image.height + 1


def test_boxes_refer_to_the_whole_image():
    digit = make_digit(3, box=(1, 2, 11, 22))
    spot = make_digit(4, 0.2, box=(90, 0, 103, 21), doubtful=True)
    part = Reading(lines=((digit,),), width=100, height=30, rotation=90, omitted=(spot,))
    moved = move_reading(part, (200, 70), numbered(100, 300))
    assert [each.box for each in moved.digits] == [(201, 72, 211, 92)]
    assert [each.box for each in moved.omitted] == [(290, 70, 300, 91)]
    assert (moved.width, moved.height, moved.rotation) == (300, 100, 90)
    assert moved.digits[0].label == 3


FOUR = "region must be four numbers: left, top, right and bottom"


@pytest.mark.parametrize(
    ("region", "error", "message"),
    [
        ("0123", TypeError, f"{FOUR}; received '0123'"),
        ((1, 2, 3), TypeError, f"{FOUR}; received (1, 2, 3)"),
        ([[1], [2], [3], [4]], TypeError, f"{FOUR}; received [[1], [2], [3], [4]]"),
        ([1, [2], 3, 4], TypeError, f"{FOUR}; received [1, [2], 3, 4]"),
        ((1, 2, 3, "4"), TypeError, f"{FOUR}; received (1, 2, 3, '4')"),
        ((True, False, True, True), TypeError, f"{FOUR}; received (True, False, True, True)"),
        ((0, 0, 5, 10**30), TypeError, f"{FOUR}; received (0, 0, 5, {10**30})"),
        (7, TypeError, f"{FOUR}; received 7"),
        ((0.0, 0.0, 0.5, 1.2), ValueError, "a region of floats must lie in [0, 1]; received (0.0, 0.0, 0.5, 1.2)"),
        ((0.0, 0.0, np.nan, 1.0), ValueError, "a region of floats must lie in [0, 1]; received (0.0, 0.0, nan, 1.0)"),
        ((5, 0, 5, 9), ValueError, "region must have left < right and top < bottom; received (5, 0, 5, 9)"),
        ((0.0, 0.9, 1.0, 0.1), ValueError, "region must have left < right and top < bottom; received (0.0, 0.9, 1.0, 0.1)"),
    ],
)  # fmt: skip
def test_other_regions_are_rejected(region, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        check_region(region)


@pytest.mark.parametrize("region", [(0, 0, 11, 5), (0, 0, 10, 6), (-1, 0, 10, 5), (0, -1, 10, 5)])
def test_pixels_outside_of_the_picture_are_rejected(region):
    message = f"region must lie within the picture, 10 × 5 pixels; received {region}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        crop_region(numbered(5, 10), check_region(region))
