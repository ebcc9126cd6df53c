"""The calibration curve against SciPy and hand-computed values."""

import numpy as np
import pytest
from hypothesis import given
from scipy.stats import binned_statistic, binomtest

from mnistcnn import Evaluation
from tests.helpers import strategies


@given(strategies.labeled_probabilities(max_size=40))
def test_bins_equal_scipy(case):
    probabilities, labels = case
    result = Evaluation.from_probabilities(probabilities, labels)
    curve = result.calibration_curve
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    if np.isclose(confidence * 15, np.round(confidence * 15)).any():
        return  # on an edge, rounding decides on the bin
    # SciPy's bins hold their lower edge, these hold the upper one: mirror the values.
    counts, sums, hits = (
        binned_statistic(-confidence, values, statistic, bins=-curve.bin_edges[::-1]).statistic[
            ::-1
        ]
        for values, statistic in ((confidence, "count"), (confidence, "sum"), (correct, "sum"))
    )
    assert curve.counts.tolist() == counts.tolist()
    assert curve.correct.tolist() == hits.tolist()
    assert np.allclose(curve.confidence_sums, sums)
    expected = np.abs(sums - hits).sum() / len(labels)
    assert result.expected_calibration_error == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("probability", "index"), [(1.0, 14), (0.95, 14), (0.8, 11), (0.81, 12)])
def test_a_bin_includes_its_upper_edge(probability, index):
    result = Evaluation.from_probabilities([[probability, 1 - probability]], [0])
    assert result.calibration_curve.counts.tolist() == [int(i == index) for i in range(15)]


def test_hand_computed_example():
    # Two predictions at 0.9, one of them correct, and two at 0.6, both correct.
    probabilities = [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]]
    result = Evaluation.from_probabilities(probabilities, [0, 1, 0, 0])
    assert result.expected_calibration_error == pytest.approx((0.8 + 0.8) / 4)
    curve = result.calibration_curve
    assert curve.confidence[[8, 13]].tolist() == pytest.approx([0.6, 0.9])
    assert curve.accuracy[[8, 13]].tolist() == [1.0, 0.5]
    assert curve.accuracy_ci[13].tolist() == pytest.approx(
        list(binomtest(1, 2).proportion_ci(0.95, method="wilson"))
    )
    assert np.isnan(curve.confidence[0])
    assert np.isnan(curve.accuracy[0])
    assert np.isnan(curve.accuracy_ci[0]).all()
    assert curve.counts.sum() == 4
