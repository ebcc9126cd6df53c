"""Telling ink from paper: drawings whose ink is known, on paper of every kind."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.ocr import synthetic_pages
from mnistcnn.ocr.binarization import AREA, binarize, estimate_noise, is_inverted
from mnistcnn.ocr.page_detection import detect_page, page_mask
from tests.helpers.drawing import draw_strokes

SHAPE = 160, 260
SEVEN = draw_strokes(SHAPE, [(40, 30), (80, 30), (50, 130)])
FOUR = draw_strokes(SHAPE, [(170, 30), (140, 90), (200, 90)], [(180, 60), (180, 130)])
BOTH = np.maximum(SEVEN, FOUR)
RIGHT, DOWN = np.arange(260) / 260, np.arange(160)[:, np.newaxis] / 160


def on(paper, pen, cover=BOTH):
    """Draw with a pen on paper; each is a brightness or a colour."""
    cover = cover[..., np.newaxis]
    return np.atleast_1d(paper) * (1 - cover) + np.atleast_1d(pen) * cover


def found_in(picture):
    picture = np.asarray(picture, np.float32)
    return binarize(picture.reshape(*picture.shape[:2], -1))


def assert_finds(picture, cover=BOTH, *, parts=2, share=0.97):
    """Ink is found where it is, in so many parts: this share of what either has, both have."""
    ink = found_in(picture)
    mask, true = ink.labels > 0, cover > 0.5
    assert np.count_nonzero(mask & true) >= share * np.count_nonzero(mask | true)
    assert len(ink.stats) == parts + 1
    assert ink.stats[1:, AREA].sum() == np.count_nonzero(mask)
    assert ink.strength.min() >= 0
    assert ink.strength.max() <= 1


@pytest.mark.parametrize("paper", [1, 0.8, 0.5])
@pytest.mark.parametrize("difference", [1, 0.5, 0.2])
def test_dark_on_light_and_light_on_dark(paper, difference):
    pen = paper * (1 - difference)
    assert_finds(on(paper, pen))
    assert_finds(on(1 - paper, 1 - pen))
    assert not is_inverted(on(paper, pen)[..., 0].astype(np.float32))
    assert is_inverted(on(1 - paper, 1 - pen)[..., 0].astype(np.float32))


@pytest.mark.parametrize("shade", [RIGHT, 1 - RIGHT, DOWN, 1 - DOWN, RIGHT * DOWN])
def test_light_may_fall_unevenly(shade):
    """Where most of it is missing, paper is darker than ink is elsewhere."""
    shade = np.broadcast_to(shade, SHAPE)[..., np.newaxis]
    assert_finds(on(1, 0.3) * (1 - 0.8 * shade))
    assert_finds(on(0.1, 0.9) * (1 - 0.3 * shade), share=0.9)


@pytest.mark.parametrize("deviation", [0.02, 0.05, 0.1, 0.15])
def test_noise(deviation):
    noise = deviation * np.random.default_rng(0).normal(size=(*SHAPE, 1))
    for picture in (on(0.9, 0.1), on(0.1, 0.9)):
        assert_finds(np.clip(picture + noise, 0, 1), share=0.94)


def test_noise_is_measured_beside_edges():
    noise = 0.05 * np.random.default_rng(0).normal(size=SHAPE)
    assert estimate_noise(np.float32(on(0.9, 0.1)[..., 0] + noise)) == pytest.approx(0.05, rel=0.1)
    assert estimate_noise(np.float32(on(0.9, 0.1)[..., 0])) == 0


@pytest.mark.parametrize("strength", [0.12, 0.3])
def test_pale_strokes_beside_dark_ones(strength):
    picture = 1 - 0.9 * SEVEN - strength * FOUR
    assert_finds(picture)
    assert_finds(1 - picture)


def test_the_width_of_a_stroke_does_not_depend_on_its_strength():
    blurred = np.asarray(
        Image.fromarray(np.uint8(255 * BOTH)).resize((130, 80), Image.Resampling.BOX), float
    )
    areas = [found_in(1 - s * blurred / 255).stats[1:, AREA].tolist() for s in (1, 0.5, 0.2)]
    assert areas[0] == pytest.approx(areas[1], abs=3)
    assert areas[0] == pytest.approx(areas[2], abs=3)


COLOURS = {
    **synthetic_pages.INK_COLORS,
    "yellow": (1, 1, 0),
    "pale yellow": (1, 1, 0.6),
    "cyan": (0, 1, 1),
}


@pytest.mark.parametrize("name", COLOURS)
def test_coloured_ink_on_white_and_on_black(name):
    assert_finds(on((1, 1, 1), COLOURS[name]))
    assert_finds(on((0, 0, 0), COLOURS[name]))


@pytest.mark.parametrize(
    ("paper", "pen"),
    [
        ((0.1, 0.35, 0.2), (0.9, 0.95, 0.9)),  # chalk on a green board
        ((0.05, 0.1, 0.4), (1, 0.9, 0.1)),
        ((1, 0.9, 0.3), (0, 0, 0)),
        ((0.5, 0.5, 0.5), (0.9, 0.31, 0.41)),  # as bright as the paper
    ],
)
def test_ink_on_coloured_paper(paper, pen):
    assert_finds(on(paper, pen))


def test_a_colour_that_says_nothing_does_not_lose_the_grey_ink():
    """A wash of colour lies on one side; ink is dark in all three."""
    picture = on(1, 0.3).repeat(3, axis=2)
    picture[:, :130, 2] *= 0.9
    assert_finds(picture)


@pytest.mark.parametrize("paper", [1, 0.9, 0.5, 0.1])
@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (60, 90), (200, 150), (500, 700)])
def test_paper_alone_has_no_ink(paper, shape):
    for seed in range(5):
        generator = np.random.default_rng(seed)
        light = synthetic_pages.illumination(shape, 0.4, generator)
        grain = 0.01 * generator.normal(size=shape)
        for picture in (np.full(shape, paper), paper * light, np.clip(paper + grain, 0, 1)):
            assert len(found_in(picture).stats) == 1


@pytest.mark.parametrize("paper", [1, 0.7])
def test_paper_between_ink_and_the_edge_stays_paper(paper):
    """Of a digit that was cut out, with little around it."""
    cover = draw_strokes((34, 24), [(6, 6), (17, 6), (17, 28), (6, 28), (6, 6)], width=4)
    assert_finds(on(paper, 0, cover), cover, parts=1)
    assert_finds(on(1 - paper, 1, cover), cover, parts=1)


def test_a_speck_is_no_ink():
    speck = np.ones((60, 60))
    speck[30:32, 30:32] = 0
    assert len(found_in(speck).stats) == 1
    speck[30:33, 30:33] = 0
    assert len(found_in(speck).stats) == 2


def on_a_desk(picture, desk, angle=0.0, margin=0.3):
    """A sheet that lies on something else, and where in the picture it is."""
    tall, wide = picture.shape

    def turned(layer):
        image = Image.fromarray(np.float32(layer))
        return np.asarray(image.rotate(angle, Image.Resampling.BILINEAR, expand=True))

    sheet, there = turned(picture), np.clip(turned(np.ones_like(picture)), 0, 1)
    around = [(round(margin * side), round(margin * side)) for side in (tall, wide)]
    there = np.pad(there, around)
    noise = 0.03 * np.random.default_rng(0).normal(size=there.shape)
    desk = np.clip(desk + noise, 0, 1)
    return np.float32(np.pad(sheet, around) + desk * (1 - there)), there > 0.99


@pytest.mark.parametrize("desk", [0.05, 0.3, 0.6])
@pytest.mark.parametrize("angle", [0, 6, -20])
def test_a_sheet_on_a_desk(desk, angle):
    picture, there = on_a_desk(on(0.95, 0.1)[..., 0], desk, angle)
    sheet = detect_page(picture)
    assert not np.any(sheet & ~there)
    assert np.count_nonzero(sheet) > 0.8 * np.count_nonzero(there)
    inverted = detect_page(1 - picture)
    assert np.count_nonzero(inverted != sheet) < 0.02 * sheet.size
    for one in (picture, 1 - picture):
        assert len(found_in(one).stats) == 3


def test_what_lies_beside_a_sheet_in_uneven_light_is_no_ink():
    picture, _ = on_a_desk(on(0.95, 0.1)[..., 0] * (1 - 0.5 * RIGHT), 0.02)
    assert detect_page(picture) is not None
    assert len(found_in(picture).stats) == 3


@pytest.mark.parametrize(
    "picture",
    [
        on(1, 0)[..., 0],
        on(0, 1)[..., 0],
        on(1, 0)[..., 0] * (1 - 0.8 * RIGHT),
        np.ones(SHAPE),
        np.ones((3, 500)),
    ],
    ids=["page", "board", "shadow", "blank", "strip"],
)
def test_no_sheet_where_the_whole_picture_is_one(picture):
    assert detect_page(np.float32(picture)) is None


def test_a_large_digit_is_no_sheet(legible_digits):
    """Its bowls are light and closed in, and it may fill the picture."""
    images, labels = legible_digits
    for label in range(10):
        for size, margin in [(200, 0), (200, 20), (28, 3), (28, 14), (16, 4)]:
            picture = np.pad(
                synthetic_pages.upscale_digit(images[labels == label][0], size), margin
            )
            assert detect_page(picture) is None
            assert detect_page(1 - picture) is None


@pytest.mark.parametrize("slope", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("brightness", [0.35, 0.55])
def test_what_ruled_lines_divide_is_one_page(brightness, slope):
    """The lighter end of a page is as light beyond its ruled line, so it is no sheet."""
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


def test_a_page_is_read_wherever_it_lies(recognizer, page):
    for desk, angle in [(0.1, 0), (0.4, 5), (0.6, -8)]:
        picture, _ = on_a_desk(page.picture / 255, desk, angle)
        assert recognizer.read(picture).text == page.text


def test_the_text_of_a_button_on_a_screen(recognizer, page):
    screen = np.full((600, 900), 0.93)
    button = 0.2 + 0.75 * (1 - page.picture / 255)
    tall, wide = button.shape
    screen[150 : 150 + tall, 200 : 200 + wide] = button
    assert recognizer.read(screen).text == page.text


def test_light_that_fades_behind_a_row_of_digits_is_no_sheet():
    """The edge of the lighter half runs around digits there, and is sharp where they are."""
    levels = np.repeat(np.linspace(240, 100, 200).astype(np.uint8)[:, None], 300, axis=1)
    light = np.full(levels.shape, 255, np.uint8)
    light[140:] = 0
    for left in range(0, 300, 30):
        levels[120:140, left : left + 15] = light[120:140, left : left + 15] = 0
    levels[50:70, 100:110] = light[50:70, 100:110] = 0
    assert page_mask(light, levels) is None
    # The same light with nothing on its edge, and a desk beyond it.
    levels[120:140], levels[140:], light[120:140] = 190, 20, 255
    assert page_mask(light, levels) is not None
