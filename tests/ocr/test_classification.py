"""Classification with test-time augmentation, and its combination with the page network."""

from dataclasses import replace

import numpy as np
import pytest

from mnistcnn.ocr.classification import classify, classify_with_tta
from mnistcnn.ocr.instances import DigitInstance


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


def predict_label(label, confidence):
    """Return a classifier that predicts a label for every crop, always with one confidence."""

    def predict_proba(crops):
        probabilities = np.full((len(crops), 10), (1 - confidence) / 9, np.float32)
        probabilities[:, label] = confidence
        return probabilities

    return predict_proba


INSTANCE = DigitInstance(
    left=3,
    top=4,
    coverage=np.ones((20, 8), np.float32),
    probabilities=predict_label(7, 0.9)(range(1))[0],
    rotation=np.full(4, 0.25, np.float32),
    peak=0.8,
    purity=1.0,
)


@pytest.mark.parametrize(
    ("label", "confidence", "expected"), [(7, 0.9, 7), (1, 0.99, 1), (1, 0.5, 7)]
)
def test_classifier_and_page_network_are_combined(label, confidence, expected):
    (digit,) = classify([INSTANCE], predict_label(label, confidence))
    assert digit.instance is INSTANCE
    assert digit.crop.shape == (28, 28)
    assert digit.probabilities.dtype == np.float32
    assert digit.probabilities.argmax() == expected
    assert digit.confidence == pytest.approx(digit.probabilities.max())
    assert digit.probabilities.sum() == pytest.approx(INSTANCE.peak, rel=1e-5)


def test_agreement_increases_the_confidence():
    alone = 0.8
    (digit,) = classify([replace(INSTANCE, peak=1.0)], predict_label(7, alone))
    assert digit.confidence > alone
    (doubtful,) = classify([replace(INSTANCE, peak=0.3)], predict_label(7, alone))
    assert doubtful.confidence < 0.3


def test_a_page_without_digits_needs_no_classification():
    assert classify([], None) == []
