"""The misclassified images of an evaluation."""

import dataclasses

import numpy as np
from hypothesis import given

from mnistcnn import Evaluation, MisclassifiedImages
from tests.helpers import strategies


@given(strategies.labeled_probabilities())
def test_arrays_hold_the_misclassified_images(case):
    probabilities, labels = case
    misclassified = Evaluation.from_probabilities(probabilities, labels).misclassified
    predicted = probabilities.argmax(axis=1)
    indices = np.flatnonzero(predicted != labels)
    rows = probabilities[indices].astype(np.float32)
    assert misclassified.indices.tolist() == indices.tolist()
    assert misclassified.labels.tolist() == labels[indices].tolist()
    assert misclassified.predicted.tolist() == predicted[indices].tolist()
    assert np.array_equal(misclassified.probabilities, rows)
    assert np.array_equal(misclassified.confidence, rows.max(axis=1))
    assert misclassified.indices.dtype == np.int64
    assert misclassified.probabilities.dtype == np.float32
    assert len(misclassified) == len(indices)
    order = misclassified.most_confident_first
    assert np.all(np.diff(misclassified.confidence[order]) <= 0)
    assert sorted(order) == list(range(len(indices)))


def test_equal_records_have_equal_hashes():
    record = MisclassifiedImages(indices=[1], labels=[1], predicted=[0], probabilities=[[0.5, 0.0]])
    negative_zero = dataclasses.replace(record, probabilities=[[0.5, -0.0]])
    assert record == negative_zero
    assert hash(record) == hash(negative_zero)
    assert record != dataclasses.replace(record, probabilities=[[0.6, 0.0]])
    assert record != "a string"
