"""Pages made to take long: each is read in a bounded time of a processor, whatever is on it."""

import time

import cv2
import numpy as np
import pytest

from mnistcnn.ocr import line_removal, pipeline, segmentation
from mnistcnn.ocr.binarization import connected_components, drop_enclosing
from tests.helpers.drawing import classify_narrow_as_one, joined_ones

SHAPE = (1500, 2000)
# Of a processor. None takes more than 4 on two cores of 2020; without bounds each of these takes
# from 30 to minutes.
SECONDS = 15


def tiled(cell):
    down, across = (-(-side // part) for side, part in zip(SHAPE, cell.shape, strict=True))
    return np.tile(cell, (down, across))[: SHAPE[0], : SHAPE[1]]


def squares():
    return tiled(np.pad(np.ones((20, 20), bool), (0, 8)))


def crosses():
    cell = np.zeros((24, 24), bool)
    cell[8:12, :20] = cell[:20, 8:12] = True
    return tiled(cell)


def frames():
    cell = np.pad(np.ones((18, 18), bool), 3)
    cell[5:-5, 5:-5] = False
    return tiled(cell)


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
def test_a_crafted_page_takes_seconds(draw, recognizer):
    page = np.where(draw(), 0, 255).astype(np.uint8)
    started = time.process_time()
    recognizer.read(page)
    assert time.process_time() - started < SECONDS


# How


def test_what_encloses_most_of_a_page_many_times_is_left_out():
    mask = np.zeros((200, 200), np.uint8)
    for edge in range(0, 80, 4):
        mask[edge : 200 - edge, edge : 200 - edge] = 1
        mask[edge + 2 : 198 - edge, edge + 2 : 198 - edge] = 0
    mask[90:110, 95:105] = 1
    kept = drop_enclosing(connected_components(mask.astype(np.float32), mask))
    boxes = kept.stats[1:, 2].astype(int) * kept.stats[1:, 3]
    assert boxes.sum() <= 4 * mask.size
    assert kept.labels[100, 100] > 0
    assert not kept.labels[0].any()
    mask[:72] = mask[-72:] = mask[:, :72] = mask[:, -72:] = 0
    few = connected_components(mask.astype(np.float32), mask)
    assert len(few.stats) > 2
    assert drop_enclosing(few) is few


@pytest.mark.parametrize("length", [3, 4, 7, 16, 31, 50])
def test_runs_are_opened_as_opencv_does(length):
    generator = np.random.default_rng(length)
    for density in (0.5, 0.9, 0.98):
        mask = (generator.random((60, 45)) < density).astype(np.uint8)
        wanted = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
        np.testing.assert_array_equal(line_removal.keep_vertical_runs(mask, length), wanted)


def test_of_very_many_parts_some_are_cut(monkeypatch):
    wholes = 100 * [joined_ones(2)]
    found = segmentation.split_touching(wholes, 40, classify_narrow_as_one)
    assert len(found) == 200
    monkeypatch.setattr(segmentation, "_MAX_WORK", 0)
    some = segmentation.split_touching(wholes, 40, classify_narrow_as_one)
    assert len(some) == 100 + segmentation._BATCH_SIZE


def test_a_large_part_is_cut_where_a_small_one_is(monkeypatch):
    whole = joined_ones(2)
    fine = segmentation.split_touching([whole], 40, classify_narrow_as_one)
    monkeypatch.setattr(segmentation, "_MAX_PIXELS", whole.component.strength.size // 3)
    coarse = segmentation.split_touching([whole], 40, classify_narrow_as_one)
    assert len(fine) == len(coarse) == 2
    for one, other in zip(fine, coarse, strict=True):
        np.testing.assert_allclose(one.component.box, other.component.box, atol=4)


def test_of_very_many_pairs_the_nearest_are_tried(monkeypatch, recognizer):
    page = np.full((200, 300), 255, np.uint8)
    page[40:100, 40:50] = page[40:100, 56:66] = 0
    asked = []

    def recognise(glyphs):
        asked.append(len(glyphs))
        return recognizer.predict_proba(glyphs)

    pipeline.read_page(page, recognise, min_confidence=0)
    before = sum(asked)
    asked.clear()
    monkeypatch.setattr(segmentation, "_MAX_PAIRS", 0)
    pipeline.read_page(page, recognise, min_confidence=0)
    assert sum(asked) < before
