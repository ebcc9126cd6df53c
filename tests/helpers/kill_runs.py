"""Kills a short training at a random moment; forks it from a process that imported TensorFlow.

    python -m tests.helpers.kill_runs

Writes ``row.json``, a row of the benchmark `crash_recovery`.
"""

import dataclasses
import json
from pathlib import Path

import mnistcnn
from benchmarks.robustness import crash_recovery
from mnistcnn.recipes import BASELINE


def short_run():
    recipe = dataclasses.replace(BASELINE, epochs=3)
    callbacks = mnistcnn.default_callbacks("best.keras", min_delta=0.0, patience=3)
    return mnistcnn.build_model(seed=0), {"recipe": recipe, "callbacks": callbacks}


def uninterrupted_result(data):
    folder, result_file = Path("uninterrupted"), Path("result").absolute()
    folder.mkdir()
    child = crash_recovery.start_process("short", folder, data, result_file)
    assert crash_recovery.wait_for_exit(child) == 0
    return result_file.read_text()


if __name__ == "__main__":
    crash_recovery.TRAININGS["short"] = short_run, 2
    crash_recovery.EARLY_KILLS = 0  # kill only after the first save
    data = mnistcnn.preprocess(*mnistcnn.load_data("digits").test)
    # Kill within a tenth of a second after that save.
    reference = crash_recovery.Reference(uninterrupted_result(data), 0.0, 0.1)
    row = crash_recovery.interrupt_and_resume(
        "short", crash_recovery.RANDOM, data, reference=reference, kills=1, seed=0
    )
    Path("row.json").write_text(json.dumps(row))
