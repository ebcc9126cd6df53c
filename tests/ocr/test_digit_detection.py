"""Digits are detected at a suitable scale, upright, and their boxes refer to the image."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mnistcnn.ocr import digit_detection
from mnistcnn.ocr.boxes import turn_back
from mnistcnn.ocr.digit_crop import digit_crop
from mnistcnn.ocr.digit_detection import detect_digits
from mnistcnn.ocr.reading_order import group_into_lines
from tests.helpers.drawing import cropped_digit
from tests.helpers.page_maps import component_network, draw_digits, encode_page

# Scales at which an image is processed, relative to the first one.
RATIOS = (1, 0.7, 0.5, 0.35, 0.25, 0.18, 0.125, 0.09)


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


def legible(crops):
    return np.ones(len(crops), np.float32)


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


class SelectiveNetwork(CountingNetwork):
    """A network that finds digits of 40 pixels best; others have lower peaks."""

    def __call__(self, image):
        maps = super().__call__(image)
        octaves = np.log2(maps.sizes / 40)
        return replace(maps, centers=maps.centers * np.exp(-0.25 * octaves**2))


def scaled(shape, ratio):
    return tuple(round(ratio * side) for side in shape)


def check_edges(detection, page, image, tolerance):
    """Each digit is found once, in its place."""
    labels = [int(one.instance.probabilities.argmax()) for one in detection.digits]
    boxes = [turn_back(one.edges, detection.quarter_turns, image.shape) for one in detection.digits]
    found = dict(zip(labels, boxes, strict=True))
    assert sorted(labels) == sorted(page.labels)
    for label, expected in zip(page.labels, page.boxes(), strict=True):
        np.testing.assert_allclose(found[label], expected, atol=tolerance)


def typical_size(detection):
    """Return the median size of the digits in the view in which they were found."""
    return np.median([max(one.instance.coverage.shape) for one in detection.digits])


@pytest.mark.parametrize("height", [40, 80, 110])
def test_the_best_scale_is_kept(height, draw_page):
    page = draw_page(height, (5 * height, 9 * height))
    image = encode_page(page)
    network = SelectiveNetwork()
    detection = detect_digits(image, network, legible)
    shape = image.shape[:2]
    if max(shape) <= 400:  # with a margin
        shape = tuple(side + 2 * round(0.3 * min(shape)) for side in shape)
    assert network.shapes == [scaled(shape, ratio) for ratio in RATIOS if min(shape) * ratio > 20]
    assert typical_size(detection) == pytest.approx(40, rel=0.2)
    check_edges(detection, page, image, 0 if height == 40 else 0.05 * height)
    assert detection.quarter_turns == 0


def test_tiny_digits_are_enlarged(draw_page):
    page = draw_page(12, (70, 110))
    image = encode_page(page)
    network = SelectiveNetwork()
    detection = detect_digits(image, network, legible)
    assert typical_size(detection) == pytest.approx(24, rel=0.1)  # at most twice as large
    check_edges(detection, page, image, 1)


def test_small_digits_of_a_large_page_are_seen_in_the_original_size(draw_page, monkeypatch):
    monkeypatch.setattr(digit_detection, "_FIRST_PIXELS", 30_000)
    page = draw_page(40, (300, 400))
    image = encode_page(page)
    network = SelectiveNetwork()
    detection = detect_digits(image, network, legible)
    assert np.prod(network.shapes[0]) == pytest.approx(30_000, rel=0.02)
    assert typical_size(detection) == pytest.approx(44, rel=0.1)
    check_edges(detection, page, image, 2)
    # Only the part with the digits is processed again.
    assert np.prod(network.shapes[-1]) < 0.8 * 1.1**2 * np.prod(image.shape[:2])


def test_digits_of_a_usual_size_are_not_enlarged(draw_page):
    page = draw_page(60, (300, 540))
    network = SelectiveNetwork()
    detect_digits(encode_page(page), network, legible)
    assert max(map(np.prod, network.shapes)) == 300 * 540


def test_every_view_is_limited(draw_page, monkeypatch):
    monkeypatch.setattr(digit_detection, "_FIRST_PIXELS", 20_000)
    monkeypatch.setattr(digit_detection, "_ENLARGED_PIXELS", 30_000)
    network = SelectiveNetwork()
    detect_digits(encode_page(draw_page(24, (240, 300))), network, legible)
    *first, last = (np.prod(shape) for shape in network.shapes)
    assert max(first) < 20_500
    assert 20_500 < last < 30_500


def test_a_scale_with_doubtful_fragments_is_not_kept(draw_page):
    """Few confident digits count more than many doubtful ones."""
    page = draw_page(70, (350, 630))

    def network(image):
        maps = component_network(image)
        if image.shape[:2] == (350, 630):
            return replace(maps, centers=0.25 * maps.centers)
        centers = maps.centers.copy()
        centers[:, centers.shape[1] // 2 :] = 0
        return replace(maps, centers=centers)

    detection = detect_digits(encode_page(page), network, legible)
    assert 0 < len(detection.digits) < len(page.labels)
    assert typical_size(detection) == pytest.approx(49, abs=1)


def test_boxes_end_at_the_edge_of_the_image(legible_digits):
    ink, label = cropped_digit(legible_digits.images[0], 80), int(legible_digits.labels[0])
    height, width = 101, 103
    top, left = height - ink.shape[0], width - ink.shape[1]
    image = encode_page(draw_digits((height, width), [(ink, left, top, label)]))
    (digit,) = detect_digits(image, SelectiveNetwork(), legible).digits
    assert digit.instance.coverage.shape[0] < 50
    np.testing.assert_allclose(digit.edges, (left, top, width, height), atol=3)
    assert digit.edges[2:] <= (width, height)


def upright_network(image):
    """`component_network`, which recognizes no class unless the labels increase downwards."""
    maps = component_network(image)
    rows, columns = np.nonzero(maps.digit_ink > 0.5)
    height, width = image.shape[:2]
    labels = image[rows, columns, 2]
    if height < width and len(rows) > 1 and np.corrcoef(rows, labels)[0, 1] > 0.5:
        return maps
    return replace(maps, class_logits=0 * maps.class_logits)


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("height", [50, 80])
def test_turned_pages_are_read_upright(turns, height, draw_page):
    page = draw_page(height, (5 * height, 9 * height))
    upright = encode_page(page)
    turned = np.rot90(upright, -turns)  # clockwise
    detection = detect_digits(turned, upright_network, legible)
    assert detection.quarter_turns == turns
    labels = [int(one.instance.probabilities.argmax()) for one in detection.digits]
    lines = group_into_lines([one.edges for one in detection.digits])
    assert [[labels[i] for i in line] for line in lines] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    for one in detection.digits:
        left, top, right, bottom = turn_back(one.edges, turns, turned.shape)
        region = turned[round(top) : round(bottom), round(left) : round(right)]
        label = int(one.instance.probabilities.argmax())
        assert np.median(region[..., 2]) == pytest.approx(label / 10)


def test_text_that_is_more_legible_upside_down_is_turned(draw_page):
    """The network recognizes some class in either orientation."""
    page = draw_page(50, (250, 450))
    turned = np.rot90(encode_page(page), 2)

    def is_upright(crops):
        # Compare with the digits as they were drawn.
        drawn = [
            digit_crop(layer[top:bottom, left:right]).ravel()
            for layer, (left, top, right, bottom) in zip(page.layers, page.boxes(), strict=True)
        ]
        correlations = np.corrcoef([*(crop.ravel() for crop in crops), *drawn])
        return correlations[: len(crops), len(crops) :].max(axis=1) ** 4

    assert detect_digits(turned, component_network, is_upright).quarter_turns == 2
    assert detect_digits(encode_page(page), component_network, is_upright).quarter_turns == 0
    assert detect_digits(turned, component_network, legible).quarter_turns == 0

    def is_hardly_legible(crops):
        return 0.2 * is_upright(crops)

    assert detect_digits(turned, component_network, is_hardly_legible).quarter_turns == 0


def test_fragments_of_a_digit_do_not_turn_it(draw_page):
    """Parts of a large digit, of low score, look like several digits."""
    image = encode_page(draw_page(50, (250, 450)))

    def network(image):
        maps = component_network(image)
        return replace(maps, centers=0.25 * maps.centers)

    def upside_down(crops):
        return np.zeros(len(crops), np.float32)

    network_calls = []

    def counting(view):
        network_calls.append(view.shape)
        return network(view)

    assert detect_digits(image, counting, upside_down).quarter_turns == 0
    assert all(height < width for height, width, _ in network_calls)


@pytest.mark.parametrize(
    ("shape", "ratios"), [((50, 60), (2, 1.4, 1, 0.7, 0.5, 0.35)), ((15, 200), (2, 1.4, 1))]
)
def test_a_page_without_digits_is_seen_at_scales_with_enough_pixels(shape, ratios):
    """Small images get a margin, and are enlarged."""
    network = CountingNetwork()
    detection = detect_digits(np.ones((*shape, 1), np.float32), network, legible)
    assert (detection.digits, detection.quarter_turns) == ([], 0)
    with_margin = tuple(side + 2 * math.ceil(0.3 * min(shape)) for side in shape)
    shapes = [scaled(with_margin, ratio) for ratio in ratios]
    # Then on either side.
    assert network.shapes[: len(ratios)] == shapes
    first, second = network.shapes[len(ratios) :]
    assert first == second
    assert first[::-1] in shapes
