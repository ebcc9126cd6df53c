"""Confidence of a digit: the probability that there is one, and that its class is right.

Logistic regressions on the outputs of the page network and of the classifier, fitted on synthetic
pages by `tools.page_network.fit_confidence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mnistcnn.ocr.classification import Candidate, DigitScorer, PredictProba, classify_with_tta
from mnistcnn.ocr.digit_crop import digit_crop
from mnistcnn.ocr.digit_detection import DetectedDigit
from mnistcnn.ocr.instances import DigitInstance
from mnistcnn.ocr.results import Box
from mnistcnn.types import Float32Array, Float64Array, UInt8Array

# Left, top, right and bottom, in pixels of the upright image.
Edges: TypeAlias = tuple[float, float, float, float]

# Weight of the page network against the classifier in the logarithm of a class' probability.
_PAGE_NETWORK_WEIGHT = 0.5
# Bounds of a probability whose logarithm is taken.
_MIN_PROBABILITY = 1e-4
# Intersection over union from which the page network supports a component; the lowest score that
# counts; and the peak and class probability of a component without support.
_MIN_OVERLAP, _MIN_SCORE, _NO_PEAK, _NO_CLASS = 0.4, 0.02, 0.05, 0.05
# Without other writing, 0 and 1 look like the letters O and l, and the page network supports
# neither. Alone in a picture, they are digits: then these are the features besides the classifier's
# estimate, those of a digit with support.
_LETTER_LIKE, _LONE_FEATURES = (0, 1), (0.0, 3.0, 0.8, 0.6)
# The intercept, and the weight of each feature.
_INSTANCE_WEIGHTS = np.array([-2.81, 0.634, 0.075, 0.367, 4.498, -0.83, 0.081, 0.029])
_COMPONENT_WEIGHTS = np.array([-1.947, 0.131, 0.337, 0.17, -0.28, 3.449, 0.114])


@dataclass(frozen=True, eq=False)
class ScoredDigit:
    """A digit with its class probabilities.

    Parameters
    ----------
    edges : tuple of float
        Left, top, right and bottom in the upright image.
    crop : UInt8Array
        ``(28, 28)``: its digit crop.
    features : Float64Array
        What the confidence depends on.
    probabilities : Float32Array
        ``(10,)``: probability of each digit; 1 minus their sum is that of anything else.
    """

    edges: Edges
    crop: UInt8Array
    features: Float64Array
    probabilities: Float32Array

    @property
    def confidence(self) -> float:
        """Probability of the most probable digit."""
        return float(self.probabilities.max())


def score_detected(
    digits: Sequence[DetectedDigit], predict_proba: PredictProba, digit_scorer: DigitScorer
) -> list[ScoredDigit]:
    """Return the digits that the page network detected with their class probabilities.

    Those of the classifier, which sees a digit's shape alone, and of the page network, which
    sees its surroundings, are multiplied. A logistic regression gives the confidence of the most
    probable class.
    """
    crops = [digit_crop(digit.instance.coverage) for digit in digits]
    by_crops = classify_with_tta(crops, predict_proba)
    is_digit = _digit_scores(crops, digit_scorer)
    scored = []
    for digit, crop, by_crop, score in zip(digits, crops, by_crops, is_digit, strict=True):
        joint = _joint_probabilities(by_crop, digit.instance.probabilities)
        features = _instance_features(digit.instance, by_crop, int(joint.argmax()), score)
        probabilities = _scale(joint, features, _INSTANCE_WEIGHTS)
        scored.append(ScoredDigit(digit.edges, crop, features, probabilities))
    return scored


def score_components(
    candidates: Sequence[Candidate],
    detected: Sequence[DetectedDigit],
    digit_scorer: DigitScorer,
    reduction: float = 1.0,
) -> list[ScoredDigit]:
    """Return connected components that may be digits with their class probabilities.

    Parameters
    ----------
    candidates : sequence of Candidate
        The components of an image.
    detected : sequence of DetectedDigit
        What the page network detected at any scale. A component is a digit as far as the network
        sees one at its place, and on the places of the other components.
    reduction : float, default 1.0
        Factor by which the image of the components is smaller.
    """
    edges = [_enlarge(candidate.component.box, reduction) for candidate in candidates]
    support = _find_support(edges, detected)
    mean_score = sum(one.score for one in support if one is not None) / max(len(support), 1)
    scored = []
    is_digit = _digit_scores([candidate.crop for candidate in candidates], digit_scorer)
    for candidate, place, one, score in zip(candidates, edges, support, is_digit, strict=True):
        label = int(candidate.probabilities.argmax())
        features = _component_features(candidate, one, label, mean_score, score)
        if len(candidates) == 1 and one is None and label in _LETTER_LIKE:
            features[1:-1] = _LONE_FEATURES
        probabilities = _scale(candidate.probabilities, features, _COMPONENT_WEIGHTS)
        scored.append(ScoredDigit(place, candidate.crop, features, probabilities))
    return scored


def _digit_scores(crops: Sequence[UInt8Array], digit_scorer: DigitScorer) -> list[float]:
    """Return the probability that each crop shows a digit."""
    return digit_scorer(np.stack(crops))[:, 0].tolist() if crops else []


def _joint_probabilities(by_crop: Float32Array, by_network: Float32Array) -> Float64Array:
    """Return the weighted geometric mean of two estimates, relative to its maximum."""
    log_probabilities = (1 - _PAGE_NETWORK_WEIGHT) * np.log(np.maximum(by_crop, _MIN_PROBABILITY))
    log_probabilities += _PAGE_NETWORK_WEIGHT * np.log(np.maximum(by_network, _MIN_PROBABILITY))
    joint: Float64Array = np.exp(log_probabilities - log_probabilities.max())
    return joint


def _scale(
    relative: Float64Array | Float32Array, features: Float64Array, weights: Float64Array
) -> Float32Array:
    """Return probabilities of which the greatest one is that of the logistic regression.

    The others share its ratio to them.
    """
    log_odds = weights[0] + features @ weights[1:]
    probabilities = relative / (relative.max() * (1 + np.exp(-log_odds)))
    probabilities /= max(1.0, float(probabilities.sum()))
    return np.asarray(probabilities, np.float32)


def _instance_features(
    instance: DigitInstance, by_crop: Float32Array, label: int, score: float
) -> Float64Array:
    """Return what the confidence of an instance depends on: seven numbers.

    The log odds of the center, of the label by the classifier and of the label by the page network;
    digit ink as a fraction of all ink; mean coverage of the ink; the logarithm of the size; and
    the log odds of a digit by its crop.
    """
    ink = instance.coverage[instance.coverage > 0.5]
    return np.array(
        [
            _log_odds(instance.peak),
            _log_odds(float(by_crop[label])),
            _log_odds(float(instance.probabilities[label])),
            instance.purity,
            float(ink.mean()) if ink.size else 0.0,
            np.log(max(instance.coverage.shape) / 32),
            _log_odds(score),
        ]
    )


def _enlarge(box: Box, factor: float) -> Edges:
    left, top, right, bottom = box
    return factor * left, factor * top, factor * right, factor * bottom


def _find_support(
    edges: Sequence[Edges], detected: Sequence[DetectedDigit]
) -> list[DetectedDigit | None]:
    """Return for each place the best detected digit that covers it, if there is one."""
    digits = [digit for digit in detected if digit.score > _MIN_SCORE]
    digits.sort(key=lambda digit: -digit.score)
    if not digits or not edges:
        return [None] * len(edges)
    overlaps = _overlaps(np.array(edges), np.array([digit.edges for digit in digits]))
    at_same_place = overlaps > _MIN_OVERLAP
    best = at_same_place.argmax(axis=1)
    return [digits[j] if at_same_place[i, j] else None for i, j in enumerate(best)]


def _overlaps(first: Float64Array, second: Float64Array) -> Float64Array:
    """Return the intersection over union of each box of one array with each of another."""
    low = np.maximum(first[:, np.newaxis, :2], second[:, :2])
    high = np.minimum(first[:, np.newaxis, 2:], second[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    union = areas[0][:, np.newaxis] + areas[1] - shared
    return np.asarray(shared / np.maximum(union, 1e-6), np.float64)


def _component_features(
    candidate: Candidate,
    support: DetectedDigit | None,
    label: int,
    mean_score: float,
    score: float,
) -> Float64Array:
    """Return what the confidence of a component depends on: six numbers.

    The log odds of the label by the classifier; of the detected center, and of the label by the
    page network; digit ink as a fraction of all ink; the mean score of the detected digits at the
    places of all components; and the log odds of a digit by its crop.
    """
    one = None if support is None else support.instance
    return np.array(
        [
            _log_odds(candidate.confidence),
            _log_odds(_NO_PEAK if one is None else one.peak),
            _log_odds(_NO_CLASS if one is None else float(one.probabilities[label])),
            0.0 if one is None else one.purity,
            mean_score,
            _log_odds(score),
        ]
    )


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
    return float(np.log(bounded / (1 - bounded)))
