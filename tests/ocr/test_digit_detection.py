"""Digits are detected at a suitable scale, upright, and their boxes refer to the image."""

from dataclasses import replace

import numpy as np
import pytest

from mnistcnn.ocr import digit_detection
from mnistcnn.ocr.digit_detection import PageView, detect_digits
from mnistcnn.ocr.reading_order import group_into_lines
from tests.helpers.drawing import cropped_digit
from tests.helpers.page_maps import component_network, draw_digits, encode_page


@pytest.fixture(scope="module")
def draw_page(legible_digits):
    """A function that draws two lines of digits of a height on a page of a shape."""

    def draw(height, shape):
        digits = []
        for line in range(2):
            left = height
            for label in range(5 * line, 5 * line + 5):
                image = legible_digits.images[legible_digits.labels == label][0]
                ink = cropped_digit(image, height)
                digits.append((ink, left, height + 2 * height * line, label))
                left += ink.shape[1] + height // 2
        return draw_digits(shape, digits)

    return draw


class CountingNetwork:
    """`component_network`, with the shapes of the images that it received."""

    def __init__(self):
        self.shapes = []

    def __call__(self, image):
        assert image.dtype == np.float32
        assert image.shape[2] == 3
        assert image.min() >= 0
        assert image.max() <= 1
        self.shapes.append(image.shape[:2])
        return component_network(image)


class NearsightedNetwork(CountingNetwork):
    """A network that finds digits of some sizes only, in pixels."""

    def __init__(self, *sizes):
        super().__init__()
        self.sizes = sizes

    def __call__(self, image):
        maps = super().__call__(image)
        low, high = self.sizes
        visible = (maps.sizes >= low) & (maps.sizes <= high)
        return replace(maps, centers=np.where(visible, maps.centers, np.float32(0)))


def coarse(shape):
    return tuple(round(0.35 * side) for side in shape)


def check_boxes(detection, page, image, tolerance):
    boxes = [detection.view.to_image(one.box, image.shape) for one in detection.instances]
    labels = [int(one.probabilities.argmax()) for one in detection.instances]
    found = dict(zip(labels, boxes, strict=True))
    assert sorted(found) == sorted(page.labels)
    for label, expected in zip(page.labels, page.boxes(), strict=True):
        np.testing.assert_allclose(found[label], expected, atol=tolerance)


@pytest.mark.parametrize("height", [24, 40, 70])
def test_digits_of_a_usual_size_need_no_second_view(height, draw_page):
    page = draw_page(height, (5 * height, 9 * height))
    network = CountingNetwork()
    detection = detect_digits(encode_page(page), network)
    shape = page.layers.shape[1:]
    assert network.shapes == [shape, coarse(shape)]
    assert detection.view.scale == 1
    check_boxes(detection, page, encode_page(page), 0)


@pytest.mark.parametrize(
    ("height", "shape", "size_in_second_view"),
    [
        (12, (70, 110), 24),  # at most twice as large
        (40, (2000, 2600), 44),  # 18 pixels tall in the first view
    ],
)
def test_other_digits_take_a_second_view(height, shape, size_in_second_view, draw_page):
    page = draw_page(height, shape)
    image = encode_page(page)
    network = CountingNetwork()
    detection = detect_digits(image, network)
    assert len(network.shapes) == 3
    assert np.prod(network.shapes[0]) <= 1.01e6
    assert network.shapes[1] == pytest.approx(coarse(network.shapes[0]), abs=1)
    sizes = [max(one.coverage.shape) for one in detection.instances]
    assert np.median(sizes) == pytest.approx(size_in_second_view, rel=0.1)
    check_boxes(detection, page, image, max(2, 0.05 * height))
    # Only the part with the digits is processed again.
    assert np.prod(network.shapes[2]) < detection.view.scale**2 * np.prod(shape) * 0.95


def test_a_huge_digit_takes_a_smaller_second_view(legible_digits):
    ink, label = cropped_digit(legible_digits.images[0], 250), int(legible_digits.labels[0])
    page = draw_digits((300, 280), [(ink, 20, 20, label)])
    network = NearsightedNetwork(8, 100)
    detection = detect_digits(encode_page(page), network)
    assert network.shapes[:2] == [(300, 280), coarse((300, 280))]
    # The digit is 88 pixels tall in the coarse view, and 44 in the next one.
    assert network.shapes[2:] == [pytest.approx((300 * 44 / 250, 280 * 44 / 250), abs=2)]
    check_boxes(detection, page, encode_page(page), 8)


@pytest.mark.parametrize(
    ("height", "visible_sizes"),
    [
        (200, (8, 100)),  # 70 pixels at the coarse scale
        (12, (8, 100)),  # 4 pixels at the coarse scale
        (150, (48, 60)),  # 44 pixels in a second view, which finds nothing
    ],
)
def test_digits_that_one_scale_misses_are_found_at_the_other(height, visible_sizes, draw_page):
    page = draw_page(height, (5 * height, 9 * height))
    image = encode_page(page)
    detection = detect_digits(image, NearsightedNetwork(*visible_sizes))
    check_boxes(detection, page, image, max(2, 0.05 * height))


def test_the_scale_with_more_evidence_is_kept(draw_page):
    """Few confident digits count more than many doubtful ones."""
    page = draw_page(70, (350, 630))
    full_shape = page.layers.shape[1:]

    def network(image):
        maps = component_network(image)
        if image.shape[:2] == full_shape:
            return replace(maps, centers=0.6 * maps.centers)
        centers = maps.centers.copy()
        centers[:, centers.shape[1] // 2 :] = 0
        return replace(maps, centers=centers)

    detection = detect_digits(encode_page(page), network)
    assert detection.view.scale == 0.35
    assert 0 < len(detection.instances) < len(page.labels)


def test_a_small_image_is_not_reduced(draw_page):
    page = draw_page(12, (56, 110))
    network = NearsightedNetwork(8, 100)
    detect_digits(encode_page(page), network)
    assert coarse((56, 110)) not in network.shapes


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("height", [12, 40])
def test_turned_pages_are_read_upright(turns, height, draw_page):
    page = draw_page(height, (5 * height, 9 * height))
    upright = encode_page(page)
    turned = np.rot90(upright, -turns)  # clockwise
    detection = detect_digits(turned, component_network)
    assert detection.view.quarter_turns == turns
    labels = [int(one.probabilities.argmax()) for one in detection.instances]
    lines = group_into_lines([one.box for one in detection.instances])
    assert [[labels[i] for i in line] for line in lines] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    for one in detection.instances:
        left, top, right, bottom = detection.view.to_image(one.box, turned.shape)
        region = turned[round(top) : round(bottom), round(left) : round(right)]
        label = int(one.probabilities.argmax())
        assert np.median(region[..., 2]) == pytest.approx(label / 10)


def test_every_view_is_limited(draw_page, monkeypatch):
    monkeypatch.setattr(digit_detection, "_FIRST_PIXELS", 20_000)
    monkeypatch.setattr(digit_detection, "_SECOND_PIXELS", 30_000)
    page = draw_page(24, (240, 300))
    network = CountingNetwork()
    detect_digits(encode_page(page), network)
    first, _, second = (np.prod(shape) for shape in network.shapes)
    assert first < 20_500
    assert 20_000 < second < 30_500


@pytest.mark.parametrize(("shape", "views"), [((50, 60), 1), ((100, 200), 2)])
def test_a_page_without_digits_needs_no_second_view(shape, views):
    network = CountingNetwork()
    detection = detect_digits(np.ones((*shape, 1), np.float32), network)
    assert detection.instances == []
    assert network.shapes == [shape, coarse(shape)][:views]


@pytest.mark.parametrize("turns", range(4))
def test_boxes_of_a_view_are_mapped_to_the_image(turns):
    image = np.random.default_rng(0).random((40, 60, 1), dtype=np.float32)
    view = PageView(turns, (5, 3, 33, 31), 1)
    rendered = view.render(image)
    assert rendered.shape == (28, 28, 3)
    left, top, right, bottom = map(int, view.to_image((2, 4, 9, 16), image.shape))
    expected = np.rot90(image[top:bottom, left:right, 0], turns)
    np.testing.assert_array_equal(rendered[4:16, 2:9, 0], expected)
    half = PageView(turns, view.box, 0.5)
    assert half.render(image).shape == (14, 14, 3)
    expected_box = view.to_image((2, 4, 8, 16), image.shape)
    assert half.to_image((1, 2, 4, 8), image.shape) == expected_box


@pytest.mark.parametrize(
    ("probabilities", "turns"),
    [
        ([[0.1, 0.1, 0.7, 0.1]], 0),  # one digit is not enough evidence
        ([[0.1, 0.1, 0.7, 0.1]] * 4, 2),
        ([[0.0, 0.0, 0.0, 1.0]] * 2, 3),
        ([[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]], 0),
    ],
)
def test_a_page_is_upright_unless_several_digits_are_turned(probabilities, turns, draw_page):
    (one, *_) = detect_digits(encode_page(draw_page(40, (200, 360))), component_network).instances
    instances = [replace(one, rotation=np.array(row, np.float32)) for row in probabilities]
    assert digit_detection._quarter_turns(instances) == turns
