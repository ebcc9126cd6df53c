"""Training of the page network runs, continues from its checkpoint and writes the network."""

import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

from benchmarks.harness import ROOT
from tests.helpers.workers import subprocess_env

pytestmark = pytest.mark.slow


def run(folder, *options):
    command = [sys.executable, "-m", "tools.page_network.train", "--smoke", "--output", str(folder)]
    completed = subprocess.run(
        [*command, *options], cwd=ROOT, env=subprocess_env(), capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in completed.stdout.splitlines()]


def test_smoke_run_writes_the_network_and_continues(tmp_path):
    records = run(tmp_path)
    assert records[-1]["step"] == 2
    assert {"precision", "recall", "class_accuracy", "ink", "centers"} <= set(records[-1])
    arrays = load_file(tmp_path / "page_network.safetensors")
    assert all(array.dtype == np.float16 for array in arrays.values())
    assert arrays["digits_2/kernel"].shape == (1, 1, 48, 18)
    assert all(np.isfinite(array).all() for array in arrays.values())
    # All steps are done, so there is nothing left to train.
    before = (tmp_path / "checkpoint.npz").read_bytes()
    assert run(tmp_path) == []
    assert (tmp_path / "checkpoint.npz").read_bytes() == before
