"""Worker processes of a sweep."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import mnistcnn
from mnistcnn import sweep
from mnistcnn.sweeps import process_pool
from mnistcnn.utils.environment import TF_COMMAND_DEFAULTS


def test_each_process_gets_its_share_of_the_cores(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", TF_COMMAND_DEFAULTS["TF_NUM_INTRAOP_THREADS"])
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "7")
    environment = process_pool.worker_env(4)
    assert environment["TF_NUM_INTRAOP_THREADS"] == "2"
    assert environment["TF_NUM_INTEROP_THREADS"] == "7"  # set by the user
    assert process_pool.threads_per_process(1) == {
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
    }


REAL_POPEN = subprocess.Popen


@pytest.fixture
def processes(monkeypatch):
    """The worker processes that are started."""
    started = []

    def popen(*arguments, **options):
        started.append(REAL_POPEN(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(process_pool.subprocess, "Popen", popen)
    return started


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.kill(os.getpid(), 9)", "fast, seed 0: the worker process exited with code -9"),
        ("raise SystemExit('out of memory')", "fast, seed 0: the worker process exited with code 1: out of memory"),
        ("input(); print('{\"error\": \"ValueError: no\"}', flush=True); input()", "fast, seed 0: ValueError: no"),
    ],
    ids=["killed", "exited", "error"],
)  # fmt: skip
def test_failed_run_raises_one_error_with_its_reason(code, message, tiny, processes, monkeypatch):
    popen = process_pool.subprocess.Popen
    monkeypatch.setattr(
        process_pool.subprocess,
        "Popen",
        lambda command, **options: popen([sys.executable, "-c", code], **options),
    )
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}$"):
        sweep(tiny, seeds=[0], recipe="fast", verbose=0)
    assert len(processes) == 1
    assert all(process.poll() is not None for process in processes)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="requires POSIX signals")
def test_interrupt_kills_the_workers(tiny, processes, monkeypatch):
    popen = process_pool.subprocess.Popen

    def start(command, **options):
        process = popen([sys.executable, "-c", "import time; time.sleep(60)"], **options)
        if len(processes) == 2:
            main_thread = threading.main_thread().ident
            threading.Timer(0.2, signal.pthread_kill, (main_thread, signal.SIGINT)).start()
        return process

    monkeypatch.setattr(process_pool.subprocess, "Popen", start)
    with pytest.raises(KeyboardInterrupt):
        sweep(tiny, seeds=range(2), recipe="fast", processes=2, verbose=0)
    assert len(processes) == 2
    assert all(process.poll() is not None for process in processes)


def test_worker_exits_with_its_parent(write_npz, tiny):
    """Standard input closes when the parent process ends, however it ends."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "mnistcnn.sweeps.worker", str(write_npz(tiny)), '["0", "1"]'],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    _, printed = worker.communicate(timeout=300)
    assert (worker.returncode, printed) == (0, b"")


def test_worker_reproduces_train(digits, processes):
    """Identical to the bit, in a process with other numbers of threads."""
    result = sweep(digits, seeds=[4], recipe="fast", epochs=1, verbose=0)
    assert len(processes) == 1
    x, y = mnistcnn.preprocess(*digits.train)
    model = mnistcnn.build_model(seed=4)
    mnistcnn.train(model, x, y, recipe="fast", epochs=1, seed=4, verbose=0)
    assert result.runs[0].test == mnistcnn.evaluate(model, *mnistcnn.preprocess(*digits.test))


def test_named_classes_reach_the_runs(digits, processes):
    """Also those without an image, of which the data alone would not tell."""
    (x, y), _ = digits
    train, test = (mnistcnn.Split(x[part], y[part] % 3) for part in (slice(64), slice(64, 96)))
    data = mnistcnn.Dataset(train, test, ("low", "middle", "high", "none"))
    result = sweep(data, seeds=[0], recipe="fast", verbose=0)
    assert len(processes) == 1
    assert result.runs[0].test.class_names == data.class_names
    assert result.runs[0].test.confusion_matrix.shape == (4, 4)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_sweep_leaves_no_process_and_resumes(tmp_path, digits):
    """The command is killed with SIGKILL when its first run has ended."""
    arguments = ["--seeds", "0-1", "--recipe", "fast", "--epochs", "1", "--data", "digits"]
    arguments += ["--processes", "1", "--output", "runs", "--json"]
    command = [sys.executable, "-m", "mnistcnn", "sweep", *arguments]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
    while not Path("runs/fast-seed-0.json").exists():
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.05)
    workers = [int(pid) for pid in children.read_text().split()] if children.exists() else []
    first.kill()
    first.communicate()
    assert workers or not Path("/proc").exists()

    modified = Path("runs/fast-seed-0.json").stat().st_mtime_ns
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Loaded 1 of 2 runs from the output folder." in second.stderr
    assert Path("runs/fast-seed-0.json").stat().st_mtime_ns == modified
    report = json.loads(second.stdout)

    x, y = mnistcnn.preprocess(*digits.train)
    for run in report["runs"]:
        model = mnistcnn.build_model(seed=run["seed"])
        mnistcnn.train(model, x, y, recipe="fast", epochs=1, seed=run["seed"], verbose=0)
        result = mnistcnn.evaluate(model, *mnistcnn.preprocess(*digits.test))
        assert run["test"] == result.to_dict()

    deadline = time.monotonic() + 60
    while running := [pid for pid in workers if is_running(pid)]:
        assert time.monotonic() < deadline, running
        time.sleep(0.1)


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
