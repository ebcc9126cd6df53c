"""Sweeps on a local Ray cluster."""

import re
from pathlib import Path

import pytest

import mnistcnn
from tests.helpers.ray_cluster import ray_cluster

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),  # warnings inside Ray
]


@pytest.fixture(scope="module")
def ray():
    with ray_cluster() as module:
        yield module


def test_sweep_reproduces_train(ray, digits, capfd):
    options = {"seeds": [4], "recipe": "fast", "epochs": 1}
    result = mnistcnn.sweep(digits, ray="auto", output="runs", **options)
    assert ray.is_initialized()  # the caller connected, so sweep does not disconnect
    assert re.fullmatch(r"fast, seed 4: accuracy .*\(1 of 1\)\n", capfd.readouterr().out)
    (run,) = result.runs
    x, y = mnistcnn.preprocess(*digits.train)
    model = mnistcnn.build_model(seed=4)
    mnistcnn.train(model, x, y, recipe="fast", epochs=1, seed=4, verbose=0)
    assert run.test == mnistcnn.evaluate(model, *mnistcnn.preprocess(*digits.test))
    assert Path("runs/fast-seed-4.json").exists()


def test_failed_run_is_named_with_its_reason(ray, tiny, monkeypatch):
    def fail(dataset, spec):
        raise MemoryError("no room")

    monkeypatch.setattr("mnistcnn.sweeps.ray_backend.train_one", fail)
    with pytest.raises(RuntimeError, match="^fast, seed 0: MemoryError: no room$"):
        mnistcnn.sweep(tiny, seeds=[0], recipe="fast", ray="auto", verbose=0)
