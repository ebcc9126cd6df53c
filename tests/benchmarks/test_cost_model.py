"""The model for very many images: its bounds, and what was measured."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.training import cost_model

COSTS = cost_model.Costs(rate=30_000, efficiency=0.9, engine_cores=1, start=10)


def test_one_core_by_hand():
    found = cost_model.plan(
        3_000_000, 1, cost_model.Costs(rate=30_000), price=3.6, bandwidth=math.inf
    )
    assert found.seconds == 100
    assert found.price == pytest.approx(0.1)
    assert found.bytes_per_second == 30_000 * 784
    assert found.bound == "processors"


def test_ten_cores_by_hand():
    found = cost_model.plan(1e6, 10, COSTS, bandwidth=math.inf)
    assert found.images_per_second == pytest.approx(9 * 30_000 * 0.9)
    assert found.seconds == pytest.approx(10 + 1e6 / 243_000)


@given(st.integers(1, 10_000), st.floats(1e3, 1e12), st.floats(1e6, 1e11))
def test_more_cores_are_never_slower_and_never_pass_the_bandwidth(cores, images, bandwidth):
    one = cost_model.plan(images, cores, COSTS, bandwidth=bandwidth)
    more = cost_model.plan(images, 2 * cores, COSTS, bandwidth=bandwidth)
    assert more.images_per_second >= one.images_per_second
    assert one.bytes_per_second <= bandwidth * (1 + 1e-9)
    assert (one.bound == "processors") == (one.bytes_per_second < bandwidth * (1 - 1e-9))
    assert one.price == pytest.approx(one.seconds * cores * cost_model.PRICE / 3600)


@pytest.mark.parametrize(("images", "cores"), [(0, 1), (1, 0)])
def test_nothing_to_plan_is_refused(images, cores):
    with pytest.raises(ValueError, match="images and cores must be greater than 0; received"):
        cost_model.plan(images, cores, COSTS)


def test_the_model_tells_the_sides_on_ray_of_which_it_has_the_start_alone():
    report = json.loads((cost_model.RESULTS / "scaling.json").read_text())
    for told, found in cost_model.check(report).values():
        assert told == pytest.approx(found, rel=0.35)


def test_memory_stays_as_it_is_over_two_million_images():
    report = json.loads((cost_model.RESULTS / "scaling.json").read_text())
    streams = report["stream"] | report["train_stream"]
    for name in ("recognizer", "evaluate", "train"):
        stream = streams[name]
        assert stream["images"] == 2_000_000
        # a mistake keeps less than a hundred bytes, and there are some thousands of them
        assert stream["peak_mib"] < stream["peak_mib_at_first"] * 1.1 + 10
