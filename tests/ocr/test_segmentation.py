"""Segmentation: strokes of one digit are merged, touching digits are split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn.ocr import segmentation
from mnistcnn.ocr.components import Component
from mnistcnn.ocr.pipeline import find_components
from mnistcnn.ocr.segmentation import cut_paths, slice_between, split_touching
from tests.helpers.drawing import (
    classify_narrow_as_one,
    draw_strokes,
    joined_ones,
    predict_three,
)


def test_nothing_is_merged_or_split_at_equal_confidence():
    zero = [(20, 20), (20, 80)], [(20, 50), (110, 50)], [(110, 20), (110, 80)]
    coverage = draw_strokes((100, 300), *zero, [(180, 20), (180, 80)], width=6)
    image = (1 - coverage)[..., np.newaxis]
    candidates = find_components(image, 2, predict_three(0.8), "auto")
    assert [candidate.probabilities.argmax() for candidate in candidates] == [3, 3]
    assert [candidate.confidence for candidate in candidates] == pytest.approx([0.8, 0.8])


def test_only_the_nearest_of_very_many_pairs_are_tried(monkeypatch, recognizer):
    page = np.full((200, 300), 255, np.uint8)
    page[40:100, 40:50] = page[40:100, 56:66] = 0
    num_crops = []

    def predict_proba(crops):
        num_crops.append(len(crops))
        return recognizer.predict_proba(crops)

    image = page[..., np.newaxis] / np.float32(255)
    find_components(image, 500, predict_proba, "auto")
    num_without_limit = sum(num_crops)
    num_crops.clear()
    monkeypatch.setattr(segmentation, "_MAX_PAIRS", 0)
    find_components(image, 500, predict_proba, "auto")
    assert sum(num_crops) < num_without_limit


def test_only_some_of_very_many_components_are_split(monkeypatch):
    candidates = 100 * [joined_ones(2)]
    assert len(split_touching(candidates, 40, classify_narrow_as_one)) == 200
    monkeypatch.setattr(segmentation, "_MAX_WORK", 0)
    digits = split_touching(candidates, 40, classify_narrow_as_one)
    assert len(digits) == 100 + segmentation._BATCH_SIZE


def test_downscaling_for_the_search_keeps_the_cuts(monkeypatch):
    candidate = joined_ones(2)
    fine = split_touching([candidate], 40, classify_narrow_as_one)
    monkeypatch.setattr(segmentation, "_MAX_PIXELS", candidate.component.strength.size // 3)
    coarse = split_touching([candidate], 40, classify_narrow_as_one)
    assert len(fine) == len(coarse) == 2
    for piece, coarse_piece in zip(fine, coarse, strict=True):
        np.testing.assert_allclose(piece.component.box, coarse_piece.component.box, atol=4)


def touching_rings(gap, slant=0):
    """Return two rings that a thin bridge connects, and the column of the gap in each row."""
    strength = np.zeros((60, 90), np.float32)
    rows = np.arange(60)
    middle = gap + np.rint(slant * (rows - 30)).astype(int)
    for row, x in zip(rows, middle, strict=True):
        strength[row, : x - 2] = strength[row, x + 3 :] = 1
    strength[10:50, 8 : gap - 14] = strength[10:50, gap + 14 : 82] = 0
    strength[28:32, gap - 6 : gap + 7] = 1
    return Component(100, 200, strength), middle


@pytest.mark.parametrize("gap", [35, 45, 52])
@pytest.mark.parametrize("slant", [0, 0.15, -0.15])
def test_cut_path_finds_the_gap_between_touching_digits(gap, slant):
    component, middle = touching_rings(gap, slant)
    paths = cut_paths(component)
    crossed_ink = [component.strength[np.arange(60), path].sum() for path in paths]
    assert min(crossed_ink) <= 6  # the bridge alone
    assert np.abs(paths[int(np.argmin(crossed_ink))] - middle).max() <= 6


@given(st.integers(1, 80), st.integers(1, 120), st.integers(0, 9))
def test_cut_paths_run_from_top_to_bottom_and_are_sorted(height, width, seed):
    strength = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    paths = cut_paths(Component(0, 0, strength))
    assert len(paths) <= 12
    for path in paths:
        assert path.shape == (height,)
        assert path.min() >= 0
        assert path.max() < width
        assert np.abs(np.diff(path)).max(initial=0) <= 1
    means = [path.mean() for path in paths]
    assert means == sorted(means)


def test_cut_path_through_background_is_straight():
    (first, *_) = cut_paths(Component(0, 0, np.zeros((50, 50), np.float32)))
    assert np.ptp(first) <= 1


def test_pieces_between_cut_paths():
    component, middle = touching_rings(45)
    left, right = slice_between(component, None, middle), slice_between(component, middle, None)
    assert left.box == (100, 200, 145, 260)
    assert right.box == (145, 200, 190, 260)
    # Each pixel belongs to exactly one of the pieces.
    both = np.zeros_like(component.strength)
    both[:, :45] += left.strength
    both[:, 45:] += right.strength
    np.testing.assert_array_equal(both, component.strength)
    assert slice_between(component, None, None).box == component.box
    assert slice_between(component, middle, middle) is None
    blank = Component(0, 0, np.zeros((20, 30), np.float32))
    assert slice_between(blank, None, None) is None


def test_fragments_of_a_neighbor_are_dropped():
    strength = np.zeros((40, 60), np.float32)
    strength[5:35, 10:18] = 1
    strength[:4, 40:44] = 1  # the fragment, outside the box of the rest
    strength[10:15, 8:10] = 0.4  # a soft edge stays
    piece = slice_between(Component(0, 0, strength), None, None)
    assert piece.box == (10, 5, 18, 35)
    strength[:12, 40:46] = 1  # large enough for a stroke
    assert slice_between(Component(0, 0, strength), None, None).box == (10, 0, 46, 35)
