"""The targets of the page network."""

import numpy as np

from tools.page_network.photo import Page
from tools.page_network.targets import NO_CLASS, to_targets

SIDE = 64


def page_with(boxes, labels):
    """A page whose digits are filled boxes: left, top, width and height."""
    ink = np.zeros((SIDE, SIDE), np.uint8)
    instances = np.zeros((SIDE, SIDE), np.int16)
    digits = []
    for i, (left, top, width, height) in enumerate(boxes):
        region = slice(top, top + height), slice(left, left + width)
        ink[region], instances[region] = 255, i + 1
        center = left + (width - 1) / 2, top + (height - 1) / 2
        digits.append((*center, width, height, labels[i]))
    image = np.repeat(255 - ink[..., np.newaxis], 3, axis=2)
    digits = np.array(digits, np.float32).reshape(-1, 5)
    return Page(image, ink, np.zeros_like(ink), instances, digits)


def test_offsets_lead_from_each_cell_to_the_center():
    boxes = (8, 8, 12, 20), (36, 30, 8, 16)
    targets = to_targets(page_with(boxes, [3, 7]))
    rows, columns = np.nonzero(targets.geometry[..., 3])
    fields = targets.geometry[rows, columns, :4].astype(float)
    offsets_x, offsets_y, log_sizes, weights = fields.T
    sizes = 32 * np.exp(log_sizes)
    centers = np.stack([4 * columns + 1.5 + sizes * offsets_x, 4 * rows + 1.5 + sizes * offsets_y])
    is_first = columns < 8
    assert is_first.sum() == 15
    assert np.abs(centers[:, is_first] - [[13.5], [17.5]]).max() < 0.05
    assert np.abs(centers[:, ~is_first] - [[39.5], [37.5]]).max() < 0.05
    np.testing.assert_allclose(sizes[is_first], 20, rtol=2e-3)
    np.testing.assert_allclose(weights[is_first], 15**-0.5, rtol=1e-3)


def test_heat_map_has_one_full_peak_for_each_digit():
    targets = to_targets(page_with([(8, 8, 12, 20), (36, 30, 8, 16)], [3, 7]))
    peaks = {tuple(position) for position in np.argwhere(targets.centers == 255)}
    # The cell that contains the center, after its row and column.
    assert peaks == {(4, 3), (9, 10)}
    assert targets.centers[0, 15] == 0


def test_class_stands_around_the_center():
    targets = to_targets(page_with([(8, 8, 12, 20), (36, 30, 8, 16)], [3, 7]))
    assert {tuple(cell) for cell in np.argwhere(targets.classes != NO_CLASS)} == {(4, 3), (9, 10)}
    assert targets.classes[4, 3] == 3
    assert targets.classes[9, 10] == 7
    assert np.array_equal(targets.geometry[..., 4] > 0, targets.classes != NO_CLASS)
    large = to_targets(page_with([(4, 4, 40, 56)], [5]))
    assert (large.classes == 5).sum() == 25


def test_illegible_digit_is_ignored():
    page = page_with([(8, 8, 12, 20), (36, 30, 8, 16)], [3, 7])
    page.image[30:46, 36:44] = 252
    targets = to_targets(page)
    assert (targets.classes == 3).any()
    assert not (targets.classes == 7).any()
    assert not targets.geometry[:, 9:].any()
    assert (targets.ink[30:46, 36:44, 2] == 255).all()
    assert not targets.ink[:28, :28, 2].any()


def test_page_without_digits():
    targets = to_targets(page_with([], []))
    assert not targets.centers.any()
    assert not targets.geometry.any()
    assert (targets.classes == NO_CLASS).all()
    assert targets.ink.shape == (SIDE, SIDE, 3)
