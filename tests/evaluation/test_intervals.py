"""Confidence intervals against SciPy and published values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial, norm, sem, t

from mnistcnn.evaluation.intervals import bonett_price_interval, t_interval, wilson_interval


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_wilson_interval_equals_scipy(case):
    total, count = case
    low, high = wilson_interval(count, total)
    expected = binomtest(count, total).proportion_ci(0.95, method="wilson")
    assert low == pytest.approx(expected.low, abs=1e-12)
    assert high == pytest.approx(expected.high, abs=1e-12)


def test_wilson_interval_of_the_baseline_accuracy():
    low, high = wilson_interval(9_750, 10_000)
    assert (round(low, 4), round(high, 4)) == (0.9718, 0.9779)


def test_bonett_price_interval_equals_the_published_example():
    """Standard error for 64 and 5 of 100, from the documentation of the R package vcmeta."""
    low, high = bonett_price_interval(64, 5, 100)
    z = norm.ppf(0.975)
    assert (low + high) / 2 == pytest.approx(0.5784314, abs=1e-7)
    assert (high - low) / (2 * z) == pytest.approx(0.05953213, abs=1e-8)


@pytest.mark.parametrize(
    "proportions", [(0.8, 0.12, 0.05, 0.03), (0.6, 0.1, 0.1, 0.2), (0.3, 0.4, 0.2, 0.1)]
)
def test_bonett_price_interval_covers_95_percent(proportions):
    """Sum the probabilities of all outcomes of 40 images whose interval holds the true value."""
    n, (a, b) = 40, proportions[1:3]
    outcomes = [(i, j) for i in range(n + 1) for j in range(n + 1 - i)]
    covering = []
    for i, j in outcomes:
        low, high = bonett_price_interval(i, j, n)
        if low <= a - b <= high:
            covering.append([i, j, n - i - j])
    coverage = multinomial.pmf(covering, n, [a, b, 1 - a - b]).sum()
    assert 0.94 < coverage < 0.98


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_t_interval_equals_scipy(values):
    error = sem(values)
    if error > 1e-12:
        expected = t.interval(0.95, len(values) - 1, np.mean(values), error)
        assert t_interval(values) == pytest.approx(expected, abs=1e-12)


def test_t_interval_of_equal_values_is_their_value():
    assert t_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)
