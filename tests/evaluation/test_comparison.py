"""Two evaluations on the same images, against SciPy and a published example."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial, norm

from mnistcnn import Comparison, Evaluation, compare
from mnistcnn.evaluation.intervals import bonett_price_interval

COUNTS = st.tuples(*[st.integers(0, 300)] * 4).filter(any)


def of(both_correct, only_a, only_b, both_incorrect):
    return Comparison(
        both_correct=both_correct,
        only_a_correct=only_a,
        only_b_correct=only_b,
        both_incorrect=both_incorrect,
    )


def answered(answers, labels):
    return Evaluation.from_probabilities(0.7 * np.eye(10)[answers] + 0.03, labels)


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=40))
def test_the_counts_are_those_of_the_answers(rows):
    labels, a, b = np.array(rows).T
    found = compare(answered(a, labels), answered(b, labels))
    a_right, b_right = a == labels, b == labels
    assert found == of(
        int((a_right & b_right).sum()), int((a_right & ~b_right).sum()),
        int((~a_right & b_right).sum()), int((~a_right & ~b_right).sum()),
    )  # fmt: skip
    assert found.num_images == len(rows)
    assert found.difference == pytest.approx(a_right.mean() - b_right.mean())


@given(COUNTS)
def test_the_test_is_scipys(counts):
    found = of(*counts)
    _, only_a, only_b, _ = counts
    tosses = only_a + only_b
    expected = binomtest(only_a, tosses, 0.5).pvalue if tosses else 1.0
    assert found.p_value == pytest.approx(expected, rel=1e-9)
    assert 0 <= found.p_value <= 1


@pytest.mark.parametrize(("only_a", "only_b"), [(4_000, 4_200), (0, 40), (1_000_000, 1_001_000)])
def test_the_test_holds_for_many_images(only_a, only_b):
    expected = binomtest(only_a, only_a + only_b, 0.5).pvalue
    assert of(0, only_a, only_b, 0).p_value == pytest.approx(expected, rel=1e-6)


def test_what_a_float_cannot_hold_is_0():
    assert of(0, 0, 3_000, 0).p_value == 0.0


def test_the_interval_is_bonett_and_prices():
    """Their standard error for 64 and 5 of 100, as the package vcmeta documents it for R."""
    low, high = bonett_price_interval(64, 5, 100)
    z = norm.ppf(0.975)
    assert (low + high) / 2 == pytest.approx(0.5784314, abs=1e-7)
    assert (high - low) / (2 * z) == pytest.approx(0.05953213, abs=1e-8)


@pytest.mark.parametrize(
    "shares", [(0.8, 0.12, 0.05, 0.03), (0.6, 0.1, 0.1, 0.2), (0.3, 0.4, 0.2, 0.1)]
)
def test_the_interval_covers_as_it_says(shares):
    """Over every outcome of 40 images: the true difference lies within in about 95 %."""
    n, covered = 40, 0.0
    a, b = shares[1:3]
    for i in range(n + 1):
        for j in range(n + 1 - i):
            low, high = bonett_price_interval(i, j, n)
            if low <= a - b <= high:
                covered += multinomial.pmf([i, j, n - i - j], n, [a, b, 1 - a - b])
    assert 0.94 < covered < 0.98


@given(COUNTS)
def test_it_is_fair_to_both(counts):
    both, only_a, only_b, none = counts
    one, other = of(both, only_a, only_b, none), of(both, only_b, only_a, none)
    assert one.p_value == other.p_value
    assert one.difference == -other.difference
    low, high = one.difference_ci
    assert -1 <= low <= high <= 1
    assert other.difference_ci == pytest.approx((-high, -low))


def test_an_interval_stays_among_lawful_differences():
    assert of(0, 3, 0, 0).difference_ci[1] <= 1
    assert of(0, 0, 1, 0).difference_ci[0] == -1.0


def test_it_prints_as_three_sentences():
    lines = str(of(9_800, 30, 60, 1_110)).splitlines()
    assert lines[0] == "Of 11,000 images a alone reads 30 right, b alone 60."
    low, high = of(9_800, 30, 60, 1_110).difference_ci
    assert lines[1] == (
        f"b is ahead by 0.27 percentage points (95 % interval {-100 * high:.2f} to {-100 * low:.2f})."
    )
    p = binomtest(30, 90).pvalue
    assert lines[2] == (
        f"Equally good networks would differ at least so much in {100 * p:.2g} % of cases "
        "(McNemar's exact test)."
    )
    assert "a is ahead by 0.27" in str(of(9_800, 60, 30, 1_110))


def test_a_draw_and_a_clear_case_have_words_of_their_own():
    assert "They differ by 0.00 percentage points" in str(of(90, 4, 4, 2))
    assert "in 100 % of cases" in str(of(90, 4, 4, 2))
    assert "in less than 0.01 % of cases" in str(of(0, 900, 3, 0))


def test_to_dict_is_json():
    found = json.loads(json.dumps(of(5, 3, 1, 1).to_dict()))
    assert found == {
        "num_images": 10, "both_correct": 5, "only_a_correct": 3, "only_b_correct": 1, "both_incorrect": 1,
        "difference": 0.2, "difference_ci": list(bonett_price_interval(3, 1, 10)), "p_value": 0.625,
    }  # fmt: skip


def test_arguments_are_checked():
    a = answered([0, 1], [0, 1])
    with pytest.raises(TypeError, match="a must be an Evaluation; received 3"):
        compare(3, a)
    with pytest.raises(TypeError, match="b must be an Evaluation; received None"):
        compare(a, None)
    rule = "a and b must be of the same images in the same order; received "
    with pytest.raises(ValueError, match=f"{rule}2 and 1"):
        compare(a, answered([0], [0]))
    with pytest.raises(ValueError, match=f"{rule}images whose labels differ"):
        compare(a, answered([0, 1], [1, 0]))
    with pytest.raises(ValueError, match="only_b_correct must be at least 0; received -1"):
        of(1, 1, -1, 1)
    with pytest.raises(TypeError, match=r"both_incorrect must be an integer; received 0\.5"):
        of(1, 1, 1, 0.5)
    with pytest.raises(
        ValueError, match="a comparison must be of at least one image; received none"
    ):
        of(0, 0, 0, 0)
