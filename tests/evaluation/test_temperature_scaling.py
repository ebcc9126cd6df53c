"""The temperature against SciPy's minimizer, and its properties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from mnistcnn.evaluation.temperature_scaling import TEMPERATURE_RANGE, fit_temperature, scale
from mnistcnn.weights import manifest

seeds = st.integers(0, 2**32 - 1)


def labeled_logits(seed, n=200, k=10):
    """Logits of which the labels are drawn, so that the best temperature is near 1."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, k))
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return logits.astype(np.float32), labels


@given(seeds, st.integers(2, 26))
def test_the_temperature_minimizes_the_cross_entropy(seed, k):
    logits, labels = labeled_logits(seed, k=k)

    def loss(log_temperature):
        return -np.log(scale(logits, np.exp(log_temperature))[np.arange(200), labels]).mean()

    best = minimize_scalar(loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-6})
    assert np.log(fit_temperature(logits, labels)) == pytest.approx(best.x, abs=1e-3)


@given(seeds, st.floats(0.2, 5))
def test_scaled_logits_have_a_scaled_temperature(seed, factor):
    logits, labels = labeled_logits(seed)
    expected = factor * fit_temperature(logits, labels)
    assert fit_temperature(factor * logits, labels) == pytest.approx(expected, rel=1e-4)


def test_the_temperature_of_calibrated_logits_is_1_and_a_constant_has_no_effect():
    logits, labels = labeled_logits(0, n=50_000)
    assert fit_temperature(logits, labels) == pytest.approx(1, abs=0.02)
    assert fit_temperature(logits + 5, labels) == pytest.approx(
        fit_temperature(logits, labels), rel=1e-4
    )


def test_scaled_probabilities():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert scale(np.log(probabilities), 1) == pytest.approx(probabilities)
    assert scale(np.log(probabilities), 2)[0] == pytest.approx([0.75, 0.25])


def test_a_temperature_that_the_images_do_not_determine_is_an_error():
    logits = np.log([[0.9, 0.1], [0.2, 0.8]])
    message = (
        r"x and y must determine a temperature in \[0.01, 100\]; received 2 images, of which the "
        r"model classifies {} correctly: {}"
    )
    advice = "use more images, some of which it misclassifies"
    with pytest.raises(ValueError, match=message.format(2, advice)):
        fit_temperature(logits, np.array([0, 1]))
    advice = "check the labels, and train the model first"
    with pytest.raises(ValueError, match=message.format(0, advice)):
        fit_temperature(logits, np.array([1, 0]))


def test_the_range_is_that_of_the_manifest():
    assert TEMPERATURE_RANGE == manifest.TEMPERATURE_RANGE
