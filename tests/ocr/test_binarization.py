"""The ink of drawings with known strokes is found on any background."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.ocr import synthetic_pages
from mnistcnn.ocr.binarization import (
    AREA,
    binarize,
    connected_components,
    drop_enclosing,
    estimate_noise,
    is_inverted,
)
from tests.helpers.drawing import composite, draw_strokes

SHAPE = 160, 260
SEVEN = draw_strokes(SHAPE, [(40, 30), (80, 30), (50, 130)])
FOUR = draw_strokes(SHAPE, [(170, 30), (140, 90), (200, 90)], [(180, 60), (180, 130)])
DIGITS = np.maximum(SEVEN, FOUR)
X, Y = np.arange(260) / 260, np.arange(160)[:, np.newaxis] / 160


def draw_page(background, ink, coverage=DIGITS):
    return composite(background, ink, coverage)


def ink_map_of(picture):
    picture = np.asarray(picture, np.float32)
    return binarize(picture.reshape(*picture.shape[:2], -1))


def assert_ink_found(picture, coverage=DIGITS, *, num_components=2, min_iou=0.97):
    """The ink mask agrees with the strokes (intersection over union)."""
    ink_map = ink_map_of(picture)
    mask, expected = ink_map.labels > 0, coverage > 0.5
    assert np.count_nonzero(mask & expected) >= min_iou * np.count_nonzero(mask | expected)
    assert len(ink_map.stats) == num_components + 1
    assert ink_map.stats[1:, AREA].sum() == np.count_nonzero(mask)
    assert ink_map.strength.min() >= 0
    assert ink_map.strength.max() <= 1


@pytest.mark.parametrize("paper", [1, 0.8, 0.5])
@pytest.mark.parametrize("contrast", [1, 0.5, 0.2])
def test_dark_on_light_and_light_on_dark(paper, contrast):
    ink = paper * (1 - contrast)
    assert_ink_found(draw_page(paper, ink))
    assert_ink_found(draw_page(1 - paper, 1 - ink))
    assert not is_inverted(draw_page(paper, ink)[..., 0].astype(np.float32))
    assert is_inverted(draw_page(1 - paper, 1 - ink)[..., 0].astype(np.float32))


@pytest.mark.parametrize("shade", [X, 1 - X, Y, 1 - Y, X * Y])
def test_uneven_illumination(shade):
    """In the shadow the paper is darker than the ink is elsewhere."""
    shade = np.broadcast_to(shade, SHAPE)[..., np.newaxis]
    assert_ink_found(draw_page(1, 0.3) * (1 - 0.8 * shade))
    assert_ink_found(draw_page(0.1, 0.9) * (1 - 0.3 * shade), min_iou=0.9)


@pytest.mark.parametrize("std", [0.02, 0.05, 0.1, 0.15])
def test_noise(std):
    noise = std * np.random.default_rng(0).normal(size=(*SHAPE, 1))
    for picture in (draw_page(0.9, 0.1), draw_page(0.1, 0.9)):
        assert_ink_found(np.clip(picture + noise, 0, 1), min_iou=0.94)


def test_edges_do_not_bias_the_noise_estimate():
    noise = 0.05 * np.random.default_rng(0).normal(size=SHAPE)
    page = draw_page(0.9, 0.1)[..., 0]
    assert estimate_noise(np.float32(page + noise)) == pytest.approx(0.05, rel=0.1)
    assert estimate_noise(np.float32(page)) == 0


@pytest.mark.parametrize("strength", [0.12, 0.3])
def test_pale_strokes_beside_dark_ones(strength):
    picture = 1 - 0.9 * SEVEN - strength * FOUR
    assert_ink_found(picture)
    assert_ink_found(1 - picture)


def test_stroke_width_does_not_depend_on_strength():
    blurred = np.asarray(
        Image.fromarray(np.uint8(255 * DIGITS)).resize((130, 80), Image.Resampling.BOX), float
    )
    areas = [
        ink_map_of(1 - strength * blurred / 255).stats[1:, AREA].tolist()
        for strength in (1, 0.5, 0.2)
    ]
    assert areas[0] == pytest.approx(areas[1], abs=3)
    assert areas[0] == pytest.approx(areas[2], abs=3)


COLORS = {
    **synthetic_pages.INK_COLORS,
    "yellow": (1, 1, 0),
    "pale yellow": (1, 1, 0.6),
    "cyan": (0, 1, 1),
}


@pytest.mark.parametrize("name", COLORS)
def test_colored_ink_on_white_and_on_black(name):
    assert_ink_found(draw_page((1, 1, 1), COLORS[name]))
    assert_ink_found(draw_page((0, 0, 0), COLORS[name]))


@pytest.mark.parametrize(
    ("paper", "ink"),
    [
        ((0.1, 0.35, 0.2), (0.9, 0.95, 0.9)),  # chalk on a green board
        ((0.05, 0.1, 0.4), (1, 0.9, 0.1)),
        ((1, 0.9, 0.3), (0, 0, 0)),
        ((0.5, 0.5, 0.5), (0.9, 0.31, 0.41)),  # as bright as the paper
    ],
)
def test_ink_on_colored_paper(paper, ink):
    assert_ink_found(draw_page(paper, ink))


def test_gray_ink_beside_a_color_wash():
    picture = draw_page(1, 0.3).repeat(3, axis=2)
    picture[:, :130, 2] *= 0.9
    assert_ink_found(picture)


@pytest.mark.parametrize("paper", [1, 0.9, 0.5, 0.1])
@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (60, 90), (200, 150), (500, 700)])
def test_blank_paper_has_no_ink(paper, shape):
    for seed in range(2):
        generator = np.random.default_rng(seed)
        light = synthetic_pages.illumination(shape, 0.4, generator)
        grain = 0.01 * generator.normal(size=shape)
        for picture in (np.full(shape, paper), paper * light, np.clip(paper + grain, 0, 1)):
            assert len(ink_map_of(picture).stats) == 1


@pytest.mark.parametrize("paper", [1, 0.7])
def test_paper_between_ink_and_image_border(paper):
    """As in the tight crop of a digit."""
    square = draw_strokes((34, 24), [(6, 6), (17, 6), (17, 28), (6, 28), (6, 6)], width=4)
    assert_ink_found(draw_page(paper, 0, square), square, num_components=1)
    assert_ink_found(draw_page(1 - paper, 1, square), square, num_components=1)


def test_speck_is_not_ink():
    picture = np.ones((60, 60))
    picture[30:32, 30:32] = 0
    assert len(ink_map_of(picture).stats) == 1
    picture[30:33, 30:33] = 0
    assert len(ink_map_of(picture).stats) == 2


def test_components_that_enclose_most_of_the_page_are_dropped():
    mask = np.zeros((200, 200), np.uint8)
    for edge in range(0, 80, 4):
        mask[edge : 200 - edge, edge : 200 - edge] = 1
        mask[edge + 2 : 198 - edge, edge + 2 : 198 - edge] = 0
    mask[90:110, 95:105] = 1
    ink_map = drop_enclosing(connected_components(mask.astype(np.float32), mask))
    box_areas = ink_map.stats[1:, 2].astype(int) * ink_map.stats[1:, 3]
    assert box_areas.sum() <= 4 * mask.size
    assert ink_map.labels[100, 100] > 0
    assert not ink_map.labels[0].any()
    mask[:72] = mask[-72:] = mask[:, :72] = mask[:, -72:] = 0
    few_nested = connected_components(mask.astype(np.float32), mask)
    assert len(few_nested.stats) > 2
    assert drop_enclosing(few_nested) is few_nested
