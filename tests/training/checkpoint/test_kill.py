"""Runs in processes that are killed resume exactly."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.workers import subprocess_env

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and POSIX signals")
FAULTS = ("SIGKILL at a random moment", "SIGKILL during a write", "Ctrl-C")
LOSSES = ("different_results", "unreadable_files")


def run_module(*arguments):
    subprocess.run(
        [sys.executable, "-m", *arguments], check=True, capture_output=True, env=subprocess_env()
    )


def check_nothing_is_lost(row):
    assert [row[name] for name in LOSSES] == [0, 0], row


@pytest.mark.slow
def test_killed_run_resumes_exactly():
    run_module("tests.helpers.kill_runs")
    row = json.loads(Path("row.json").read_text())
    assert row["kills"] == 1
    check_nothing_is_lost(row)
    assert row["resumed"] == 1


@pytest.mark.slow
def test_runs_survive_every_fault():
    from benchmarks.robustness import crash_recovery

    trainings = [name for name in crash_recovery.TRAININGS if "Muon" not in name]
    words = ["--kills", "3", "--output", "rows.json"]
    for training in trainings:
        words += ["--training", training]
    run_module("benchmarks.robustness.crash_recovery", *words)
    rows = json.loads(Path("rows.json").read_text())["rows"]
    assert [(row["fault"], row["training"]) for row in rows] == list(
        itertools.product(FAULTS, trainings)
    )
    for row in rows:
        assert row["kills"] == 3
        check_nothing_is_lost(row)
