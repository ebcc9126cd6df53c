"""Pictures of one digit, of any size and color, in the format of MNIST."""

import numpy as np
import pytest
from PIL import Image

from mnistcnn.data.digit_image import has_light_background, to_digit_image, to_gray
from mnistcnn.images.image_io import read_image


def picture(image, size, paper, ink):
    """Return a digit image as a picture of a size with the colors of paper and ink, in 0...255."""
    scaled = Image.fromarray(np.pad(image, 6)).resize(size, Image.Resampling.BICUBIC)
    amount = np.asarray(scaled)[..., np.newaxis] / 255
    colors = np.array(paper) * (1 - amount) + np.array(ink) * amount
    return read_image(np.rint(colors).astype(np.uint8)).brightness


COLORS = {
    "black on white": ((255, 255, 255), (0, 0, 0)),
    "white on black": ((0, 0, 0), (255, 255, 255)),
    "blue on yellow": ((250, 240, 200), (30, 60, 160)),
    "red on white": ((255, 255, 255), (255, 0, 0)),
    "gray on gray": ((120, 120, 120), (170, 170, 170)),
}


@pytest.mark.parametrize("colors", COLORS)
@pytest.mark.parametrize("size", [(64, 64), (37, 51), (400, 300)])
def test_digits_are_recognized_whatever_their_size_and_color(
    colors, size, legible_digits, recognizer
):
    images, labels = (array[:20] for array in legible_digits)
    crops = np.stack([to_digit_image(picture(image, size, *COLORS[colors])) for image in images])
    assert crops.dtype == np.uint8
    assert crops.shape == (20, 28, 28)
    assert (recognizer.predict(crops) == labels).mean() >= 0.95
    assert (crops.reshape(20, -1).max(axis=1) == 255).all()


def test_specks_and_noise_are_removed(legible_digits):
    image = legible_digits.images[0]
    clean = picture(image, (120, 120), *COLORS["black on white"])
    noisy = clean + np.random.default_rng(0).normal(0, 0.02, clean.shape)
    noisy[5:8, 5:8] = 0
    difference = to_digit_image(np.clip(noisy, 0, 1).astype(np.float32)) - to_digit_image(
        clean
    ).astype(int)
    assert np.abs(difference).mean() < 8


@pytest.mark.parametrize("channels", [1, 3])
def test_a_blank_picture_is_blank(channels):
    paper = np.full((40, 50, channels), 0.9, np.float32)
    paper[::2] += 0.03
    assert not to_digit_image(paper).any()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 60, 3), (60, 1, 1), (2, 3, 1), (3000, 2, 1)])
def test_pictures_of_any_shape(shape):
    brightness = np.random.default_rng(0).random(shape, dtype=np.float32)
    assert to_digit_image(brightness).shape == (28, 28)


def test_the_background_of_gray_pictures(digits):
    images = digits.test.images[:50]
    for image in images:
        brightness = (image / 255).astype(np.float32)[..., np.newaxis]
        assert np.array_equal(to_gray(brightness), image)
    assert not any(map(has_light_background, images))
    assert all(map(has_light_background, 255 - images))
