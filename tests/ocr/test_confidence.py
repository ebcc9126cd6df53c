"""Confidence of detected digits and of connected components."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from mnistcnn.ocr.classification import classify
from mnistcnn.ocr.components import Component
from mnistcnn.ocr.confidence import score_digits
from mnistcnn.ocr.digit_detection import DetectedDigit, Detection
from mnistcnn.ocr.instances import DigitInstance
from mnistcnn.weights.pretrained import load_confidence_weights

KINDS = ("detected", "lone component", "component beside digits", "component")


def predict_label(label, confidence):
    """Return a classifier that predicts a label for every crop, always with one confidence."""

    def predict_proba(crops):
        probabilities = np.full((len(crops), 10), (1 - confidence) / 9, np.float32)
        probabilities[:, label] = confidence
        return probabilities

    return predict_proba


def score_as_digits(crops, score=0.9):
    return np.full(len(crops), score, np.float32)


INSTANCE = DigitInstance(
    left=3,
    top=4,
    coverage=np.ones((20, 8), np.float32),
    probabilities=predict_label(7, 0.9)(range(1))[0],
    peak=0.8,
    purity=1.0,
)
EDGES = (3.0, 4.0, 11.0, 24.0)


def detected(instance=INSTANCE, edges=EDGES):
    return DetectedDigit(instance, edges)


def component(label=7, confidence=0.9, left=3, top=4, shape=(20, 8)):
    strength = np.ones(shape, np.float32)
    (candidate,) = classify([Component(left, top, strength)], predict_label(label, confidence))
    return candidate


def regression(intercept=0.0, **weights):
    """Return weights of every kind; a feature is named with _ for each space."""
    named = {name.replace("_", " "): weight for name, weight in weights.items()}
    return {kind: defaultdict(float, intercept=intercept, **named) for kind in KINDS}


def score(
    digits=(),
    components=(),
    candidates=(),
    *,
    by_crop=None,
    weights=None,
    shape=(90, 120),
    **options,
):
    """Score a page with these detected digits, components and digits of other scales."""
    return score_digits(
        Detection(list(digits), [*digits, *candidates]),
        components,
        by_crop or predict_label(7, 0.9),
        score_as_digits,
        weights or regression(),
        shape=shape,
        **options,
    )


def log_odds(probability):
    return np.log(probability / (1 - probability))


def share_of(label, by_crop):
    """Return the share of a label in the product of both estimates, as probabilities."""
    joint = np.sqrt(by_crop * INSTANCE.probabilities.astype(float))
    return joint[label] / joint.sum()


@pytest.mark.parametrize(
    ("label", "confidence", "expected"), [(7, 0.9, 7), (1, 0.99, 1), (1, 0.5, 7)]
)
@pytest.mark.parametrize("intercept", [-3.0, 0.0, 6.0])
def test_classifier_and_page_network_are_combined(intercept, label, confidence, expected):
    by_crop = predict_label(label, confidence)
    (digit,) = score([detected()], by_crop=by_crop, weights=regression(intercept))
    assert digit.edges == EDGES
    assert digit.crop.shape == (28, 28)
    assert digit.kind == "detected"
    assert digit.probabilities.dtype == np.float32
    assert digit.probabilities.argmax() == expected
    assert digit.confidence == pytest.approx(digit.probabilities.max())
    # By the logistic regression, but at most the share of the digit among all.
    share = share_of(expected, by_crop(range(1))[0])
    by_regression = 1 / (1 + np.exp(-intercept))
    assert digit.confidence == pytest.approx(min(by_regression, share), rel=1e-4)
    # The other digits keep their share.
    assert digit.probabilities[expected] / digit.probabilities.sum() == pytest.approx(
        share, rel=1e-4
    )


def test_confidence_is_a_logistic_regression_of_the_features():
    coverage = np.full((20, 8), 0.75, np.float32)
    coverage[:, 0] = 0.4  # the soft edge is not counted
    instance = replace(INSTANCE, coverage=coverage, purity=0.6)
    weights = regression(-1.2, center=0.1, class_by_network=-0.3, purity=0.5, coverage=-0.4)
    (digit,) = score([detected(instance)], by_crop=predict_label(7, 0.95), weights=weights)
    expected = {
        "center": log_odds(0.8),
        "class by classifier": log_odds(0.95),
        "class by network": log_odds(0.9),
        "certainty of network": 0.9,
        "digit": log_odds(0.9),
        "purity": 0.6,
        "coverage": 0.75,
        "log size": np.log(20 / 32),
        "log relative size": 0,
        "is component": 0,
        "class by component": 0,
        "overlap": 0,
        "inside component": 0,
    }
    assert {name: digit.features[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    expected_log_odds = -1.2 + sum(
        weight * digit.features[name]
        for name, weight in weights["detected"].items()
        if name != "intercept"
    )
    assert log_odds(digit.confidence) == pytest.approx(expected_log_odds, rel=1e-4)


def test_features_are_those_of_the_combined_label():
    (digit,) = score([detected()], by_crop=predict_label(1, 0.99))
    assert digit.features["class by classifier"] == pytest.approx(log_odds(0.99), rel=1e-5)
    by_network = float(INSTANCE.probabilities[1])
    assert digit.features["class by network"] == pytest.approx(log_odds(by_network), rel=1e-5)


def test_the_page_is_described():
    small = detected(replace(INSTANCE, coverage=INSTANCE.coverage[:10, :4]), (60, 4, 64, 14))
    components = [component(), component(left=100, confidence=0.5)]
    digits = score([detected(), small], components, shape=(100, 100))
    page_score = detected().score
    expected = {
        "mean support": page_score / 2,
        "fraction supported": 0.5,
        "mean class probability": 0.7,
        "mean digit probability": 0.9,
        "log components": np.log(3),
        "no components": 0,
        "log detected": np.log(3),
        "mean score": page_score,
        "log image size": np.log(100) - 6,
    }
    for digit in digits:
        assert {name: digit.features[name] for name in expected} == pytest.approx(
            expected, rel=1e-4
        )
    # Relative to the median of 20 and 10.
    assert digits[1].features["log relative size"] == pytest.approx(np.log(10 / 15))
    (alone,) = score([detected()])
    assert alone.features["no components"] == 1
    assert alone.features["mean support"] == 0


def test_features_of_a_component_are_those_of_the_best_detected_digit_at_its_place():
    weak = detected(replace(INSTANCE, peak=0.3))
    components = [component(), component(left=100, shape=(40, 10))]
    digit, _, first, second = score(
        [detected(), detected(edges=(60, 4, 68, 24))], components, [weak]
    )
    expected = {
        "class by classifier": log_odds(0.9),
        "center": log_odds(0.8),
        "class by network": log_odds(float(INSTANCE.probabilities[7])),
        "digit": log_odds(0.9),
        "purity": 1,
        "is detected": 1,
        "score": detected().score,
        "overlap": 1,
        "inside detected": 0,
        "log size": np.log(20 / 32),
        "log relative height": np.log(20 / 30),
        "log aspect ratio": np.log(8 / 20),
        "is 0": 0,
        "is 1": 0,
        "touched borders": 0,
    }
    assert {name: first.features[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    expected |= {"center": -3, "class by network": -3, "purity": 0, "is detected": 0, "score": 0}
    expected |= {"overlap": 0, "log size": np.log(40 / 32), "log relative height": np.log(40 / 30)}
    expected |= {"log aspect ratio": np.log(10 / 40)}
    assert {name: second.features[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert first.edges == components[0].component.box
    assert first.probabilities.argmax() == 7
    assert digit.features["is component"] == 1
    assert digit.features["overlap"] == 1
    assert digit.features["class by component"] == pytest.approx(log_odds(0.9), rel=1e-5)


def test_the_network_corrects_the_class_of_a_component():
    instance = replace(INSTANCE, probabilities=predict_label(7, 0.999)(range(1))[0])
    _, digit = score([detected(instance)], [component(label=1, confidence=0.4)])
    assert digit.probabilities.argmax() == 7


def test_edges_of_components_refer_to_the_image():
    (digit,) = score(components=[component()], reduction=2.5)
    assert digit.edges == (7.5, 10, 27.5, 60)


@pytest.mark.parametrize(
    ("left", "top", "shape", "count"),
    [(0, 4, (20, 8), 1), (0, 0, (90, 8), 3), (50, 30, (20, 8), 0)],
)
def test_touched_borders_are_counted(left, top, shape, count):
    (digit,) = score(components=[component(left=left, top=top, shape=shape)])
    assert digit.features["touched borders"] == count


def test_each_kind_has_a_regression():
    alone = score(components=[component()])
    assert [digit.kind for digit in alone] == ["lone component"]
    components = [component(), component(left=100)]
    assert [digit.kind for digit in score([], components)] == ["component"] * 2
    both = [detected(), detected(edges=(100, 4, 108, 24))]
    kinds = [digit.kind for digit in score(both, components)]
    assert kinds == ["detected"] * 2 + ["component beside digits"] * 2
    weights = {kind: {**regression()[kind], "intercept": i} for i, kind in enumerate(KINDS)}
    weights = {kind: defaultdict(float, of_kind) for kind, of_kind in weights.items()}
    (digit,) = score(components=[component(confidence=0.99)], weights=weights)
    assert digit.confidence == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-4)


def test_fragments_lie_within_a_digit():
    """Half of the component's width lies within the detected digit, and the other way round."""
    small = component(left=7, top=10, shape=(4, 8))
    _, digit = score([detected()], [small])
    assert digit.features["inside detected"] == pytest.approx(0.5 * detected().score, rel=1e-5)
    large = component(left=0, top=0, shape=(60, 60), confidence=0.8)
    digit, _ = score([detected()], [large])
    assert digit.features["inside component"] == pytest.approx(0.8 * 0.9, rel=1e-5)


def test_a_low_score_is_no_support():
    faint = detected(replace(INSTANCE, peak=0.02))
    *_, digit = score([], [component()], [faint])
    assert digit.features["score"] == 0
    assert digit.features["is detected"] == 0


def test_certain_estimates_give_finite_features():
    certain = np.eye(10, dtype=np.float32)[7]
    instance = replace(INSTANCE, peak=1.0, probabilities=certain)
    for peak, label in ((1.0, 7), (0.0, 1)):
        digits = score(
            [detected(replace(instance, peak=peak))],
            [component(label, 1.0)],
            by_crop=predict_label(label, 1.0),
            weights=load_confidence_weights(),
        )
        assert digits[0].features["center"] == pytest.approx(log_odds(0.9999 if peak else 1e-4))
        for digit in digits:
            assert np.isfinite(list(digit.features.values())).all()
            assert np.isfinite(digit.probabilities).all()


def test_agreement_increases_the_confidence():
    """With the weights that are shipped."""
    high, low = predict_label(7, 0.99)(range(1))[0], predict_label(7, 0.5)(range(1))[0]

    def confidence_of(peak, by_page_network, by_classifier):
        instance = replace(INSTANCE, peak=peak, probabilities=by_page_network)
        (digit,) = score(
            [detected(instance)],
            by_crop=lambda crops: np.tile(by_classifier, (len(crops), 1)),
            weights=load_confidence_weights(),
        )
        return digit.confidence

    assert confidence_of(0.9, high, high) > 0.8
    assert confidence_of(0.3, high, high) < confidence_of(0.9, high, high)
    assert confidence_of(0.9, low, high) < confidence_of(0.9, high, high)
    assert confidence_of(0.15, low, low) < 0.5


def test_support_increases_the_confidence_of_a_component():
    """With the weights that are shipped."""

    def confidence_of(*digits):
        components = [component(confidence=0.95), component(left=100)]
        return score(digits, components, weights=load_confidence_weights())[len(digits)].confidence

    assert confidence_of(detected()) > confidence_of() + 0.2
    other = replace(INSTANCE, probabilities=predict_label(1, 0.99)(range(1))[0])
    assert confidence_of(detected(other)) < confidence_of(detected())


def test_nothing_is_scored_without_digits():
    assert score() == []
    assert score(candidates=[detected()]) == []
