"""Kills short trainings of one process, which imports TensorFlow once and forks each of them.

    python -m tests.helpers.kill_runs

Writes ``rows.json``, a row of the benchmark `crash_recovery` for each fault.
"""

import dataclasses
import json
from pathlib import Path

import mnistcnn
from benchmarks.robustness import crash_recovery
from mnistcnn.recipes import BASELINE

FAULTS = (crash_recovery.RANDOM, crash_recovery.IN_WRITE)


def short_run():
    recipe = dataclasses.replace(BASELINE, epochs=3)
    callbacks = mnistcnn.default_callbacks("best.keras", min_delta=0.0, patience=3)
    return mnistcnn.build_model(seed=0), {"recipe": recipe, "callbacks": callbacks}


if __name__ == "__main__":
    crash_recovery.TRAININGS["short"] = short_run, 2
    crash_recovery.EARLY_KILLS = 0  # kill only after the first save
    data = mnistcnn.preprocess(*mnistcnn.load_data("digits").test)
    reference = crash_recovery.run_reference("short", data)
    rows = [
        crash_recovery.interrupt_and_resume(
            "short", fault, data, reference=reference, kills=1, seed=0
        )
        for fault in FAULTS
    ]
    Path("rows.json").write_text(json.dumps(rows))
