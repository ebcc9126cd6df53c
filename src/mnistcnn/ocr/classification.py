"""Classification of digit instances, with test-time augmentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.ocr.digit_crop import digit_crop
from mnistcnn.ocr.instances import DigitInstance
from mnistcnn.types import IMAGE_SIZE, NUM_CLASSES, Float32Array, Float64Array, UInt8Array

# Maps digit crops, ``uint8 (n, 28, 28)``, to class probabilities, ``float32 (n, 10)``.
PredictProba: TypeAlias = Callable[[UInt8Array], Float32Array]

# Augmented views: rotation in degrees with scale, and horizontal shear.
_ROTATIONS_AND_SCALES = ((10, 1), (-10, 1), (0, 0.85))
_SHEARS = (0.2, -0.2)
# Weight of the page network against the classifier in the logarithm of a class' probability.
_PAGE_NETWORK_WEIGHT = 0.5
# Bounds of a probability whose logarithm is taken.
_MIN_PROBABILITY = 1e-4
# Logistic regression of "there is a digit, and its class is right": the intercept, and the weight
# of each feature. Fitted on synthetic pages by `tools.page_network.fit_confidence`.
_CONFIDENCE_WEIGHTS = np.array([-1.701, 0.59, 0.053, 0.343, 3.328, -0.561, 0.038])


@dataclass(frozen=True, eq=False)
class ClassifiedDigit:
    """A digit instance with its class probabilities.

    Parameters
    ----------
    instance : DigitInstance
        The ink.
    crop : UInt8Array
        ``(28, 28)``: its digit crop.
    features : Float64Array
        ``(6,)``: what the confidence depends on, as `_confidence_features` lists it.
    probabilities : Float32Array
        ``(10,)``: probability of each digit; 1 minus their sum is that of anything else.
    """

    instance: DigitInstance
    crop: UInt8Array
    features: Float64Array
    probabilities: Float32Array

    @property
    def confidence(self) -> float:
        """Probability of the most probable digit."""
        return float(self.probabilities.max())


def classify(
    instances: Sequence[DigitInstance], predict_proba: PredictProba
) -> list[ClassifiedDigit]:
    """Return the instances with their class probabilities.

    Those of the classifier, which sees a digit's shape alone, and of the page network, which
    sees its surroundings, are multiplied. A logistic regression gives the confidence of the most
    probable class.
    """
    crops = [digit_crop(instance.coverage) for instance in instances]
    by_crop = classify_with_tta(crops, predict_proba)
    return [
        _weigh(instance, crop, probabilities)
        for instance, crop, probabilities in zip(instances, crops, by_crop, strict=True)
    ]


def _weigh(instance: DigitInstance, crop: UInt8Array, by_crop: Float32Array) -> ClassifiedDigit:
    """Return an instance with the probability of each class and of none."""
    log_probabilities = (1 - _PAGE_NETWORK_WEIGHT) * np.log(np.maximum(by_crop, _MIN_PROBABILITY))
    log_probabilities += _PAGE_NETWORK_WEIGHT * np.log(
        np.maximum(instance.probabilities, _MIN_PROBABILITY)
    )
    joint = np.exp(log_probabilities - log_probabilities.max())
    features = _confidence_features(instance, by_crop, int(joint.argmax()))
    log_odds = _CONFIDENCE_WEIGHTS[0] + features @ _CONFIDENCE_WEIGHTS[1:]
    # The confidence of the most probable digit; the others share its ratio to them.
    probabilities = joint / (joint.max() * (1 + np.exp(-log_odds)))
    probabilities /= max(1.0, float(probabilities.sum()))
    return ClassifiedDigit(instance, crop, features, probabilities.astype(np.float32))


def _confidence_features(
    instance: DigitInstance, by_crop: Float32Array, label: int
) -> Float64Array:
    """Return what the confidence depends on: six numbers.

    The log odds of the center, of the label by the classifier and of the label by the page network;
    digit ink as a fraction of all ink; mean coverage of the ink; and the logarithm of the size.
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
        ]
    )


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
    return float(np.log(bounded / (1 - bounded)))


def classify_with_tta(crops: Sequence[UInt8Array], predict_proba: PredictProba) -> Float32Array:
    """Return ``float32 (n, 10)``: the mean probabilities over each crop and its augmented views.

    A digit keeps its class when it is rotated, sheared or scaled. Other symbols often change
    theirs, so their confidence decreases.
    """
    if not crops:
        return np.zeros((0, NUM_CLASSES), np.float32)
    views = list(crops)
    for transform in _VIEW_TRANSFORMS:
        views += [np.asarray(cv2.warpAffine(crop, transform, (IMAGE_SIZE,) * 2)) for crop in crops]
    probabilities = predict_proba(np.stack(views)).reshape(
        1 + len(_VIEW_TRANSFORMS), len(crops), -1
    )
    return np.asarray(probabilities.mean(axis=0), np.float32)


def _view_transforms() -> list[NDArray[np.float64]]:
    """Return the affine map of each augmented view, ``(2, 3)``, as OpenCV takes it."""
    center = (IMAGE_SIZE - 1) / 2
    rotations = [
        cv2.getRotationMatrix2D((center, center), angle, scale)
        for angle, scale in _ROTATIONS_AND_SCALES
    ]
    shears = [np.array([[1, shear, -shear * center], [0, 1, 0]]) for shear in _SHEARS]
    return [np.asarray(transform, np.float64) for transform in rotations + shears]


_VIEW_TRANSFORMS = _view_transforms()
