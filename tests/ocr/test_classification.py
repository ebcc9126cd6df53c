"""Classification with test-time augmentation."""

import numpy as np
import pytest

from mnistcnn.ocr.classification import classify, classify_if_confident, classify_with_tta
from mnistcnn.ocr.components import Component


def test_tta_returns_the_mean_over_six_views():
    crops = list(np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8))
    calls = []

    def predict_proba(views):
        calls.append(views)
        return np.tile(np.arange(len(views), dtype=np.float32)[:, np.newaxis], 10)

    probabilities = classify_with_tta(crops, predict_proba)
    (views,) = calls
    assert views.shape == (18, 28, 28)
    assert views.dtype == np.uint8
    np.testing.assert_array_equal(views[:3], crops)
    np.testing.assert_allclose(probabilities[:, 0], [7.5, 8.5, 9.5])  # of i, i + 3, ... i + 15
    assert classify_with_tta([], predict_proba).shape == (0, 10)


def test_tta_views_are_rotated_sheared_and_scaled():
    """Measured on a vertical bar: the offset of its upper end, and its height."""
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 13:15] = 255
    views = []

    def predict_proba(stack):
        views.extend(stack)
        return np.zeros((len(stack), 10), np.float32)

    classify_with_tta([bar], predict_proba)
    offsets = [view[7] @ np.arange(28) / view[7].sum() - 13.5 for view in views]
    heights = [np.count_nonzero(view.max(axis=1) > 100) for view in views]
    rotation = 6.5 * np.tan(np.radians(10))
    np.testing.assert_allclose(offsets, [0, -rotation, rotation, 0, -1.3, 1.3], atol=0.3)
    assert heights[3] == pytest.approx(17, abs=1)
    assert min(np.delete(heights, 3)) >= 19


def test_components_are_classified_by_their_crops():
    components = [Component(0, 0, np.ones((20, width), np.float32)) for width in (4, 12)]
    means = []

    def predict_proba(views):
        means.extend(views.mean(axis=(1, 2)))
        probabilities = np.full((len(views), 10), 0.02, np.float32)
        probabilities[:, 5] = np.where(views.mean(axis=(1, 2)) > 40, 0.9, 0.4)
        return probabilities

    narrow, wide = classify(components, predict_proba)
    assert narrow.component is components[0]
    assert narrow.crop.shape == (28, 28)
    assert narrow.confidence == pytest.approx(0.4)
    assert wide.confidence == pytest.approx(0.9)
    rejected, kept = classify_if_confident(components, [0.8, 0.8], predict_proba)
    assert rejected is None
    assert kept.confidence == pytest.approx(0.9)
    assert classify([], None) == []
    assert classify_if_confident([], [], None) == []
