"""Accumulation of evaluation metrics over batches."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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

# Keras computes the loss from logits, where no probability is 0. The smallest normal float32
# replaces probabilities that have underflowed to 0.
_EPSILON = np.finfo(np.float32).smallest_normal


class MetricAccumulator:
    """Updates the fields of an `Evaluation` batch by batch.

    Memory does not depend on the number of correctly classified images.

    Parameters
    ----------
    class_names : sequence of str, optional
        Names of the classes.
    """

    def __init__(self, class_names: Sequence[str] | None = None) -> None:
        self._class_names = () if class_names is None else class_names
        self._num_images = 0
        self._loss_sum = 0.0
        self._labels_hash = hashlib.sha256()
        self._confusion_matrix: Int64Array | None = None
        self._bin_counts = np.zeros(NUM_BINS, np.int64)
        self._bin_correct = np.zeros(NUM_BINS, np.int64)
        self._bin_confidence = np.zeros(NUM_BINS)
        self._misclassified: list[tuple[NDArray[Any], ...]] = []

    def update(self, probabilities: ArrayLike, labels: ArrayLike) -> None:
        """Add a batch of predictions, as `Evaluation.from_probabilities` accepts them."""
        predictions, true = _validated(probabilities, labels)
        count, num_classes = predictions.shape
        if self._confusion_matrix is None:
            self._confusion_matrix = np.zeros((num_classes, num_classes), np.int64)
        elif len(self._confusion_matrix) != num_classes:
            raise ValueError(
                f"every batch must have {len(self._confusion_matrix)} probabilities per image; "
                f"received one with {num_classes}"
            )
        predicted = predictions.argmax(axis=1)
        rows = np.arange(count)
        true_probabilities = np.maximum(predictions[rows, true].astype(np.float64), _EPSILON)
        self._loss_sum -= float(np.log(true_probabilities).sum())
        pairs = np.bincount(true * num_classes + predicted, minlength=num_classes**2)
        self._confusion_matrix += pairs.reshape(num_classes, num_classes)
        self._labels_hash.update(_label_bytes(true))
        correct = predicted == true
        self._update_calibration(predictions[rows, predicted].astype(np.float64), correct)
        (wrong,) = np.nonzero(~correct)
        if len(wrong):
            self._misclassified.append(
                (
                    wrong + self._num_images,
                    true[wrong],
                    predicted[wrong],
                    predictions[wrong].astype(np.float32),
                )
            )
        self._num_images += count

    def _update_calibration(self, confidence: NDArray[np.float64], correct: NDArray[Any]) -> None:
        bins = np.clip(np.ceil(confidence * NUM_BINS).astype(np.intp) - 1, 0, NUM_BINS - 1)
        self._bin_counts += np.bincount(bins, minlength=NUM_BINS)
        self._bin_correct += np.bincount(bins[correct], minlength=NUM_BINS)
        self._bin_confidence += np.bincount(bins, confidence, NUM_BINS)

    def result(self) -> dict[str, Any]:
        """Return the fields of the `Evaluation`, after at least one `update`."""
        assert self._confusion_matrix is not None  # set by `update`
        no_images = np.zeros(0, np.int64)
        no_rows = np.zeros((0, len(self._confusion_matrix)), np.float32)
        batches = self._misclassified or [(no_images, no_images, no_images, no_rows)]
        columns = (np.concatenate(column) for column in zip(*batches, strict=True))
        indices, labels, predicted, probabilities = columns
        return {
            # A probability can round to more than 1, and its loss to less than 0.
            "loss": max(self._loss_sum, 0.0) / self._num_images,
            "confusion_matrix": self._confusion_matrix,
            "calibration_curve": CalibrationCurve(
                counts=self._bin_counts,
                correct=self._bin_correct,
                confidence_sums=self._bin_confidence,
            ),
            "misclassified": MisclassifiedImages(
                indices=indices, labels=labels, predicted=predicted, probabilities=probabilities
            ),
            "labels_sha256": self._labels_hash.hexdigest(),
            "class_names": self._class_names,
        }


def labels_digest(labels: ArrayLike) -> str:
    """Return the SHA-256 that identifies the labels of an `Evaluation`."""
    return hashlib.sha256(_label_bytes(np.asarray(labels))).hexdigest()


def _label_bytes(labels: NDArray[Any]) -> bytes:
    return labels.astype("<i8").tobytes()


def _validated(
    probabilities: ArrayLike, labels: ArrayLike
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    predictions = check_array("probabilities", probabilities)
    if predictions.ndim != 2 or not predictions.size:
        raise ValueError(
            "probabilities must have shape (n, k) with n and k at least 1; "
            f"received {predictions.shape}"
        )
    check_unit_interval("probabilities", predictions, tolerance=1e-6)  # softmax rounds
    num_classes = predictions.shape[1]
    true = check_array("labels", labels)
    if is_one_hot(true, num_classes):
        true = true.argmax(axis=1)
    true = check_labels(true, num_classes)
    check_same_length("probabilities", len(predictions), "labels", len(true))
    return predictions, true
