"""Classification with test-time augmentation, and its combination with the page network."""

from dataclasses import replace

import numpy as np
import pytest

from mnistcnn.ocr import classification
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


def share_of(label, by_crop):
    """Return the share of a label in the product of both estimates, as probabilities."""
    joint = np.sqrt(by_crop * INSTANCE.probabilities.astype(float))
    return joint[label] / joint.sum()


@pytest.fixture
def set_weights(monkeypatch):
    """A function that sets intercept and weights of the confidence."""

    def set_weights(intercept=0.0, *weights):
        padded = np.zeros(7)
        padded[: 1 + len(weights)] = intercept, *weights
        monkeypatch.setattr(classification, "_CONFIDENCE_WEIGHTS", padded)

    return set_weights


@pytest.mark.parametrize(
    ("label", "confidence", "expected"), [(7, 0.9, 7), (1, 0.99, 1), (1, 0.5, 7)]
)
@pytest.mark.parametrize("intercept", [-3.0, 0.0, 6.0])
def test_classifier_and_page_network_are_combined(
    intercept, label, confidence, expected, set_weights
):
    set_weights(intercept)
    predict_proba = predict_label(label, confidence)
    (digit,) = classify([INSTANCE], predict_proba)
    assert digit.instance is INSTANCE
    assert digit.crop.shape == (28, 28)
    assert digit.probabilities.dtype == np.float32
    assert digit.probabilities.argmax() == expected
    assert digit.confidence == pytest.approx(digit.probabilities.max())
    # By the logistic regression, but at most the share of the digit among all.
    share = share_of(expected, predict_proba(range(1))[0])
    by_regression = 1 / (1 + np.exp(-intercept))
    assert digit.confidence == pytest.approx(min(by_regression, share), rel=1e-4)
    # The other digits keep their share.
    assert digit.probabilities[expected] / digit.probabilities.sum() == pytest.approx(
        share, rel=1e-4
    )


def log_odds(probability):
    return np.log(probability / (1 - probability))


def test_confidence_is_a_logistic_regression_of_the_features(set_weights):
    coverage = np.full((20, 8), 0.75, np.float32)
    coverage[:, 0] = 0.4  # the soft edge is not counted
    instance = replace(INSTANCE, coverage=coverage, purity=0.6)
    predict_proba = predict_label(7, 0.95)
    (digit,) = classify([instance], predict_proba)
    expected = [log_odds(0.8), log_odds(0.95), log_odds(0.9), 0.6, 0.75, np.log(20 / 32)]
    np.testing.assert_allclose(digit.features, expected, rtol=1e-5)
    weights = [0.1, -0.3, 0.2, 0.5, -0.4, 0.7]
    set_weights(-1.2, *weights)
    (digit,) = classify([instance], predict_proba)
    expected_confidence = 1 / (1 + np.exp(1.2 - np.dot(weights, expected)))
    assert digit.confidence == pytest.approx(expected_confidence, rel=1e-5)


def test_features_are_those_of_the_combined_label(set_weights):
    set_weights()
    (digit,) = classify([INSTANCE], predict_label(1, 0.99))
    np.testing.assert_allclose(
        digit.features[1:3], [log_odds(0.99), log_odds(INSTANCE.probabilities[1])], rtol=1e-5
    )


def test_certain_estimates_give_finite_features(set_weights):
    certain = np.eye(10, dtype=np.float32)[7]
    instance = replace(INSTANCE, peak=1.0, probabilities=certain)
    (digit,) = classify([instance], predict_label(7, 1.0))
    np.testing.assert_allclose(digit.features[:3], log_odds(1 - 1e-4))
    (digit,) = classify([replace(instance, peak=0.0)], predict_label(1, 1.0))
    assert digit.features[0] == pytest.approx(log_odds(1e-4))
    assert np.isfinite(digit.features).all()
    assert np.isfinite(digit.probabilities).all()


def test_agreement_increases_the_confidence():
    """With the weights that are shipped."""
    high, low = predict_label(7, 0.99)(range(1))[0], predict_label(7, 0.5)(range(1))[0]

    def confidence(peak, by_page_network, by_classifier):
        instance = replace(INSTANCE, peak=peak, probabilities=by_page_network)
        (digit,) = classify([instance], lambda crops: np.tile(by_classifier, (len(crops), 1)))
        return digit.confidence

    assert confidence(0.9, high, high) > 0.8
    assert confidence(0.3, high, high) < confidence(0.9, high, high)
    assert confidence(0.9, low, high) < confidence(0.9, high, high)
    assert confidence(0.9, high, low) < confidence(0.9, high, high)
    assert confidence(0.15, low, low) < 0.3


def test_a_page_without_digits_needs_no_classification():
    assert classify([], None) == []
