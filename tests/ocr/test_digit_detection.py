"""Digits are detected at a suitable scale, upright, and their boxes refer to the image."""

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


def check_boxes(detection, page, image, tolerance):
    boxes = [detection.view.to_image(one.box, image.shape) for one in detection.instances]
    labels = [int(one.probabilities.argmax()) for one in detection.instances]
    found = dict(zip(labels, boxes, strict=True))
    assert sorted(found) == sorted(page.labels)
    for label, expected in zip(page.labels, page.boxes(), strict=True):
        np.testing.assert_allclose(found[label], expected, atol=tolerance)


@pytest.mark.parametrize("height", [24, 40, 70])
def test_digits_of_a_usual_size_take_one_pass(height, draw_page):
    page = draw_page(height, (5 * height, 9 * height))
    network = CountingNetwork()
    detection = detect_digits(encode_page(page), network)
    assert network.shapes == [page.layers.shape[1:]]
    assert detection.view.scale == 1
    check_boxes(detection, page, encode_page(page), 0)


@pytest.mark.parametrize(
    ("height", "shape", "size_in_second_pass"),
    [
        (12, (70, 110), 24),  # at most twice as large
        (40, (2000, 2600), 44),  # 18 pixels tall in the first pass
        (300, (1500, 2600), 44),
    ],
)
def test_other_digits_take_a_second_pass(height, shape, size_in_second_pass, draw_page):
    page = draw_page(height, shape)
    image = encode_page(page)
    network = CountingNetwork()
    detection = detect_digits(image, network)
    assert len(network.shapes) == 2
    assert np.prod(network.shapes[0]) <= 1.01e6
    sizes = [max(one.coverage.shape) for one in detection.instances]
    assert np.median(sizes) == pytest.approx(size_in_second_pass, rel=0.1)
    check_boxes(detection, page, image, max(2, 0.05 * height))
    # Only the part with the digits is processed again.
    assert np.prod(network.shapes[1]) < detection.view.scale**2 * np.prod(shape) * 0.95


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


def test_the_second_pass_is_limited(draw_page, monkeypatch):
    monkeypatch.setattr(digit_detection, "_FIRST_PIXELS", 20_000)
    monkeypatch.setattr(digit_detection, "_SECOND_PIXELS", 30_000)
    page = draw_page(24, (240, 300))
    network = CountingNetwork()
    detect_digits(encode_page(page), network)
    first, second = (np.prod(shape) for shape in network.shapes)
    assert first < 20_500
    assert 20_000 < second < 30_500


def test_a_page_without_digits_takes_one_pass():
    network = CountingNetwork()
    detection = detect_digits(np.ones((50, 60, 1), np.float32), network)
    assert detection.instances == []
    assert network.shapes == [(50, 60)]


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
    from dataclasses import replace

    (one, *_) = detect_digits(encode_page(draw_page(40, (200, 360))), component_network).instances
    instances = [replace(one, rotation=np.array(row, np.float32)) for row in probabilities]
    assert digit_detection._quarter_turns(instances) == turns
