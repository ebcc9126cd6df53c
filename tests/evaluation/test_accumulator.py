"""Accumulation of metrics over batches."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistcnn import Evaluation
from mnistcnn.evaluation.accumulator import MetricAccumulator, labels_digest
from tests.helpers import strategies


@given(
    strategies.labeled_probabilities(min_size=4, max_size=30), st.integers(1, 3), st.integers(1, 3)
)
def test_batches_give_the_result_of_all_images_at_once(case, first, second):
    probabilities, labels = case
    accumulator = MetricAccumulator()
    for batch in (slice(first), slice(first, first + second), slice(first + second, None)):
        if len(labels[batch]):
            accumulator.update(probabilities[batch], labels[batch])
    result, expected = Evaluation(**accumulator.result()), Evaluation.from_probabilities(*case)
    assert result.loss == pytest.approx(expected.loss, rel=1e-12)
    assert np.array_equal(result.confusion_matrix, expected.confusion_matrix)
    curve, expected_curve = result.calibration_curve, expected.calibration_curve
    assert np.array_equal(curve.counts, expected_curve.counts)
    assert np.array_equal(curve.correct, expected_curve.correct)
    assert np.allclose(curve.confidence_sums, expected_curve.confidence_sums)
    assert result.misclassified == expected.misclassified
    assert result.labels_sha256 == expected.labels_sha256


def test_batches_must_have_the_same_number_of_classes():
    accumulator = MetricAccumulator()
    accumulator.update([[0.5, 0.5]], [0])
    message = "every batch must have 2 probabilities per image; received one with 3"
    with pytest.raises(ValueError, match=message):
        accumulator.update([[0.5, 0.5, 0.0]], [0])


def test_labels_sha256_is_the_digest_of_the_labels():
    labels = [3, 0, 1]
    expected = hashlib.sha256(np.array(labels, "<i8").tobytes()).hexdigest()
    assert Evaluation.from_probabilities(np.full((3, 4), 0.25), labels).labels_sha256 == expected
    assert labels_digest(np.array(labels, np.uint8)) == expected


def test_the_loss_of_a_probability_of_0_is_that_of_the_smallest_float32():
    result = Evaluation.from_probabilities([[1.0, 0.0]], [1])
    assert result.loss == pytest.approx(-np.log(np.finfo(np.float32).smallest_normal))


@pytest.mark.parametrize(
    ("probabilities", "labels", "error", "message"),
    [
        ([0.5, 0.5], [1], ValueError, r"probabilities must have shape \(n, k\) with n and k at least 1; received \(2,\)"),
        (np.zeros((0, 10)), [], ValueError, r"received \(0, 10\)"),
        ([[0.5, np.nan]], [1], ValueError, r"probabilities must lie in \[0, 1\]; received NaN"),
        ([[0.5, 1.5]], [1], ValueError, r"probabilities must lie in \[0, 1\]; received 0\.5\.\.\.1\.5"),
        ([[0.5, 0.5]], [2], ValueError, r"labels must lie in 0\.\.\.1; received 2"),
        ([[0.5, 0.5]], [0, 1], ValueError, "probabilities and labels must have the same length; received 1 and 2"),
    ],
)  # fmt: skip
def test_probabilities_and_labels_are_checked(probabilities, labels, error, message):
    with pytest.raises(error, match=message):
        Evaluation.from_probabilities(probabilities, labels)
