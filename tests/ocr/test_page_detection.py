"""A page on a desk or a screen is detected, and nothing else is taken for one."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.ocr import synthetic_pages
from mnistcnn.ocr.binarization import binarize
from mnistcnn.ocr.page_detection import detect_page, page_mask
from tests.helpers.drawing import composite, draw_strokes

SHAPE = 160, 260
STROKES = (
    [(40, 30), (80, 30), (50, 130)],
    [(170, 30), (140, 90), (200, 90)],
    [(180, 60), (180, 130)],
)
DIGITS = draw_strokes(SHAPE, *STROKES)
NUM_DIGITS = 2
SHADE = np.arange(SHAPE[1]) / SHAPE[1]


def gray_page(background, ink):
    return composite(background, ink, DIGITS)[..., 0]


def num_components(gray):
    return len(binarize(np.float32(gray)[..., np.newaxis]).stats) - 1


def place_on_desk(page, desk, angle=0.0, margin=0.3):
    """Return a picture of the page on a noisy desk, and the mask of the page."""
    height, width = page.shape

    def rotate(layer):
        image = Image.fromarray(np.float32(layer))
        return np.asarray(image.rotate(angle, Image.Resampling.BILINEAR, expand=True))

    rotated, mask = rotate(page), np.clip(rotate(np.ones_like(page)), 0, 1)
    margins = [(round(margin * side), round(margin * side)) for side in (height, width)]
    mask = np.pad(mask, margins)
    noise = 0.03 * np.random.default_rng(0).normal(size=mask.shape)
    desk = np.clip(desk + noise, 0, 1)
    return np.float32(np.pad(rotated, margins) + desk * (1 - mask)), mask > 0.99


@pytest.mark.parametrize("desk", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("angle", [0, 6, -20])
def test_page_on_a_desk(desk, angle):
    picture, expected = place_on_desk(gray_page(0.95, 0.1), desk, angle)
    page = detect_page(picture)
    assert not np.any(page & ~expected)
    assert np.count_nonzero(page) > 0.8 * np.count_nonzero(expected)
    inverted = detect_page(1 - picture)
    assert np.count_nonzero(inverted != page) < 0.02 * page.size
    assert num_components(picture) == num_components(1 - picture) == NUM_DIGITS


def test_page_under_uneven_illumination():
    picture, _ = place_on_desk(gray_page(0.95, 0.1) * (1 - 0.5 * SHADE), 0.02)
    assert detect_page(picture) is not None
    assert num_components(picture) == NUM_DIGITS


@pytest.mark.parametrize(
    "picture",
    [
        gray_page(1, 0),
        gray_page(0, 1),
        gray_page(1, 0) * (1 - 0.8 * SHADE),
        np.ones(SHAPE),
        np.ones((3, 500)),
    ],
    ids=["page", "blackboard", "shadow", "blank", "strip"],
)
def test_none_if_the_whole_picture_is_the_page(picture):
    assert detect_page(np.float32(picture)) is None


def test_large_digit_is_not_a_page(legible_digits):
    """Its loops are light and enclosed, and it may fill the picture."""
    images, labels = legible_digits
    for label in range(10):
        for size, margin in [(200, 0), (200, 20), (28, 3), (28, 14), (16, 4)]:
            digit = synthetic_pages.upscale_digit(images[labels == label][0], size)
            picture = np.pad(digit, margin)
            assert detect_page(picture) is None
            assert detect_page(1 - picture) is None


@pytest.mark.parametrize("slope", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("brightness", [0.35, 0.55])
def test_area_between_ruled_lines_is_not_a_page(brightness, slope):
    """Under a gradient the lighter end of a page is delimited by a ruled line."""
    page = brightness + slope * np.linspace(0, 1, 280)[:, None] + 0.05 * np.linspace(0, 1, 530)
    for top in (140, 262):
        for column in range(530):
            row = top + 12 * column // 530
            page[row : row + 4, column] -= 0.3
    for column in range(60, 480, 70):
        for top in (60, 180):
            page[top : top + 50, column : column + 9] -= 0.35
    assert detect_page(np.float32(page)) is None
    assert detect_page(np.float32(1 - page)) is None


def test_gradient_behind_a_row_of_digits_is_not_a_page():
    """The edge of the lighter half follows the digits, and is sharp where they are."""
    levels = np.repeat(np.linspace(240, 100, 200).astype(np.uint8)[:, None], 300, axis=1)
    light = np.full(levels.shape, 255, np.uint8)
    light[140:] = 0
    for left in range(0, 300, 30):
        levels[120:140, left : left + 15] = light[120:140, left : left + 15] = 0
    levels[50:70, 100:110] = light[50:70, 100:110] = 0
    assert page_mask(light, levels) is None
    # The same page without digits on its edge, and with a dark desk beyond it.
    levels[120:140], levels[140:], light[120:140] = 190, 20, 255
    assert page_mask(light, levels) is not None


def test_page_is_read_on_any_desk(recognizer, page):
    for desk, angle in [(0.1, 0), (0.4, 5), (0.6, -8)]:
        picture, _ = place_on_desk(page.picture / 255, desk, angle)
        assert recognizer.read(picture).text == page.text


def test_text_of_a_button_on_a_screen_is_read(recognizer, page):
    screen = np.full((600, 900), 0.93)
    button = 0.2 + 0.75 * (1 - page.picture / 255)
    height, width = button.shape
    screen[150 : 150 + height, 200 : 200 + width] = button
    assert recognizer.read(screen).text == page.text
