"""Training on two devices: the results of one device, whichever compute them."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mnistcnn.backend import tf
from tests.helpers import runs
from tests.helpers.workers import subprocess_env

# The slow tests share runs of minutes, which must not be done once per process.
pytestmark = pytest.mark.xdist_group("two devices")


def run_on_two_devices(folder, length):
    """Run in a subprocess, since TensorFlow configures logical devices only at its start."""
    subprocess.run(
        [sys.executable, "-m", "tests.helpers.on_two_devices", length],
        cwd=folder, check=True, timeout=500, env=subprocess_env(),
    )  # fmt: skip
    return folder, json.loads((folder / "report.json").read_text())


@pytest.fixture(scope="module")
def two_devices(tmp_path_factory):
    return run_on_two_devices(tmp_path_factory.mktemp("two_devices"), "short")


@pytest.fixture(scope="module")
def two_devices_medium(tmp_path_factory):
    return run_on_two_devices(tmp_path_factory.mktemp("two_devices_medium"), "medium")


@pytest.fixture(scope="module")
def two_devices_long(tmp_path_factory):
    return run_on_two_devices(tmp_path_factory.mktemp("two_devices_long"), "long")


def check_same_as_one_device(folder, name):
    runs.save(name, *runs.train(runs.RECIPES[name]))
    weights, metrics = runs.max_difference(f"{name}.npz", folder / f"{name}.npz")
    assert weights < 1e-3  # where a gradient is almost 0, Adam amplifies rounding
    assert metrics < 1e-4


@pytest.mark.parametrize("name", runs.SHORT_RECIPES)
def test_two_devices_match_one(two_devices, name):
    check_same_as_one_device(two_devices[0], name)


@pytest.mark.slow
@pytest.mark.parametrize("name", runs.MEDIUM_RECIPES)
def test_two_devices_match_one_in_medium_runs(two_devices_medium, name):
    check_same_as_one_device(two_devices_medium[0], name)


@pytest.mark.slow
@pytest.mark.parametrize("name", runs.LONG_RECIPES)
def test_two_devices_match_one_in_long_runs(two_devices_long, name):
    check_same_as_one_device(two_devices_long[0], name)


@pytest.mark.slow
def test_every_callback_works_on_two_devices(two_devices_medium):
    report = two_devices_medium[1]["callbacks"]
    assert report["same_calls"]
    assert report["difference"][0] < 1e-3
    assert report["difference"][1] < 1e-4
    assert report["best_difference"] < 1e-3
    assert report["epochs"] == [2, 2]  # early stopping in mode "max" of a falling loss


@pytest.mark.slow
def test_crashed_run_resumes_exactly_on_two_devices(two_devices_medium):
    assert two_devices_medium[1]["one left over"] == {"crashes": 1, "resumed_exactly": True}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["best", "keras fit"])
def test_run_with_three_crashes_resumes_exactly_on_two_devices(two_devices_long, name):
    assert two_devices_long[1][name] == {"crashes": 3, "resumed_exactly": True}


def test_model_built_in_scope_trains_with_keras_fit(two_devices):
    report = two_devices[1]
    assert "Mirrored" in report["variable_type"]
    assert report["other network"][-1] < report["other network"][0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["baseline network", "baseline network, recipe robust"])
def test_baseline_network_built_in_scope_trains_with_keras_fit(two_devices_long, name):
    losses = two_devices_long[1][name]
    assert losses[-1] < losses[0]


def test_other_model_from_outside_the_scope_is_rejected(two_devices):
    assert two_devices[1]["error"] == (
        "model must be the baseline network, or be built and compiled within strategy.scope(); "
        "received a keras.Sequential from outside"
    )


def test_one_device_strategy_matches_no_strategy():
    recipe = runs.RECIPES["one left over"]
    model, _ = runs.train(recipe)
    device_model, _ = runs.train(recipe, strategy=tf.distribute.OneDeviceStrategy("CPU:0"))
    np.testing.assert_allclose(runs.weights(device_model), runs.weights(model), atol=1e-4)
