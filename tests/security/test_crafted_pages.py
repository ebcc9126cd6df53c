"""Crafted pages with pathological structure are read in bounded processor time."""

import time

import cv2
import numpy as np
import pytest

from mnistcnn.ocr.confidence import ScoredDigit
from mnistcnn.ocr.pipeline import _suppress_duplicates

SHAPE = (1500, 2000)
# Processor time. Each page takes at most 4 seconds on two cores of 2020; without the bounds, 30
# seconds to minutes.
MAX_SECONDS = 15


def tile(cell):
    rows, columns = (-(-side // size) for side, size in zip(SHAPE, cell.shape, strict=True))
    return np.tile(cell, (rows, columns))[: SHAPE[0], : SHAPE[1]]


def squares():
    return tile(np.pad(np.ones((20, 20), bool), (0, 8)))


def crosses():
    cell = np.zeros((24, 24), bool)
    cell[8:12, :20] = cell[:20, 8:12] = True
    return tile(cell)


def frames():
    cell = np.pad(np.ones((18, 18), bool), 3)
    cell[5:-5, 5:-5] = False
    return tile(cell)


def nested_frames():
    ink = np.zeros(SHAPE, bool)
    for edge in range(0, SHAPE[0] // 2 - 3, 6):
        ink[edge : SHAPE[0] - edge, edge : SHAPE[1] - edge] = True
        ink[edge + 2 : SHAPE[0] - edge - 2, edge + 2 : SHAPE[1] - edge - 2] = False
    return ink


def nested_corners():
    ink = np.zeros(SHAPE, bool)
    for edge in range(0, SHAPE[0] - 10, 5):
        ink[edge : SHAPE[0], edge : edge + 2] = ink[edge : edge + 2, edge : SHAPE[1]] = True
    return ink


def noise():
    return np.random.default_rng(0).random(SHAPE) < 0.2


def blots():
    noise = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 3) > 0


CRAFTED = [squares, crosses, frames, nested_frames, nested_corners, noise, blots]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("draw", CRAFTED)
def test_crafted_page_is_read_in_bounded_time(draw, recognizer):
    page = np.where(draw(), 0, 255).astype(np.uint8)
    start = time.process_time()
    recognizer.read(page)
    assert time.process_time() - start < MAX_SECONDS


def test_duplicates_among_thousands_of_digits_are_found_in_bounded_time():
    # Compared one by one, so many take about 10 seconds of processor time.
    crop, probabilities = np.zeros((28, 28), np.uint8), np.full(10, 0.1, np.float32)
    corners = [(20 * x, 20 * y) for x in range(40) for y in range(60)]
    digits = [
        ScoredDigit((x, y, x + 16, y + 16), crop, "detected", {}, probabilities) for x, y in corners
    ]
    start = time.process_time()
    assert len(_suppress_duplicates([*digits, *digits])) == len(digits)
    assert time.process_time() - start < MAX_SECONDS / 5
