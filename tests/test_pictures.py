"""Opening a picture: whatever it comes in, the same brightness; all else refused by name."""

import io

import numpy as np
import pytest
from hypothesis import given
from PIL import Image

from mnistcnn._pictures import open_picture
from tests import strategies as own


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def brightness(picture):
    return open_picture(picture).brightness


def assert_shows(picture, expected, *, within=1e-6):
    """The picture is what an array in [0, 1] says, and of its size."""
    opened = open_picture(picture)
    expected = np.asarray(expected, float)
    expected = expected.reshape(*expected.shape[:2], -1)
    assert opened.brightness.dtype == np.float32
    assert (opened.height, opened.width) == expected.shape[:2]
    np.testing.assert_allclose(*np.broadcast_arrays(opened.brightness, expected), atol=within)


@given(own.pixels(np.uint8), own.picture_dtypes)
def test_every_lawful_dtype_and_shape_gives_the_same(pixels, dtype):
    pixels, full = own.of_dtype(pixels, dtype)
    before = pixels.copy()
    pixels.setflags(write=False)
    opened = open_picture(pixels)
    np.testing.assert_array_equal(pixels, before)
    assert opened.brightness.dtype == np.float32
    assert opened.brightness.flags.writeable
    assert (opened.height, opened.width) == pixels.shape[:2]
    expected = pixels.astype(float).reshape(*pixels.shape[:2], -1) / full
    if expected.shape[2] == 4:
        # Transparent pixels show the white paper under them.
        expected = expected[..., :3] * expected[..., 3:] + 1 - expected[..., 3:]
    np.testing.assert_allclose(opened.brightness, expected, atol=1e-6)
    spread = np.repeat(pixels, 2, axis=1)[:, ::2]
    np.testing.assert_array_equal(brightness(spread), opened.brightness)
    np.testing.assert_array_equal(brightness(np.asfortranarray(pixels)), opened.brightness)


@pytest.mark.parametrize("values", [[0, 200, 65535], [0, 1, 200]], ids=["light", "dark"])
def test_sixteen_bits_of_either_byte_order(values):
    pixels = np.array([values], ">u2")
    assert_shows(pixels, pixels / 65535)
    assert_shows(pixels.astype("<u2"), pixels / 65535)


def test_numbers_of_a_tiff_may_span_all_that_float32_can():
    pixels = np.array([[-3e38, 0, 3e38]], np.float32)
    assert_shows(saved(Image.fromarray(pixels), "TIFF"), [[0, 0.5, 1]])


def test_one_grey_level_of_a_16_bit_png_may_be_transparent():
    pixels = np.array([[0, 300, 40_000]], np.uint16)
    png = saved(Image.fromarray(pixels), "PNG", transparency=300)
    assert Image.open(io.BytesIO(png)).info["transparency"] == 300
    assert_shows(png, [[0, 1, 40_000 / 65535]])


def test_a_transparency_that_whole_or_floating_numbers_carry_along_is_not_theirs():
    for dtype in (np.int32, np.float32):
        image = Image.fromarray(np.array([[0, 100, 1000]], dtype))
        image.info["transparency"] = 0
        assert_shows(image, [[0, 100 / 65535, 1000 / 65535]])


def test_colours_multiplied_by_their_alpha():
    image = Image.fromarray(np.array([[[0, 255], [0, 0], [100, 255]]], np.uint8), "LA")
    assert_shows(image.convert("La"), [[0, 1, 100 / 255]])
