"""Training on two and three workers, each a process on this machine."""

import re
import signal
import sys
import time

import numpy as np
import pytest

import mnistcnn
from tests.helpers import runs
from tests.helpers.workers import Workers

pytestmark = pytest.mark.workers
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
# TensorFlow notices a killed worker at once and one that is silent after ten seconds.
DETECTION_SECONDS = 60


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_workers")
    with Workers(folder, 2, "tests.helpers.on_workers", "two") as workers:
        assert workers.exit_codes(500) == [0, 0], workers.outputs()
        return folder, workers.reports()


@pytest.mark.parametrize("name", runs.RECIPES)
def test_two_workers_match_one_process(two_workers, name):
    folder, _ = two_workers
    runs.save(name, *runs.train(runs.RECIPES[name]))
    weights, metrics = runs.max_difference(f"{name}.npz", folder / "0" / f"{name}.npz")
    assert weights < 1e-3  # where a gradient is almost 0, Adam amplifies rounding
    assert metrics < 1e-4
    between = runs.max_difference(folder / "0" / f"{name}.npz", folder / "1" / f"{name}.npz")
    assert between == (0, 0)


def test_only_the_chief_writes_and_its_seed_is_used(two_workers):
    folder, (chief, other) = two_workers
    assert chief["files"] == ["best.keras", "log.csv", "written"]
    assert other["files"] == []
    assert chief["has_checkpoint"]
    assert not other["has_checkpoint"]
    names = [folder / rank / "random_seed.npz" for rank in "01"]
    assert runs.max_difference(*names) == (0, 0)
    assert chief["calls"]
    assert other["calls"] == chief["calls"]


def test_stop_training_on_one_worker_stops_all(two_workers):
    assert [report["stopped_at"] for report in two_workers[1]] == [3, 3]


def test_unsupported_arguments_raise_on_every_worker(two_workers):
    for report in two_workers[1]:
        assert report["errors"] == [
            "every worker must have the same recipe; worker 1's differs from the chief's",
            "every worker must have the same seed; worker 1's differs from the chief's",
            "model must be the baseline network, built outside strategy.scope(), to train on several machines; received another keras.Sequential",
            "callbacks must not include BackupAndRestore when training on several machines; use checkpoint_dir to resume",
            "every worker must end epoch 1 with the same weights; worker 1's differ from the chief's. Check that all machines have the same hardware and library versions",
        ]


def test_interrupt_on_one_worker_saves_the_checkpoint_of_all(two_workers):
    for report in two_workers[1]:
        assert report["interrupts"] == 2
        assert report["resumed_exactly"]


@posix
def test_command_resumes_exactly_after_a_worker_is_killed(two_workers, tmp_path):
    words = ["mnistcnn", "train", "--data", "digits", "--recipe", "fast", "--epochs", "12"]
    words += ["--seed", "3"]
    state = tmp_path / "0/mnistcnn-run/checkpoint/run.safetensors"
    with Workers(tmp_path, 2, *words) as workers:
        while not state.exists():
            time.sleep(0.02)
            assert workers.processes[0].poll() is None, workers.outputs()
        workers.processes[1].kill()
        killed = time.monotonic()
        assert workers.processes[0].wait(DETECTION_SECONDS) == 1
        assert time.monotonic() - killed < DETECTION_SECONDS
        lines = workers.outputs()[0].splitlines()
    assert re.fullmatch(
        r"mnistcnn: every worker must run until training ends; worker 0 of 2 lost (worker 1 at 127.0.0.1:\d+|another worker)",
        lines[-2].split(". ")[0],
    )
    assert lines[-1] == f"{' '.join(words)} --resume"
    with Workers(tmp_path, 2, *words, "--resume") as workers:
        assert workers.exit_codes(300) == [0, 0], workers.outputs()
        chief, other = workers.outputs()
    assert "Epoch 1/12" not in chief
    assert "accuracy" in chief
    assert other.splitlines() == [
        "Worker 1 of 2, which writes no files. Waiting for the other workers.",
        "Data: digits, 1,442 training and 355 test images (as requested).",
        "Worker 1 finished; the chief writes the results.",
    ]
    assert sorted(path.name for path in (tmp_path / "1").iterdir()) == ["output"]
    model = mnistcnn.load_model(tmp_path / "0/mnistcnn-run/model.keras")
    with np.load(two_workers[0] / "0/command.npz") as uninterrupted:
        np.testing.assert_array_equal(runs.weights(model), uninterrupted["weights"])


@posix
def test_two_of_three_workers_report_the_killed_one(tmp_path):
    with Workers(tmp_path, 3, "tests.helpers.on_workers", "three") as workers:
        assert workers.exit_codes(500) == [0, 0, -signal.SIGKILL], workers.outputs()
        reports = workers.reports()
    runs.save("alone", *runs.train(runs.RECIPES["one left over"]))
    weights, metrics = runs.max_difference("alone.npz", tmp_path / "0/three.npz")
    assert weights < 1e-3
    assert metrics < 1e-4
    for rank in (1, 2):
        names = tmp_path / "0/three.npz", tmp_path / f"{rank}/three.npz"
        assert runs.max_difference(*names) == (0, 0)
    assert len(reports) == 2
    for rank, report in enumerate(reports):
        assert report["error"].startswith(
            f"every worker must run until training ends; worker {rank} of 3 lost "
        )
        assert report["seconds"] < DETECTION_SECONDS
    assert (tmp_path / "0/checkpoint/run.safetensors").exists()
