"""Training under a strategy: what one device computes, whichever devices compute it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mnistcnn
from mnistcnn.backend import tf
from mnistcnn.training.distribute.train_step import DistributedTrainStep
from mnistcnn.training.train_step import TrainStep
from tests.helpers import runs

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What a process with two logical processors found; TensorFlow takes them only at its start."""
    folder = tmp_path_factory.mktemp("two")
    subprocess.run(
        [sys.executable, "-m", "tests.helpers.on_two_devices", "report.json"],
        cwd=folder, check=True, timeout=500, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return folder, json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize("name", runs.RECIPES)
def test_two_devices_end_where_one_does(two, name):
    """With dropout, distortions, teachers, a last batch of one, and batches that don't halve."""
    folder, _ = two
    runs.save(name, *runs.train(runs.RECIPES[name]))
    weights, figures = runs.distance(f"{name}.npz", folder / f"{name}.npz")
    assert weights < 1e-3  # where a gradient is all but 0, Adam makes much of rounding
    assert figures < 1e-4


def test_every_callback_works_on_two_devices(two):
    found = two[1]["callbacks"]
    assert found["calls"]
    assert found["distance"][0] < 1e-3
    assert found["distance"][1] < 1e-4
    assert found["best"] < 1e-3
    assert found["epochs"] == [2, 2]  # early stopping, told to wait for a worse loss


@pytest.mark.parametrize("way", ["resumed", "resumed by fit"])
def test_a_run_on_two_devices_that_crashed_goes_on_to_the_same_bits(two, way):
    found = two[1][way]
    assert found["crashes"] == 3
    assert found["same"]


def test_what_was_built_for_the_devices_is_left_to_fit(two):
    report = two[1]
    assert "Mirrored" in report["placed"]
    for name in ("fitted", "scoped", "scoped robust"):
        assert report[name][-1] < report[name][0]


def test_another_network_from_outside_is_refused(two):
    assert two[1]["refused"] == (
        "model must be the documented network, or be built and compiled within strategy.scope(); "
        "received a keras.Sequential from outside"
    )


def test_what_is_no_strategy_is_refused(xy):
    with pytest.raises(
        TypeError,
        match="strategy must be a tf.distribute.MirroredStrategy, MultiWorkerMirroredStrategy or OneDeviceStrategy; received 'mirrored'",
    ):
        mnistcnn.train(mnistcnn.build_model(), *xy, strategy="mirrored")


class Replicas:
    """As many replicas as one likes on one device, one after another."""

    def __init__(self, count):
        self.num_replicas_in_sync = count

    def run(self, function):
        found = []
        for number in range(self.num_replicas_in_sync):
            with pytest.MonkeyPatch.context() as patch:
                context = type("Context", (), {"replica_id_in_sync_group": number})
                patch.setattr(tf.distribute, "get_replica_context", context)
                found.append(function())
        return found

    def reduce(self, operation, values, axis):
        assert (operation, axis) == (tf.distribute.ReduceOp.SUM, None)
        return tf.add_n(values)


@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_shared_step_does_what_the_step_does(xy, size, replicas):
    """Also where replicas get no image at all, and with the same dropout."""
    x, y = (tf.constant(array[:size]) for array in xy)
    ends = []
    for shared in (False, True):
        model = mnistcnn.build_model(seed=2, dropout=0.5)
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
        model.optimizer.build(model.trainable_variables)
        step = TrainStep(model)
        if shared:
            step = DistributedTrainStep(step, Replicas(replicas), None)
        step.reset()
        for _ in range(2):
            step.train(x, y)
        step.test(x, y)
        ends.append((model.get_weights(), step.totals))
    (one, totals), (other, shared_totals) = ends
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    np.testing.assert_allclose(totals, shared_totals, rtol=1e-5)


def test_one_device_by_its_strategy(xy):
    recipe = runs.RECIPES["one left over"]
    alone = runs.train(recipe)
    named = runs.train(recipe, strategy=tf.distribute.OneDeviceStrategy("CPU:0"))
    np.testing.assert_allclose(runs.weights(named[0]), runs.weights(alone[0]), atol=1e-4)
