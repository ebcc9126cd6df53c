"""Digits are separated as the maps of the page network say."""

import numpy as np
import pytest

from mnistcnn.ocr import instances
from mnistcnn.ocr.instances import find_instances, select_polarity
from mnistcnn.ocr.page_network import POLARITIES
from tests.helpers.drawing import cropped_digit, draw_strokes
from tests.helpers.page_maps import draw_digits, oracle_maps


@pytest.fixture(scope="module")
def row(legible_digits):
    """A function that draws a row of the digits 0 to 9 of a height, with gaps."""

    def draw(height, gap):
        digits, left = [], 5
        for label in range(10):
            image = legible_digits.images[legible_digits.labels == label][0]
            ink = cropped_digit(image, height)
            digits.append((ink, left, 6 + label % 3, label))
            left += ink.shape[1] + gap
        return draw_digits((height + 20, left + 10), digits)

    return draw


def in_order(found):
    return sorted(found, key=lambda instance: instance.left + instance.coverage.shape[1] / 2)


@pytest.mark.parametrize("height", [14, 24, 40, 90, 250])
@pytest.mark.parametrize("noise", [0, 0.05])
def test_digits_in_a_row(height, noise, row):
    page = row(height, max(3, height // 6))
    found = in_order(find_instances(oracle_maps(page, noise=noise)))
    assert [int(one.probabilities.argmax()) for one in found] == page.labels
    for one, layer, (left, top, right, bottom) in zip(
        found, page.layers, page.boxes(), strict=True
    ):
        assert (one.left, one.top) == (left, top)
        expected = layer[top:bottom, left:right]
        assert one.coverage.shape == expected.shape
        assert np.abs(one.coverage - expected).sum() < 0.04 * expected.sum()
        assert one.peak > 0.8
        assert one.purity > 0.999


@pytest.mark.parametrize("gap", [0, -4])
def test_touching_digits_are_separated(gap, row):
    page = row(40, gap)
    found = in_order(find_instances(oracle_maps(page)))
    assert [int(one.probabilities.argmax()) for one in found] == page.labels
    for one, layer in zip(found, page.layers, strict=True):
        height, width = one.coverage.shape
        inside = layer[one.top : one.top + height, one.left : one.left + width]
        assert (inside * one.coverage).sum() > 0.8 * (layer**2).sum()


def test_strokes_that_do_not_touch_are_one_digit():
    stem, bar = [(12, 4), (8, 20), (30, 20)], [(24, 14), (22, 40)]
    ink = draw_strokes((44, 40), stem, width=4) + draw_strokes((44, 40), bar, width=4)
    ink[19:23, 20:24] = 0
    page = draw_digits((60, 60), [(np.minimum(ink, 1), 8, 8, 4)])
    (found,) = find_instances(oracle_maps(page))
    expected = page.boxes()[0]
    assert (found.left, found.top) == tuple(expected[:2])
    assert found.coverage.sum() == pytest.approx(page.layers.sum(), rel=0.02)


def test_a_line_through_digits_stays_out(row):
    page = row(40, 8)
    line = np.zeros_like(page.layers[0])
    line[40:43] = 1
    found = find_instances(oracle_maps(page, other_ink=line))
    assert len(found) == 10
    assert 0.5 < min(one.purity for one in found) < 0.99


def test_a_page_without_digits_has_none(row):
    page = row(40, 8)
    assert find_instances(oracle_maps(draw_digits((50, 70), [(np.ones((2, 2)), 5, 5, 1)]))) == []
    blank = draw_digits((40, 40), [(np.ones((9, 9)), 5, 5, 1)])
    maps = oracle_maps(blank)
    maps.digit_ink[:] = 0
    assert find_instances(maps) == []
    maps = oracle_maps(page)
    maps.centers[:] = 0
    assert find_instances(maps) == []


def test_the_number_of_digits_is_bounded(row, monkeypatch):
    monkeypatch.setattr(instances, "_MAX_PEAKS", 4)
    maps = oracle_maps(row(40, 8))
    found = find_instances(maps)
    assert len(found) == 4
    assert [one.peak for one in found] == sorted((one.peak for one in found), reverse=True)


def draw_dark_and_light(paper):
    """Return an image with a dark digit on the left and a light one on the right, and its maps."""
    stroke = np.ones((30, 8), np.float32)
    page = draw_digits((64, 96), [(stroke, 20, 16, 1), (stroke, 68, 16, 1)])
    image = np.repeat(np.broadcast_to(paper, (64, 96))[..., np.newaxis], 3, axis=2).copy()
    image[page.layers[0] > 0] -= 0.2
    image[page.layers[1] > 0] += 0.2
    return image.astype(np.float32), oracle_maps(page)


@pytest.mark.parametrize("paper", [0.5, np.linspace(0.7, 0.3, 96), np.linspace(0.3, 0.7, 96)])
def test_digits_of_the_other_polarity_are_dropped(paper):
    image, maps = draw_dark_and_light(paper)
    found = find_instances(maps)
    dark, light = sorted(found, key=lambda one: one.left)
    for polarity, expected in zip(POLARITIES, (found, [dark], [light]), strict=True):
        assert select_polarity(found, maps, image, polarity) == expected


def test_a_page_full_of_ink_has_a_polarity():
    image, maps = draw_dark_and_light(0.5)
    found = find_instances(maps)
    maps.other_ink[:] = 1
    assert len(select_polarity(found, maps, image, "dark")) == 1
    assert select_polarity([], maps, image, "dark") == []
