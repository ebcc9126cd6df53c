"""Callers who know whether the ink is dark or light get that ink only."""

import numpy as np
import pytest

from mnistcnn.ocr.polarity import POLARITIES, keep_polarity
from tests.helpers.page_maps import draw_digits, oracle_maps


def draw_page(paper):
    """Return an image with a dark stroke on the left and a light one on the right, and its maps."""
    stroke = np.ones((30, 5), np.float32)
    page = draw_digits((50, 80), [(stroke, 15, 10, 1), (stroke, 60, 10, 1)])
    image = np.repeat(np.broadcast_to(paper, (50, 80))[..., np.newaxis], 3, axis=2).copy()
    image[page.layers[0] > 0] -= 0.2
    image[page.layers[1] > 0] += 0.2
    return image.astype(np.float32), oracle_maps(page), page.layers


@pytest.mark.parametrize("paper", [0.5, np.linspace(0.7, 0.3, 80), np.linspace(0.3, 0.7, 80)])
def test_ink_of_the_other_polarity_is_dropped(paper):
    image, maps, layers = draw_page(paper)
    both = layers.max(axis=0)
    for polarity, expected in zip(POLARITIES, (both, *layers), strict=True):
        kept = keep_polarity(maps, image, polarity)
        np.testing.assert_array_equal(kept.digit_ink, expected)
        np.testing.assert_array_equal(kept.centers, maps.centers)


def test_a_page_full_of_ink_has_a_polarity():
    image, maps, _ = draw_page(0.5)
    maps.digit_ink[:] = 1
    for polarity in POLARITIES:
        assert np.isfinite(keep_polarity(maps, image, polarity).digit_ink).all()
