"""Comparison of two evaluations against SciPy."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from mnistcnn import Comparison, Evaluation, compare
from mnistcnn.evaluation.intervals import bonett_price_interval

COUNTS = st.tuples(*[st.integers(0, 300)] * 4).filter(any)


def comparison(both_correct, only_a, only_b, both_incorrect):
    return Comparison(
        both_correct=both_correct,
        only_a_correct=only_a,
        only_b_correct=only_b,
        both_incorrect=both_incorrect,
    )


def evaluation(predicted, labels):
    return Evaluation.from_probabilities(0.7 * np.eye(10)[predicted] + 0.03, labels)


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=40))
def test_compare_counts_correct_predictions(rows):
    labels, a, b = np.array(rows).T
    result = compare(evaluation(a, labels), evaluation(b, labels))
    a_correct, b_correct = a == labels, b == labels
    assert result == comparison(
        int((a_correct & b_correct).sum()), int((a_correct & ~b_correct).sum()),
        int((~a_correct & b_correct).sum()), int((~a_correct & ~b_correct).sum()),
    )  # fmt: skip
    assert result.num_images == len(rows)
    assert result.difference == pytest.approx(a_correct.mean() - b_correct.mean())


@given(COUNTS)
def test_p_value_is_twice_the_binomial_tail(counts):
    result = comparison(*counts)
    _, only_a, only_b, _ = counts
    expected = min(1.0, 2 * binom.cdf(min(only_a, only_b), only_a + only_b, 0.5))
    assert result.p_value == pytest.approx(expected, rel=1e-9)
    assert 0 <= result.p_value <= 1
    assert type(result.p_value) is float


@pytest.mark.parametrize(("only_a", "only_b"), [(4_000, 4_200), (0, 40), (1_000_000, 1_001_000)])
def test_p_value_of_many_images(only_a, only_b):
    expected = 2 * binom.cdf(only_a, only_a + only_b, 0.5)
    assert comparison(0, only_a, only_b, 0).p_value == pytest.approx(expected, rel=1e-6)


def test_p_value_below_the_smallest_float_is_0():
    assert comparison(0, 0, 3_000, 0).p_value == 0.0


def test_p_value_without_discordant_images_is_1():
    assert comparison(5, 0, 0, 3).p_value == 1.0


@given(COUNTS)
def test_exchanging_the_models_mirrors_the_statistics(counts):
    both, only_a, only_b, neither = counts
    result = comparison(both, only_a, only_b, neither)
    mirrored = comparison(both, only_b, only_a, neither)
    assert result.p_value == mirrored.p_value
    assert result.difference == -mirrored.difference
    low, high = result.difference_ci
    assert -1 <= low <= high <= 1
    assert mirrored.difference_ci == pytest.approx((-high, -low))


def test_difference_ci_is_clipped_to_possible_differences():
    assert comparison(0, 3, 0, 0).difference_ci[1] <= 1
    assert comparison(0, 0, 1, 0).difference_ci[0] == -1.0


def test_str_has_three_lines():
    result = comparison(9_800, 30, 60, 1_110)
    lines = str(result).splitlines()
    assert lines[0] == "Of 11,000 images, only a classifies 30 correctly, only b 60."
    low, high = result.difference_ci
    assert lines[1] == (
        "The accuracy of b is higher by 0.27 percentage points "
        f"(95 % CI {-100 * high:.2f} to {-100 * low:.2f})."
    )
    assert lines[2] == f"McNemar's exact test: p = {binomtest(30, 90).pvalue:.2g}."
    assert "The accuracy of a is higher by 0.27" in str(comparison(9_800, 60, 30, 1_110))


def test_str_of_equal_and_of_clearly_different_models():
    equal = str(comparison(90, 4, 4, 2))
    assert "The accuracies differ by 0.00 percentage points (95 % CI " in equal
    assert equal.endswith("McNemar's exact test: p = 1.")
    assert str(comparison(0, 900, 3, 0)).endswith("McNemar's exact test: p < 0.0001.")


def test_to_dict_is_json():
    stored = json.loads(json.dumps(comparison(5, 3, 1, 1).to_dict()))
    assert stored == {
        "num_images": 10, "both_correct": 5, "only_a_correct": 3, "only_b_correct": 1,
        "both_incorrect": 1, "difference": 0.2,
        "difference_ci": list(bonett_price_interval(3, 1, 10)), "p_value": 0.625,
    }  # fmt: skip


def test_compare_checks_its_arguments():
    a = evaluation([0, 1], [0, 1])
    with pytest.raises(TypeError, match="a must be an Evaluation; received 3"):
        compare(3, a)
    with pytest.raises(TypeError, match="b must be an Evaluation; received None"):
        compare(a, None)
    rule = "a and b must be evaluations of the same images in the same order; received "
    with pytest.raises(ValueError, match=f"{rule}2 and 1 images"):
        compare(a, evaluation([0], [0]))
    with pytest.raises(ValueError, match=f"{rule}images with different labels"):
        compare(a, evaluation([0, 1], [1, 0]))


def test_comparison_checks_its_counts():
    with pytest.raises(ValueError, match="only_b_correct must be at least 0; received -1"):
        comparison(1, 1, -1, 1)
    with pytest.raises(TypeError, match=r"both_incorrect must be an integer; received 0\.5"):
        comparison(1, 1, 1, 0.5)
    with pytest.raises(
        ValueError, match="a comparison must be of at least one image; received none"
    ):
        comparison(0, 0, 0, 0)
