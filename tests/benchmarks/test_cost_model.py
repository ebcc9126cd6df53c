"""The cost model for very many images, and the measurements it rests on."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness import RESULTS
from benchmarks.training import cost_model

RATES = cost_model.Rates(rate=30_000, efficiency=0.9, engine_cores=1, start=10)


@pytest.fixture(scope="module")
def report():
    return json.loads((RESULTS / "scaling.json").read_text())


def test_one_core():
    rates = cost_model.Rates(rate=30_000)
    result = cost_model.estimate(3_000_000, 1, rates, price=3.6, bandwidth=math.inf)
    assert result.seconds == 100
    assert result.price == pytest.approx(0.1)
    assert result.bytes_per_second == 30_000 * 784
    assert result.bound == "computation"


def test_ten_cores():
    result = cost_model.estimate(1e6, 10, RATES, bandwidth=math.inf)
    assert result.images_per_second == pytest.approx(9 * 30_000 * 0.9)
    assert result.seconds == pytest.approx(10 + 1e6 / 243_000)


@given(st.integers(1, 10_000), st.floats(1e3, 1e12), st.floats(1e6, 1e11))
def test_more_cores_are_never_slower_and_never_exceed_the_bandwidth(cores, images, bandwidth):
    result = cost_model.estimate(images, cores, RATES, bandwidth=bandwidth)
    doubled = cost_model.estimate(images, 2 * cores, RATES, bandwidth=bandwidth)
    assert doubled.images_per_second >= result.images_per_second
    assert result.bytes_per_second <= bandwidth * (1 + 1e-9)
    assert (result.bound == "computation") == (result.bytes_per_second < bandwidth * (1 - 1e-9))
    assert result.price == pytest.approx(result.seconds * cores * cost_model.PRICE / 3600)


@pytest.mark.parametrize(("images", "cores"), [(0, 1), (1, 0)])
def test_no_images_and_no_cores_are_errors(images, cores):
    message = f"^images and cores must be greater than 0; received {images} and {cores}$"
    with pytest.raises(ValueError, match=message):
        cost_model.estimate(images, cores, RATES)


def test_predictions_agree_with_the_measurements_on_ray(report):
    for predicted, measured in cost_model.predicted_and_measured(report).values():
        assert predicted == pytest.approx(measured, rel=0.35)


def test_memory_is_constant_over_two_million_images(report):
    streams = report["streaming_inference"] | report["streaming_training"]
    for name in ("recognizer", "evaluate", "train"):
        stream = streams[name]
        assert stream["images"] == 2_000_000
        # Each of some thousand misclassified images takes less than a hundred bytes.
        assert stream["peak_mib"] < stream["peak_mib_after_warm_up"] * 1.1 + 10
