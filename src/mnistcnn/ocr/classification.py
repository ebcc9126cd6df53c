"""Classification of components, with test-time augmentation, and detection of non-digits.

One network assigns probabilities to the ten digits, a second one to whether a crop shows a digit
at all: a letter, a symbol or a blot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mnistcnn.ocr.components import Component
from mnistcnn.types import IMAGE_SIZE, NUM_CLASSES, Float32Array, UInt8Array
from mnistcnn.weights.arrays import REJECTOR_WEIGHT_SHAPES
from mnistcnn.weights.onnx_classifier import OnnxClassifier
from mnistcnn.weights.onnx_file import to_onnx
from mnistcnn.weights.pretrained import load_rejector_weights

# Maps digit crops, ``uint8 (n, 28, 28)``, to class probabilities, ``float32 (n, 10)``.
PredictProba: TypeAlias = Callable[[UInt8Array], Float32Array]

# Maps digit crops, ``uint8 (n, 28, 28)``, to the probabilities that a crop shows one digit,
# ``float32 (n,)``.
DigitScorer: TypeAlias = Callable[[UInt8Array], Float32Array]

# Augmented views: rotation in degrees with scale, and horizontal shear.
_ROTATIONS_AND_SCALES = ((10, 1), (-10, 1), (0, 0.85))
_SHEARS = (0.2, -0.2)
# Digits are more frequent on a page, where nearly everything is one, than in the training set of
# the rejector, where two thirds are: the logarithm of the factor by which their odds differ. The
# bias of the shipped weights includes it for single digits. Chosen on held-out data, so that 97 %
# of the digits keep a confidence of 0.9.
LOG_PRIOR_ODDS = 3.0


@dataclass(frozen=True, eq=False)
class Candidate:
    """A component with its class probabilities.

    Parameters
    ----------
    component : Component
        The ink.
    crop : UInt8Array
        ``(28, 28)``: its digit crop.
    probabilities : Float32Array
        ``(10,)``: probability of each digit.
    """

    component: Component
    crop: UInt8Array
    probabilities: Float32Array

    @property
    def confidence(self) -> float:
        """Probability of the most probable digit."""
        return float(self.probabilities.max())


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
# The crop itself and its augmented views.
NUM_VIEWS = 1 + len(_VIEW_TRANSFORMS)


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
    probabilities = predict_proba(np.stack(views)).reshape(NUM_VIEWS, len(crops), -1)
    return np.asarray(probabilities.mean(axis=0), np.float32)


def classify(components: Sequence[Component], predict_proba: PredictProba) -> list[Candidate]:
    """Return the components with their class probabilities."""
    crops = [component.digit_crop() for component in components]
    probabilities = classify_with_tta(crops, predict_proba)
    return [Candidate(*fields) for fields in zip(components, crops, probabilities, strict=True)]


def classify_if_confident(
    components: Sequence[Component], thresholds: Sequence[float], predict_proba: PredictProba
) -> list[Candidate | None]:
    """Classify the components whose crop alone reaches its threshold; None for the others.

    Saves the augmented views of the others.
    """
    candidates: list[Candidate | None] = [None] * len(components)
    if not components:
        return candidates
    crops = [component.digit_crop() for component in components]
    confidences = predict_proba(np.stack(crops)).max(axis=1)
    confident = np.flatnonzero(confidences >= thresholds).tolist()
    probabilities = classify_with_tta([crops[i] for i in confident], predict_proba)
    for i, row in zip(confident, probabilities, strict=True):
        candidates[i] = Candidate(components[i], crops[i], row)
    return candidates


class NonDigitRejector:
    """The shipped network that detects crops that are not digits: a `DigitScorer`.

    Parameters
    ----------
    num_threads : int
        Number of threads per call; 0 for one per core.

    Raises
    ------
    FileNotFoundError, CorruptFileError
        If a file with its weights is missing or damaged.
    """

    def __init__(self, num_threads: int) -> None:
        weights = load_rejector_weights().weights(calibrated=True)
        self._classifier = OnnxClassifier(to_onnx(weights, REJECTOR_WEIGHT_SHAPES), num_threads)

    def __call__(self, crops: UInt8Array) -> Float32Array:
        """Return the probability that each crop shows one digit.

        Parameters
        ----------
        crops : UInt8Array
            ``(n, 28, 28)``: digit crops in the format of MNIST.

        Returns
        -------
        Float32Array
            ``(n,)`` in [0, 1].
        """
        probabilities = self._classifier.predict_proba(crops)
        # The outputs are the ten digits, several kinds of non-digits, and two touching digits.
        # Rounding may take the sum of a softmax above 1.
        return np.asarray(np.minimum(probabilities[:, :NUM_CLASSES].sum(axis=1), 1), np.float32)
