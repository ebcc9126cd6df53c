"""Training on several machines: real processes on this one, each a worker."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

import mnistcnn
from mnistcnn.cli.common import CommandError
from mnistcnn.cli.main import main
from mnistcnn.training.distribute.cluster import ClusterSpec, cluster_from_env, connect
from tests.helpers import runs

ROOT = Path(__file__).parents[3]
machines = pytest.mark.workers
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
# A worker that was killed is known at once, a silent one after TensorFlow's ten seconds.
SOON = 60


def free_ports(count):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def config(ports, number, job="worker"):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    return json.dumps({"cluster": cluster, "task": {"type": job, "index": number}})


class Team:
    """Workers that were started, each in a folder of its own."""

    def __init__(self, folder, count, *words):
        ports = free_ports(count)
        self.folders = [folder / str(number) for number in range(count)]
        self.processes = []
        for number, own in enumerate(self.folders):
            own.mkdir(exist_ok=True)
            environment = os.environ | {
                "TF_CONFIG": config(ports, number),
                "PYTHONPATH": str(ROOT),
                "PYTHONUNBUFFERED": "1",
            }
            with (own / "out").open("wb") as out:
                process = subprocess.Popen(
                    [sys.executable, "-m", *words],
                    cwd=own, env=environment, stdout=out, stderr=subprocess.STDOUT,
                )  # fmt: skip
            self.processes.append(process)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in self.processes:
            process.kill()
            process.wait()

    def codes(self, timeout):
        end = time.monotonic() + timeout
        return [process.wait(timeout=end - time.monotonic()) for process in self.processes]

    def said(self):
        return [(own / "out").read_text() for own in self.folders]

    def reports(self):
        return [json.loads((own / "report.json").read_text()) for own in self.folders]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    with Team(folder, 2, "tests.helpers.on_workers", "two") as team:
        assert team.codes(500) == [0, 0], team.said()
        return folder, team.reports()


@machines
@pytest.mark.parametrize("name", runs.RECIPES)
def test_two_workers_end_where_one_does_and_alike(two, name):
    folder, _ = two
    runs.save(name, *runs.train(runs.RECIPES[name]))
    weights, figures = runs.distance(f"{name}.npz", folder / "0" / f"{name}.npz")
    assert weights < 1e-3  # where a gradient is all but 0, Adam makes much of rounding
    assert figures < 1e-4
    assert runs.distance(folder / "0" / f"{name}.npz", folder / "1" / f"{name}.npz") == (0, 0)


@machines
def test_the_chief_alone_writes_and_its_seed_counts(two):
    folder, (chief, other) = two
    assert chief["files"] == ["best.keras", "log.csv", "written"]
    assert other["files"] == []
    assert chief["kept"]
    assert not other["kept"]
    assert runs.distance(folder / "0/drawn.npz", folder / "1/drawn.npz") == (0, 0)
    assert chief["calls"]
    assert other["calls"] == chief["calls"]


@machines
def test_who_stops_stops_all(two):
    assert [report["stopped"] for report in two[1]] == [3, 3]


@machines
def test_what_workers_must_have_alike(two):
    for report in two[1]:
        assert report["refused"] == [
            "every worker must have the same recipe; that of worker 1 is another than the chief's",
            "every worker must have the same seed; that of worker 1 is another than the chief's",
            "model must be the documented network, built outside strategy.scope(), to be trained on several machines; received another keras.Sequential",
            "callbacks must leave it to checkpoint_dir to go on with a training on several machines; received BackupAndRestore",
            "every worker must end epoch 1 with the same weights; those of worker 1 are others than the chief's. Are all machines alike?",
        ]


@machines
def test_ctrl_c_at_one_keeps_the_run_of_all(two):
    for report in two[1]:
        assert report["interrupted"] == 2
        assert report["same"]


@machines
@posix
def test_a_killed_worker_ends_the_others_and_the_command_goes_on_to_the_same_bits(two, tmp_path):
    words = ["mnistcnn", "train", "--data", "digits", "--recipe", "fast", "--epochs", "12"]
    words += ["--seed", "3"]
    state = tmp_path / "0/mnistcnn-run/checkpoint/run.safetensors"
    with Team(tmp_path, 2, *words) as team:
        while not state.exists():
            time.sleep(0.02)
            assert team.processes[0].poll() is None, team.said()
        team.processes[1].kill()
        killed = time.monotonic()
        assert team.processes[0].wait(SOON) == 1
        assert time.monotonic() - killed < SOON
        said = team.said()[0].splitlines()
    assert re.fullmatch(
        r"mnistcnn: every worker must stay until the training ends; worker 0 of 2 lost (worker 1 at 127.0.0.1:\d+|another worker)",
        said[-2].split(". ")[0],
    )
    assert said[-1] == f"{' '.join(words)} --resume"
    with Team(tmp_path, 2, *words, "--resume") as team:
        assert team.codes(300) == [0, 0], team.said()
        chief, other = team.said()
    assert "Epoch 1/12" not in chief  # it did not begin at the beginning
    assert "accuracy" in chief
    assert other.splitlines() == [
        "Worker 1 of 2, which writes no files. Waiting for the other workers.",
        "Data: digits, 1,442 training and 355 test images (as requested).",
        "Worker 1 finished; the chief writes the results.",
    ]
    assert sorted(path.name for path in (tmp_path / "1").iterdir()) == ["out"]
    model = mnistcnn.load_model(tmp_path / "0/mnistcnn-run/model.keras")
    with np.load(two[0] / "0/command.npz") as whole:
        np.testing.assert_array_equal(runs.weights(model), whole["weights"])


@machines
@posix
def test_three_workers_and_two_when_one_is_killed(tmp_path):
    with Team(tmp_path, 3, "tests.helpers.on_workers", "three") as team:
        *others, killed = team.codes(500)
        assert (others, killed) == ([0, 0], -signal.SIGKILL), team.said()
        found = [json.loads((own / "report.json").read_text()) for own in team.folders[:2]]
    recipe = runs.RECIPES["one left over"]
    runs.save("alone", *runs.train(recipe))
    weights, figures = runs.distance("alone.npz", tmp_path / "0/three.npz")
    assert weights < 1e-3
    assert figures < 1e-4
    for number in (1, 2):
        assert runs.distance(tmp_path / "0/three.npz", tmp_path / f"{number}/three.npz") == (0, 0)
    for number, report in enumerate(found):
        assert report["lost"].startswith(
            f"every worker must stay until the training ends; worker {number} of 3 lost "
        )
        assert report["seconds"] < SOON
    assert (tmp_path / "0/kept/run.safetensors").exists()


# What the environment names


def test_without_the_variable_or_with_one_machine_there_is_no_team(monkeypatch):
    for text in (
        None,
        "",
        '{"cluster": {"worker": ["here:1"]}, "task": {"type": "worker", "index": 0}}',
    ):
        if text is not None:
            monkeypatch.setenv("TF_CONFIG", text)
        assert not cluster_from_env().several


def test_a_chief_stands_before_the_workers(monkeypatch):
    cluster = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}
    for job, index, number in (("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)):
        task = {"type": job, "index": index}
        monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
        found = cluster_from_env()
        assert found == (("a:1", "b:1", "c:1"), number)
        assert found.chief == (number == 0)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"cluster": {"worker": 5}}', config([1, 2], 2), config([1, 2], 0, "evaluator"),
     '{"cluster": {"worker": ["a:1", "b:1"]}}'],
)  # fmt: skip
def test_another_text_in_it_is_refused(text, monkeypatch, capsys):
    monkeypatch.setenv("TF_CONFIG", text)
    assert main(["train", "--data", "digits"]) == 1
    expected = f"mnistcnn: TF_CONFIG must be JSON with a cluster and one of its workers as the task; received {text}\n"
    assert capsys.readouterr().err == expected


def test_the_chief_says_who_is_missing():
    missing, there = free_ports(2)
    with socket.create_server(("127.0.0.1", there)):
        addresses = ("127.0.0.1:9", f"127.0.0.1:{there}", f"127.0.0.1:{missing}")
        with pytest.raises(
            CommandError,
            match=rf"^worker 2 at 127.0.0.1:{missing} must be there within 0.3 s; received ",
        ):
            connect(ClusterSpec(addresses, 0), patience=0.3)
