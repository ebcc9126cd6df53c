"""Confidence of a digit: the probability that there is one, and that its class is right.

Logistic regressions on the outputs of the page network and of the classifier, and on how the page
looks as a whole. `tools.page_network.fit_confidence` fits them on synthetic pages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from mnistcnn.ocr.boxes import Edges, intersection_over_union, intersections
from mnistcnn.ocr.classification import Candidate, DigitScorer, PredictProba, classify_with_tta
from mnistcnn.ocr.digit_crop import digit_crop
from mnistcnn.ocr.digit_detection import DetectedDigit, Detection
from mnistcnn.ocr.results import Box
from mnistcnn.types import Float32Array, Float64Array, UInt8Array

# What a digit is: detected by the page network, or a connected component of the ink, alone in the
# picture, on a page where the network detects digits at most components, or elsewhere.
Kind: TypeAlias = Literal["detected", "lone component", "component beside digits", "component"]
# For each kind of digit, the weight of each feature, and the "intercept".
ConfidenceWeights: TypeAlias = Mapping[str, Mapping[str, float]]
_Features: TypeAlias = dict[str, float]

# Weight of the page network against the classifier in the logarithm of a class' probability, for
# the digits that the network detected and for connected components.
_DETECTED_NETWORK_WEIGHT, _COMPONENT_NETWORK_WEIGHT = 0.5, 0.3
# Bounds of a probability whose logarithm is taken.
_MIN_PROBABILITY = 1e-4
# Intersection over union from which two boxes are at the same place, and the lowest score of a
# detected digit that counts there.
_MIN_OVERLAP, _MIN_SCORE = 0.4, 0.02
# Log odds of center and class for a component at whose place nothing was detected.
_NO_LOG_ODDS = -3.0
# Score from which a component is supported; mean score from which its page is one with digits.
_MIN_SUPPORT, _MIN_MEAN_SUPPORT = 0.1, 0.45


@dataclass(frozen=True, eq=False)
class ScoredDigit:
    """A digit with its class probabilities.

    Parameters
    ----------
    edges : tuple of float
        Left, top, right and bottom in the upright image.
    crop : UInt8Array
        ``(28, 28)``: its digit crop.
    kind : str
        Which regression gives the confidence.
    features : dict
        What the confidence depends on.
    probabilities : Float32Array
        ``(10,)``: probability of each digit; 1 minus their sum is that of anything else.
    """

    edges: Edges
    crop: UInt8Array
    kind: Kind
    features: Mapping[str, float]
    probabilities: Float32Array

    @property
    def confidence(self) -> float:
        """Probability of the most probable digit."""
        return float(self.probabilities.max())


@dataclass(frozen=True, eq=False)
class _Place:
    """What was seen at the place of a connected component."""

    candidate: Candidate
    edges: Edges
    is_digit: float
    support: DetectedDigit | None
    overlap: float
    inside: float

    @property
    def score(self) -> float:
        """Score of the detected digit."""
        return 0.0 if self.support is None else self.support.score


@dataclass(frozen=True, eq=False)
class _Page:
    """What a page as a whole looks like."""

    features: _Features
    shape: tuple[int, int]
    num_components: int
    median_height: float

    @property
    def has_digits(self) -> bool:
        """Whether the network detects digits at most components."""
        return self.features["mean support"] > _MIN_MEAN_SUPPORT


def score_digits(
    detection: Detection,
    components: Sequence[Candidate],
    predict_proba: PredictProba,
    digit_scorer: DigitScorer,
    weights: ConfidenceWeights,
    *,
    shape: Sequence[int],
    reduction: float = 1.0,
) -> list[ScoredDigit]:
    """Return everything on a page that may be a digit with its class probabilities.

    The same digit may be returned twice, as one that the network detected and as a component.

    Parameters
    ----------
    detection : Detection
        What the page network detected.
    components : sequence of Candidate
        The connected components.
    predict_proba, digit_scorer : callable
        As in `read_page`.
    weights : mapping
        The regression of each kind of digit.
    shape : sequence of int
        Height and width of the upright image.
    reduction : float, default 1.0
        Factor by which the image of the components is smaller.
    """
    places = _find_places(components, detection, digit_scorer, reduction)
    page = _describe_page(detection, places, shape)
    return [
        *_score_detected(
            detection.digits,
            places,
            page,
            predict_proba=predict_proba,
            digit_scorer=digit_scorer,
            weights=weights,
        ),
        *(_score_component(place, page, weights) for place in places),
    ]


def _find_places(
    components: Sequence[Candidate],
    detection: Detection,
    digit_scorer: DigitScorer,
    reduction: float,
) -> list[_Place]:
    """Return each component with the best digit that was detected at its place at any scale."""
    edges = [_enlarge(one.component.box, reduction) for one in components]
    scores = _digit_scores([one.crop for one in components], digit_scorer)
    digits = [digit for digit in detection.candidates if digit.score > _MIN_SCORE]
    digits.sort(key=lambda digit: -digit.score)
    overlaps = intersection_over_union(edges, [digit.edges for digit in digits])
    inside = _parts_inside(
        edges, [one.edges for one in detection.digits], [one.score for one in detection.digits]
    )
    places = []
    for i, component in enumerate(components):
        at_place = np.flatnonzero(overlaps[i] > _MIN_OVERLAP)
        support = digits[at_place[0]] if len(at_place) else None
        overlap = float(overlaps[i, at_place[0]]) if len(at_place) else 0.0
        places.append(_Place(component, edges[i], scores[i], support, overlap, inside[i]))
    return places


def _describe_page(detection: Detection, places: Sequence[_Place], shape: Sequence[int]) -> _Page:
    """Return what the page as a whole looks like."""
    features = {
        "mean support": _mean([place.score for place in places]),
        "fraction supported": _mean([place.score > _MIN_SUPPORT for place in places]),
        "mean class probability": _mean([place.candidate.confidence for place in places]),
        "mean digit probability": _mean([place.is_digit for place in places]),
        "log components": math.log1p(len(places)),
        "no components": float(not places),
        "log detected": math.log1p(len(detection.digits)),
        "mean score": _mean([digit.score for digit in detection.digits]),
        "log image size": math.log(shape[0] * shape[1]) / 2 - 6,
    }
    heights = [place.candidate.component.height for place in places]
    return _Page(features, (shape[0], shape[1]), len(places), float(np.median(heights or [1])))


def _score_detected(
    digits: Sequence[DetectedDigit],
    places: Sequence[_Place],
    page: _Page,
    *,
    predict_proba: PredictProba,
    digit_scorer: DigitScorer,
    weights: ConfidenceWeights,
) -> list[ScoredDigit]:
    """Return the digits that the page network detected.

    The class probabilities are those of the classifier, which sees a digit's shape alone, times
    those of the page network, which sees its surroundings.
    """
    crops = [digit_crop(digit.instance.coverage) for digit in digits]
    by_crops = classify_with_tta(crops, predict_proba)
    is_digit = _digit_scores(crops, digit_scorer)
    sizes = [max(digit.instance.coverage.shape) for digit in digits]
    boxes, others = [digit.edges for digit in digits], [place.edges for place in places]
    overlaps = intersection_over_union(boxes, others)
    inside = _parts_inside(
        boxes, others, [place.candidate.confidence * place.is_digit for place in places]
    )
    scored = []
    for i, digit in enumerate(digits):
        instance = digit.instance
        joint = _combine(by_crops[i], instance.probabilities, _DETECTED_NETWORK_WEIGHT)
        label = int(joint.argmax())
        best = int(overlaps[i].argmax()) if places else -1
        at_place = bool(places) and overlaps[i, best] > _MIN_OVERLAP
        ink = instance.coverage[instance.coverage > 0.5]
        features = {
            "center": _log_odds(instance.peak),
            "class by classifier": _log_odds(float(by_crops[i][label])),
            "class by network": _log_odds(float(instance.probabilities[label])),
            "certainty of network": float(instance.probabilities.max()),
            "digit": _log_odds(is_digit[i]),
            "purity": instance.purity,
            "coverage": float(ink.mean()) if ink.size else 0.0,
            "log size": math.log(sizes[i] / 32),
            "log relative size": math.log(max(sizes[i] / float(np.median(sizes)), 0.05)),
            "is component": float(at_place),
            "class by component": _log_odds(float(places[best].candidate.probabilities[label]))
            if at_place
            else 0.0,
            "overlap": float(overlaps[i, best]) if at_place else 0.0,
            "inside component": inside[i],
            **page.features,
        }
        probabilities = _class_probabilities(joint, features, weights["detected"])
        scored.append(ScoredDigit(digit.edges, crops[i], "detected", features, probabilities))
    return scored


def _score_component(place: _Place, page: _Page, weights: ConfidenceWeights) -> ScoredDigit:
    """Return a component. It is a digit as far as the page network detects one there, too."""
    candidate, support = place.candidate, place.support
    one = None if support is None else support.instance
    joint: Float64Array | Float32Array = candidate.probabilities
    if one is not None:
        joint = _combine(candidate.probabilities, one.probabilities, _COMPONENT_NETWORK_WEIGHT)
    label = int(joint.argmax())
    component = candidate.component
    left, top, right, bottom = place.edges
    features = {
        "class by classifier": _log_odds(float(candidate.probabilities[label])),
        "center": _NO_LOG_ODDS if one is None else _log_odds(one.peak),
        "class by network": _NO_LOG_ODDS
        if one is None
        else _log_odds(float(one.probabilities[label])),
        "digit": _log_odds(place.is_digit),
        "purity": 0.0 if one is None else one.purity,
        "is detected": float(one is not None),
        "score": place.score,
        "overlap": place.overlap,
        "inside detected": place.inside,
        "log size": math.log(max(component.height, component.width) / 32),
        "log relative height": math.log(component.height / page.median_height),
        "log aspect ratio": math.log(component.width / component.height),
        "is 0": float(label == 0),
        "is 1": float(label == 1),
        # Lines and frames often end there.
        "touched borders": float(
            (left <= 1) + (top <= 1) + (right >= page.shape[1] - 1) + (bottom >= page.shape[0] - 1)
        ),
        **page.features,
    }
    kind: Kind = "component"
    if page.num_components == 1:
        kind = "lone component"
    elif page.has_digits:
        kind = "component beside digits"
    probabilities = _class_probabilities(joint, features, weights[kind])
    return ScoredDigit(place.edges, candidate.crop, kind, features, probabilities)


def _class_probabilities(
    relative: Float64Array | Float32Array, features: _Features, weights: Mapping[str, float]
) -> Float32Array:
    """Return class probabilities of which the regression gives the greatest one.

    The others share its ratio to them.
    """
    log_odds = weights["intercept"]
    log_odds += sum(weights[name] * value for name, value in features.items())
    probabilities = relative / (relative.max() * (1 + math.exp(-min(max(log_odds, -50), 50))))
    probabilities /= max(1.0, float(probabilities.sum()))
    return np.asarray(probabilities, np.float32)


def _digit_scores(crops: Sequence[UInt8Array], digit_scorer: DigitScorer) -> list[float]:
    """Return the probability that each crop shows a digit."""
    return digit_scorer(np.stack(crops)).tolist() if crops else []


def _combine(by_crop: Float32Array, by_network: Float32Array, weight: float) -> Float64Array:
    """Return the weighted geometric mean of two estimates, relative to its maximum."""
    log_probabilities = (1 - weight) * np.log(np.maximum(by_crop, _MIN_PROBABILITY))
    log_probabilities += weight * np.log(np.maximum(by_network, _MIN_PROBABILITY))
    joint: Float64Array = np.exp(log_probabilities - log_probabilities.max())
    return joint


def _enlarge(box: Box, factor: float) -> Edges:
    left, top, right, bottom = box
    return factor * left, factor * top, factor * right, factor * bottom


def _parts_inside(
    boxes: Sequence[Edges], others: Sequence[Edges], scores: Sequence[float]
) -> list[float]:
    """Return how much of each box lies within a larger other one, times the score of that.

    A fragment of a digit lies within the whole digit.
    """
    shared, areas, _ = intersections(boxes, others)
    parts = shared / np.maximum(areas[:, np.newaxis], 1e-6) * np.array(scores)
    parts[intersection_over_union(boxes, others) > _MIN_OVERLAP] = 0
    return [float(part) for part in parts.max(axis=1, initial=0)]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
    return math.log(bounded / (1 - bounded))
