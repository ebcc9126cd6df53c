"""What an evaluation counts, batch after batch, in memory that does not grow with the images."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistcnn.evaluation.calibration import NUM_BINS, CalibrationCurve
from mnistcnn.evaluation.misclassified import MisclassifiedImages
from mnistcnn.types import Int64Array
from mnistcnn.utils.validation import (
    check_array,
    check_labels,
    check_same_length,
    check_unit_interval,
    is_one_hot,
)

# Keras works from the logits, so a certain mistake costs what it costs; the least float32
# stands for what a float32 probability can't tell from 0.
_EPSILON = np.finfo(np.float32).smallest_normal


class MetricAccumulator:
    """Counts answers as they come. Of the images that were read right nothing else is kept."""

    def __init__(self) -> None:
        self._seen = 0
        self._loss = 0.0
        self._labels = hashlib.sha256()
        self._confusion: Int64Array | None = None
        self._images = np.zeros(NUM_BINS, np.int64)
        self._right = np.zeros(NUM_BINS, np.int64)
        self._sums = np.zeros(NUM_BINS)
        self._wrong: list[tuple[NDArray[Any], ...]] = []

    def add(self, probabilities: ArrayLike, labels: ArrayLike) -> None:
        """Count a batch; as `Evaluation.from_probabilities` takes it."""
        given, truth = _validated(probabilities, labels)
        count, classes = given.shape
        if self._confusion is None:
            self._confusion = np.zeros((classes, classes), np.int64)
        elif len(self._confusion) != classes:
            raise ValueError(
                f"every batch must have {len(self._confusion)} probabilities for each image; "
                f"received one with {classes}"
            )
        answers = given.argmax(axis=1)
        rows = np.arange(count)
        of_truth = np.maximum(given[rows, truth].astype(np.float64), _EPSILON)
        self._loss -= float(np.log(of_truth).sum())
        pairs = np.bincount(truth * classes + answers, minlength=classes**2)
        self._confusion += pairs.reshape(classes, classes)
        self._labels.update(_bytes_of(truth))

        confidence = given[rows, answers].astype(np.float64)
        bins = np.clip(np.ceil(confidence * NUM_BINS).astype(np.intp) - 1, 0, NUM_BINS - 1)
        right = answers == truth
        self._images += np.bincount(bins, minlength=NUM_BINS)
        self._right += np.bincount(bins[right], minlength=NUM_BINS)
        self._sums += np.bincount(bins, confidence, NUM_BINS)

        (wrong,) = np.nonzero(~right)
        if len(wrong):
            self._wrong.append(
                (wrong + self._seen, truth[wrong], answers[wrong], given[wrong].astype(np.float32))
            )
        self._seen += count

    def figures(self) -> dict[str, Any]:
        """Return the fields of an `Evaluation` of at least one image."""
        assert self._confusion is not None  # whoever calls has added a batch
        none = np.zeros(0, np.int64)
        empty = (none, none, none, np.zeros((0, len(self._confusion)), np.float32))
        parts = zip(*(self._wrong or [empty]), strict=True)
        indices, labels, predicted, probabilities = (np.concatenate(part) for part in parts)
        return {
            "loss": max(self._loss, 0.0) / self._seen,  # a probability may round above 1
            "confusion_matrix": self._confusion,
            "calibration_curve": CalibrationCurve(
                counts=self._images, correct=self._right, confidence_sums=self._sums
            ),
            "misclassified": MisclassifiedImages(
                indices=indices, labels=labels, predicted=predicted, probabilities=probabilities
            ),
            "labels_sha256": self._labels.hexdigest(),
        }


def labels_digest(labels: ArrayLike) -> str:
    """Return the digest by which an `Evaluation` knows the labels of its images."""
    return hashlib.sha256(_bytes_of(np.asarray(labels))).hexdigest()


def _bytes_of(labels: NDArray[Any]) -> bytes:
    return labels.astype("<i8").tobytes()


def _validated(
    probabilities: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    given = check_array("probabilities", probabilities)
    if given.ndim != 2 or not given.size:
        raise ValueError(
            f"probabilities must have shape (n, k) with n and k at least 1; received {given.shape}"
        )
    check_unit_interval("probabilities", given, tolerance=1e-6)  # softmax rounds
    num_classes = given.shape[1]
    coded = check_array("labels", labels)
    if is_one_hot(coded, num_classes):
        coded = coded.argmax(axis=1)
    truth = check_labels(coded, num_classes)
    check_same_length("probabilities", len(given), "labels", len(truth))
    return given, truth
