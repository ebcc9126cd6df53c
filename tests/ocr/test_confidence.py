"""Confidence of detected digits and of connected components."""

from dataclasses import replace

import numpy as np
import pytest

from mnistcnn.ocr import confidence
from mnistcnn.ocr.classification import classify
from mnistcnn.ocr.components import Component
from mnistcnn.ocr.confidence import score_components, score_detected
from mnistcnn.ocr.digit_detection import DetectedDigit
from mnistcnn.ocr.instances import DigitInstance


def predict_label(label, confidence):
    """Return a classifier that predicts a label for every crop, always with one confidence."""

    def predict_proba(crops):
        probabilities = np.full((len(crops), 10), (1 - confidence) / 9, np.float32)
        probabilities[:, label] = confidence
        return probabilities

    return predict_proba


def score_as_digits(crops, score=0.9):
    return np.full((len(crops), 2), score, np.float32)


INSTANCE = DigitInstance(
    left=3,
    top=4,
    coverage=np.ones((20, 8), np.float32),
    probabilities=predict_label(7, 0.9)(range(1))[0],
    rotation=np.full(4, 0.25, np.float32),
    peak=0.8,
    purity=1.0,
)


EDGES = (3.0, 4.0, 11.0, 24.0)


def detected(instance, edges=EDGES):
    return DetectedDigit(instance, edges)


def share_of(label, by_crop):
    """Return the share of a label in the product of both estimates, as probabilities."""
    joint = np.sqrt(by_crop * INSTANCE.probabilities.astype(float))
    return joint[label] / joint.sum()


@pytest.fixture
def set_weights(monkeypatch):
    """A function that sets intercept and weights of the confidence."""

    def set_weights(intercept=0.0, *weights):
        padded = np.zeros(8)
        padded[: 1 + len(weights)] = intercept, *weights
        monkeypatch.setattr(confidence, "_INSTANCE_WEIGHTS", padded)

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
    (digit,) = score_detected([detected(INSTANCE)], predict_proba, score_as_digits)
    assert digit.edges == EDGES
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
    (digit,) = score_detected([detected(instance)], predict_proba, score_as_digits)
    expected = [log_odds(0.8), log_odds(0.95), log_odds(0.9), 0.6, 0.75, np.log(20 / 32)]
    expected.append(log_odds(0.9))
    np.testing.assert_allclose(digit.features, expected, rtol=1e-5)
    weights = [0.1, -0.3, 0.2, 0.5, -0.4, 0.7, 0.3]
    set_weights(-1.2, *weights)
    (digit,) = score_detected([detected(instance)], predict_proba, score_as_digits)
    expected_confidence = 1 / (1 + np.exp(1.2 - np.dot(weights, expected)))
    assert digit.confidence == pytest.approx(expected_confidence, rel=1e-5)


def test_features_are_those_of_the_combined_label(set_weights):
    set_weights()
    (digit,) = score_detected([detected(INSTANCE)], predict_label(1, 0.99), score_as_digits)
    np.testing.assert_allclose(
        digit.features[1:3], [log_odds(0.99), log_odds(INSTANCE.probabilities[1])], rtol=1e-5
    )


def test_certain_estimates_give_finite_features(set_weights):
    certain = np.eye(10, dtype=np.float32)[7]
    instance = replace(INSTANCE, peak=1.0, probabilities=certain)
    (digit,) = score_detected([detected(instance)], predict_label(7, 1.0), score_as_digits)
    np.testing.assert_allclose(digit.features[:3], log_odds(1 - 1e-4))
    (digit,) = score_detected(
        [detected(replace(instance, peak=0.0))], predict_label(1, 1.0), score_as_digits
    )
    assert digit.features[0] == pytest.approx(log_odds(1e-4))
    assert np.isfinite(digit.features).all()
    assert np.isfinite(digit.probabilities).all()


def test_agreement_increases_the_confidence():
    """With the weights that are shipped."""
    high, low = predict_label(7, 0.99)(range(1))[0], predict_label(7, 0.5)(range(1))[0]

    def confidence_of(peak, by_page_network, by_classifier):
        instance = replace(INSTANCE, peak=peak, probabilities=by_page_network)
        (digit,) = score_detected(
            [detected(instance)],
            lambda crops: np.tile(by_classifier, (len(crops), 1)),
            score_as_digits,
        )
        return digit.confidence

    assert confidence_of(0.9, high, high) > 0.8
    assert confidence_of(0.3, high, high) < confidence_of(0.9, high, high)
    assert confidence_of(0.9, low, high) < confidence_of(0.9, high, high)
    assert confidence_of(0.9, high, low) < confidence_of(0.9, high, high)
    assert confidence_of(0.15, low, low) < 0.5


def component_candidate(label=7, confidence=0.9, left=3, top=4, shape=(20, 8)):
    strength = np.ones(shape, np.float32)
    (candidate,) = classify([Component(left, top, strength)], predict_label(label, confidence))
    return candidate


def test_features_of_a_component_are_those_of_the_best_detected_digit_at_its_place():
    weak = detected(replace(INSTANCE, peak=0.3))
    elsewhere = detected(INSTANCE, (60, 4, 68, 24))
    candidates = [component_candidate(), component_candidate(left=100)]
    first, second = score_components(
        candidates, [weak, detected(INSTANCE), elsewhere], score_as_digits
    )
    by_network = float(INSTANCE.probabilities[7])
    mean_score = detected(INSTANCE).score / 2
    np.testing.assert_allclose(
        first.features,
        [log_odds(0.9), log_odds(0.8), log_odds(by_network), 1.0, mean_score, log_odds(0.9)],
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        second.features,
        [log_odds(0.9), log_odds(0.05), log_odds(0.05), 0.0, mean_score, log_odds(0.9)],
        rtol=1e-5,
    )
    assert first.edges == candidates[0].component.box
    assert first.probabilities.argmax() == 7


def test_a_low_score_is_no_support():
    faint = detected(replace(INSTANCE, peak=0.02))
    (digit,) = score_components([component_candidate()], [faint], score_as_digits)
    assert digit.features[4] == 0


def test_support_increases_the_confidence_of_a_component():
    """With the weights that are shipped."""

    def confidence_of(*digits, confidence=0.95):
        candidates = [component_candidate(confidence=confidence)]
        return score_components(candidates, digits, score_as_digits)[0].confidence

    assert confidence_of(detected(INSTANCE)) > 0.7
    assert confidence_of() < 0.3
    assert confidence_of(detected(INSTANCE), confidence=0.3) < confidence_of(detected(INSTANCE))
    other = replace(INSTANCE, probabilities=predict_label(1, 0.99)(range(1))[0])
    assert confidence_of(detected(other)) < confidence_of(detected(INSTANCE))


def test_nothing_is_scored_without_digits():
    assert score_detected([], None, None) == []
    assert score_components([], [detected(INSTANCE)], None) == []
