"""Evaluations with a given confusion matrix."""

import dataclasses

import numpy as np

from mnistcnn import Evaluation


def make_evaluation(matrix, *, confidence=0.75, loss=None):
    """Return an evaluation whose predictions all have the same confidence."""
    counts = np.asarray(matrix, int)
    labels, predicted = (
        np.repeat(side, counts.ravel()) for side in np.indices(counts.shape).reshape(2, -1)
    )
    num_classes = len(counts)
    probabilities = np.full((len(labels), num_classes), (1 - confidence) / max(num_classes - 1, 1))
    probabilities[np.arange(len(labels)), predicted] = confidence
    result = Evaluation.from_probabilities(probabilities, labels)
    return result if loss is None else dataclasses.replace(result, loss=loss)
