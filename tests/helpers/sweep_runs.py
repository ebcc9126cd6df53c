"""Runs of a sweep without training."""

import numpy as np
import pytest

from mnistcnn.sweeps import sweep as sweep_module
from mnistcnn.sweeps.process_pool import Event
from tests.helpers.evaluations import make_evaluation


def record_of(spec):
    """The record of a run that classifies 9 of 10 images correctly, 8 if the seed is odd."""
    num_correct = 9 - spec.seed % 2
    matrix = np.diag([1] * num_correct + [0] * (10 - num_correct))
    matrix[9, 0] += 10 - num_correct
    return {
        **spec.to_dict(),
        "training_seconds": 1.5,
        "history": {"loss": [0.5, 0.25]},
        "test": make_evaluation(matrix).to_dict(),
    }


@pytest.fixture
def fake_processes(monkeypatch):
    """Replace the processes; list the specs and the number of processes of each call."""
    calls = []

    def run_in_processes(specs, dataset, *, processes):
        calls.append((list(specs), processes))
        for spec in specs:
            yield Event(spec, None)
            yield Event(spec, record_of(spec))

    monkeypatch.setattr(sweep_module, "run_in_processes", run_in_processes)
    return calls
