"""Evaluations for tests, from the confusion matrix that they are to have."""

import dataclasses

import numpy as np

from mnistcnn import Evaluation


def evaluation_of(matrix, *, sureness=0.75, loss=None):
    """An evaluation in which each answer has the same probability, the rest spread evenly."""
    counts = np.asarray(matrix, int)
    labels, answers = (
        np.repeat(side, counts.ravel()) for side in np.indices(counts.shape).reshape(2, -1)
    )
    classes = len(counts)
    rest = (1 - sureness) / max(classes - 1, 1)
    probabilities = np.full((len(labels), classes), rest)
    probabilities[np.arange(len(labels)), answers] = sureness
    result = Evaluation.from_probabilities(probabilities, labels)
    return result if loss is None else dataclasses.replace(result, loss=loss)
