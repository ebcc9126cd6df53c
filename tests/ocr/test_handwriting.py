"""What the shipped page network finds: digits that touch or break, and no letters or blots."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks.ocr.nondigit_images import blots, printed_characters, scribbles
from benchmarks.ocr.synthetic_pages import PAGE_STYLES, draw_page
from tests.helpers.drawing import cropped_digit


def fraction_read(recognizer, pictures, **options):
    """Return the fraction of pictures with a digit."""
    return np.mean([bool(recognizer.read(picture, **options).digits) for picture in pictures])


def test_most_letters_are_rejected(recognizer):
    assert fraction_read(recognizer, printed_characters("AEFHKMNRWXkmx")) < 0.2


@pytest.mark.parametrize("draw", [blots, pytest.param(scribbles, marks=pytest.mark.slow)])
def test_most_blots_and_scribbles_are_rejected(draw, recognizer):
    pictures = draw(20)
    assert fraction_read(recognizer, pictures) < 0.3
    assert fraction_read(recognizer, pictures, min_confidence=0.9) < 0.15


def test_digits_are_not_rejected(recognizer, legible_digits):
    indices = np.random.default_rng(0).choice(len(legible_digits.images), 60, replace=False)
    images = legible_digits.images[indices]
    pictures = [np.pad(255 - image, 10, constant_values=255) for image in images]
    assert fraction_read(recognizer, pictures, min_confidence=0.9) > 0.9


def test_letters_among_digits_are_omitted(recognizer, legible_digits):
    images, labels = legible_digits
    digits = [
        cv2.resize(np.pad(255 - images[labels == label][0], 4, constant_values=255), (140, 140))
        for label in (2, 5, 0)
    ]
    letters = [cv2.resize(letter, (140, 140)) for letter in printed_characters("XKR")[:3]]
    page = np.hstack([crop for pair in zip(digits, letters, strict=True) for crop in pair])
    assert recognizer.read(page).text == "250"


def test_a_pen_that_fails_for_a_moment_leaves_one_digit(recognizer, legible_digits):
    # Beside them, a 0 and a 1 would look like letters.
    neighbors = [int(np.flatnonzero(legible_digits.labels == label)[0]) for label in (3, 5)]
    first, second = (cropped_digit(legible_digits.images[i], 80) for i in neighbors)
    num_correct = 0
    count = 16
    for image, label in zip(*(part[:count] for part in legible_digits), strict=True):
        ink = cropped_digit(image, 80)
        ink[len(ink) * 2 // 5 :][:4] = 0
        row = [np.pad(one, ((20, 120 - len(one)), (30, 0))) for one in (ink, first, second)]
        expected = f"{label}35"
        num_correct += recognizer.read(1 - np.pad(np.hstack(row), 20)).text == expected
    assert num_correct >= 0.75 * count


def push_together(left, right):
    """Return two drawings side by side, so close that their ink overlaps by a pixel."""
    height = max(len(left), len(right))
    left, right = (np.pad(ink, ((height - len(ink), 0), (0, 0))) for ink in (left, right))
    last = np.array([np.flatnonzero(row > 0.5).max(initial=-999) for row in left])
    first = np.array([np.flatnonzero(row > 0.5).min(initial=999) for row in right])
    offset = int((last - first).max())
    both = np.zeros((height, max(left.shape[1], offset + right.shape[1])), np.float32)
    both[:, : left.shape[1]] = left
    region = both[:, offset : offset + right.shape[1]]
    np.maximum(region, right, out=region)
    return both


def test_touching_digits_are_split(recognizer, legible_digits):
    count, num_touching, num_correct = 20, 0, 0
    for i, j in np.random.default_rng(0).integers(0, len(legible_digits.images), (count, 2)):
        both = push_together(*(cropped_digit(legible_digits.images[k], 60) for k in (i, j)))
        num_touching += cv2.connectedComponents((both > 0.5).astype(np.uint8))[0] == 2
        text = recognizer.read(1 - np.pad(both, 30)).text
        num_correct += text == f"{legible_digits.labels[i]}{legible_digits.labels[j]}"
    assert num_touching > 0.66 * count
    assert num_correct > 0.65 * num_touching


@pytest.fixture(scope="module")
def distinct_page(legible_digits):
    """A page of digits that are none upside down, unlike 0, 1, 6, 8 and 9."""
    style = replace(
        PAGE_STYLES["clean"], height=(40, 40), lines=(3, 3), digits_per_line=(5, 5), gap=(0.4, 0.4)
    )
    chosen = np.concatenate(
        [np.flatnonzero(legible_digits.labels == label)[:3] for label in (2, 3, 4, 5, 7)]
    )
    images, labels = (part[chosen] for part in legible_digits)
    return draw_page(images, labels, np.random.default_rng(0), style)


@pytest.mark.parametrize("turns", range(4))
def test_a_turned_page_is_read_upright(turns, recognizer, distinct_page):
    page = distinct_page
    turned = np.rot90(page.picture, -turns)
    reading = recognizer.read(turned)
    assert reading.rotation == 90 * turns
    assert (reading.height, reading.width) == turned.shape
    assert reading.text == page.text
    for digit, (left, top, right, bottom) in zip(reading.digits, page.boxes, strict=True):
        # The center of each digit, turned clockwise.
        x, y = (left + right) / 2, (top + bottom) / 2
        width, height = page.picture.shape[::-1]
        for _ in range(turns):
            x, y, width, height = height - y, x, height, width
        assert digit.box[0] < x < digit.box[2]
        assert digit.box[1] < y < digit.box[3]


def test_polarity_selects_the_ink(recognizer, distinct_page):
    page = distinct_page
    gray = np.full((page.picture.shape[0], 2 * page.picture.shape[1]), 128, np.uint8)
    ink = (255 - page.picture.astype(int)) // 2
    gray[:, : ink.shape[1]] -= np.minimum(ink, 128).astype(np.uint8)
    gray[:, ink.shape[1] :] += np.minimum(ink, 127).astype(np.uint8)
    for polarity in ("dark", "light"):
        reading = recognizer.read(gray, polarity=polarity)
        assert reading.text == page.text
        is_left = [digit.box[2] <= ink.shape[1] for digit in reading.digits]
        assert all(is_left) if polarity == "dark" else not any(is_left)
    # The components are of the polarity of which there is more ink.
    count = 2 * len(page.text.replace("\n", ""))
    assert 0.75 * count < len(recognizer.read(gray).digits) <= count
