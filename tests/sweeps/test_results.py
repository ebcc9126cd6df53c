"""Results of a sweep."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnistcnn import Sweep, SweepRun, SweepSummary, recipes


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_statistics_agree_with_scipy(accuracies):
    summary = SweepSummary(recipe="fast", accuracies=tuple(accuracies))
    assert summary.mean == pytest.approx(np.mean(accuracies), abs=1e-12)
    assert summary.std == pytest.approx(np.std(accuracies, ddof=1), abs=1e-12)
    error = stats.sem(accuracies)
    if error > 1e-12:
        expected = stats.t.interval(0.95, len(accuracies) - 1, np.mean(accuracies), error)
        assert summary.mean_ci == pytest.approx(expected, abs=1e-12)


def test_single_run_has_no_standard_deviation():
    summary = SweepSummary(recipe="fast", accuracies=(0.5,))
    assert (summary.mean, summary.std, summary.mean_ci) == (0.5, None, None)
    assert str(summary) == "fast: mean accuracy 50.000 %, 1 run"
    assert summary.to_dict()["mean_ci"] is None
    json.dumps(summary.to_dict(), allow_nan=False)


def test_fields_are_checked():
    with pytest.raises(ValueError, match="accuracies must hold at least one accuracy; received"):
        SweepSummary(recipe="fast", accuracies=())
    with pytest.raises(ValueError, match="runs must hold at least one run; received none"):
        Sweep(runs=())
    with pytest.raises(TypeError, match="test must be an Evaluation; received 3"):
        SweepRun(recipe=recipes.FAST, seed=0, training_seconds=1.0, history={}, test=3)
