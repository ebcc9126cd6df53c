"""A sweep: the runs are those of train, figures are SciPy's, and a killed one goes on."""

import dataclasses
import io
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy import stats

import mnistcnn
from mnistcnn import CorruptFileError, Sweep, SweepRun, SweepSummary, recipes, sweep
from mnistcnn.cli.main import main
from mnistcnn.cli.sweep import seeds as seeds_of
from mnistcnn.evaluation.intervals import t_interval
from mnistcnn.sweeps import process_pool, progress
from mnistcnn.sweeps import sweep as sweep_module
from mnistcnn.sweeps.process_pool import Event
from mnistcnn.sweeps.sweep import _sweep_run
from mnistcnn.sweeps.worker import RunSpec
from tests.helpers.evaluations import make_evaluation


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_mean_deviation_and_interval_are_scipy_s(accuracies):
    figures = SweepSummary(recipe="fast", accuracies=tuple(accuracies))
    assert figures.mean == pytest.approx(np.mean(accuracies), abs=1e-12)
    assert figures.deviation == pytest.approx(np.std(accuracies, ddof=1), abs=1e-12)
    spread = stats.sem(accuracies)
    if spread > 1e-12:
        expected = stats.t.interval(0.95, len(accuracies) - 1, np.mean(accuracies), spread)
        assert t_interval(accuracies) == pytest.approx(expected, abs=1e-12)


def test_one_run_has_neither_deviation_nor_interval():
    alone = SweepSummary(recipe="fast", accuracies=(0.5,))
    assert (alone.mean, alone.deviation, alone.interval) == (0.5, None, None)
    assert str(alone) == "fast: mean accuracy 50.000 %, 1 run"
    assert alone.to_dict()["interval"] is None
    json.dumps(alone.to_dict(), allow_nan=False)


def record(job, right=9):
    """What a run would give that reads `right` of ten images right."""
    matrix = np.diag([1] * right + [0] * (10 - right))
    matrix[9, 0] += 10 - right
    return {
        **job.to_dict(),
        "training_seconds": 1.5,
        "history": {"loss": [0.5, 0.25]},
        "test": make_evaluation(matrix).to_dict(),
    }


@pytest.fixture
def done(monkeypatch):
    """Let no process begin; tell which runs were asked for, and how many at a time."""
    asked = []

    def side_by_side(jobs, dataset, *, processes):
        asked.append((list(jobs), processes))
        for job in jobs:
            yield Event(job, None)
            yield Event(job, record(job, right=9 - job.seed % 2))

    monkeypatch.setattr(sweep_module, "run_in_processes", side_by_side)
    return asked


def test_runs_are_in_order_and_figures_are_of_each_recipe(done, tiny, capsys):
    found = sweep(tiny, seeds=[3, 0], recipe=["fast", recipes.BEST], epochs=2, processes=5)
    ((jobs, processes),) = done
    assert processes == 5
    assert [(run.recipe.name, run.seed) for run in found.runs] == [
        ("fast", 3), ("fast", 0), ("best", 3), ("best", 0)
    ]  # fmt: skip
    assert [job.recipe.epochs for job in jobs] == [2] * 4
    fast, best = found.figures
    assert fast.accuracies == best.accuracies == (0.8, 0.9)
    assert str(found) == f"{fast}\n{best}"
    assert json.loads(json.dumps(found.to_dict()))["figures"][1]["mean"] == pytest.approx(0.85)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "fast, seed 3: accuracy 80.00%, 1.5 s (1 of 4)"
    assert len(lines) == 4


def test_what_is_there_is_not_done_again(done, tiny, capsys):
    sweep(tiny, seeds=[0, 2], recipe="fast", output="runs", verbose=0)
    assert sorted(path.name for path in Path("runs").iterdir()) == [
        "fast-seed-0.json", "fast-seed-2.json"
    ]  # fmt: skip
    Path("runs/fast-seed-2.json").unlink()  # as if the sweep had been killed before
    found = sweep(tiny, seeds=range(3), recipe="fast", output=Path("runs"))
    assert [job.seed for job in done[-1][0]] == [1, 2]
    assert [run.test.accuracy for run in found.runs] == [0.9, 0.8, 0.9]
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "1 of 3 runs were there already."
    assert out[-1].endswith("(3 of 3)")
    again = sweep(tiny, seeds=range(3), recipe="fast", output="runs", verbose=0)
    assert len(done) == 2
    assert again == found
    assert capsys.readouterr().out == ""


def test_each_run_is_kept_as_it_ends(monkeypatch, tiny):
    def killed(jobs, dataset, *, processes):
        yield Event(jobs[0], record(jobs[0]))
        assert Path("runs/fast-seed-0.json").exists()
        raise RuntimeError("fast, seed 1: its process ended with -9")

    monkeypatch.setattr(sweep_module, "run_in_processes", killed)
    with pytest.raises(RuntimeError, match="its process ended with -9"):
        sweep(tiny, seeds=range(2), recipe="fast", output="runs", verbose=0)
    assert [path.name for path in Path("runs").iterdir()] == ["fast-seed-0.json"]


def test_runs_of_another_sweep_are_refused(done, tiny, digits):
    sweep(tiny, seeds=[0], recipe="fast", output="runs", verbose=0)
    path = Path("runs/fast-seed-0.json")
    expected = f"^{re.escape(str(path))} must be of fast, seed 0 with the same settings; received other settings: choose another output$"
    with pytest.raises(ValueError, match=expected):
        sweep(tiny, seeds=[0], recipe="fast", epochs=2, output="runs", verbose=0)
    other = mnistcnn.Dataset(tiny.train, mnistcnn.Split(*(part[::-1] for part in tiny.test)))
    with pytest.raises(ValueError, match="must be of the same data; received other data: choose"):
        sweep(other, seeds=[0], recipe="fast", output="runs", verbose=0)
    whole = json.loads(path.read_text())
    for damage in ("", "{", "[]", json.dumps({**whole, "test": {}}), json.dumps({"seed": 0})):
        path.write_text(damage)
        with pytest.raises(
            CorruptFileError, match=r"fast-seed-0\.json must hold a run of a sweep; "
        ):
            sweep(tiny, seeds=[0], recipe="fast", output="runs", verbose=0)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"seeds": []}, ValueError, "seeds must be different numbers, at least one; received []"),
        ({"seeds": [1, 1]}, ValueError, "seeds must be different numbers, at least one; received [1, 1]"),
        ({"seeds": 3}, TypeError, "seeds must be an iterable of integers; received 3"),
        ({"seeds": "0-9"}, TypeError, "seeds must be an iterable of integers; received '0-9'"),
        ({"seeds": [-1]}, ValueError, "each seed must be at least 0; received -1"),
        ({"seeds": [0.5]}, TypeError, "each seed must be an integer; received 0.5"),
        ({"recipe": "slow"}, ValueError, "recipe must be one of 'baseline', 'fast', 'best', 'robust'; received 'slow'"),
        ({"recipe": []}, ValueError, "recipe must be recipes of different names, at least one; received []"),
        ({"recipe": ["fast", "fast"]}, ValueError, "recipe must be recipes of different names, at least one; received ['fast', 'fast']"),
        ({"recipe": dataclasses.replace(recipes.FAST, name="../a")}, ValueError, "the name of each recipe must be letters, digits, '.', '_' and '-'; received '../a'"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1; received 0"),
        ({"batch_size": 1.0}, TypeError, "batch_size must be an integer; received 1.0"),
        ({"processes": 0}, ValueError, "processes must be at least 1; received 0"),
        ({"processes": 2, "ray": "auto"}, ValueError, "processes must be None on a cluster; received 2"),
        ({"output": 3}, TypeError, "output must be a path; received 3"),
        ({"output": "taken"}, ValueError, "output must be a folder; 'taken' is a file"),
        ({"verbose": 3}, ValueError, "verbose must be one of 'auto', 0, 1, 2; received 3"),
        ({"dataset": 3}, TypeError, "dataset must be (x_train, y_train), (x_test, y_test); received 3"),
        ({"dataset": (([], []), ([], []))}, ValueError, "images must have shape"),
        ({"dataset": ((np.zeros((0, 28, 28), int), []),) * 2}, ValueError, "x_train must hold at least one image; received none"),
        ({"dataset": ((np.zeros((2, 28, 28), int), [1]),) * 2}, ValueError, "x_train and y_train must have the same length; received 2 and 1"),
    ],
)  # fmt: skip
def test_arguments_are_checked_before_anything_begins(changed, error, message, done, tiny):
    Path("taken").touch()
    given = {"dataset": tiny, "seeds": [0], **changed}
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        sweep(given.pop("dataset"), **given)
    assert not done


def test_an_output_that_may_not_be_written_to_is_refused(monkeypatch, done, tiny):
    monkeypatch.setattr("mnistcnn.sweeps.sweep.os.access", lambda path, mode: False)
    with pytest.raises(
        PermissionError, match="^output must be a folder to write to; 'closed' is not$"
    ):
        sweep(tiny, seeds=[0], output="closed")
    assert not done


def test_a_cluster_needs_ray(monkeypatch, tiny):
    monkeypatch.setattr("mnistcnn.utils.environment.find_spec", lambda name: None)
    expected = r"^a sweep on a cluster needs ray; pip install 'mnistcnn\[ray\]'$"
    with pytest.raises(ModuleNotFoundError, match=expected):
        sweep(tiny, seeds=[0], ray="auto")


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        (3, TypeError, "ray must be the address of a cluster; received 3"),
        ("somewhere", ValueError, "ray must be 'auto', 'local' or 'host:port'; received 'somewhere'"),
        ("127.0.0.1:1", ConnectionError, "no Ray cluster answers at 127.0.0.1:1: "),
    ],
)  # fmt: skip
def test_a_cluster_that_is_none_is_refused_at_once(address, error, message, tiny, monkeypatch):
    monkeypatch.setattr("mnistcnn.utils.environment.require_extra", lambda *what: None)
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        sweep(tiny, seeds=[0], ray=address)


def test_results_are_checked():
    with pytest.raises(ValueError, match="accuracies must be those of at least one run; received"):
        SweepSummary(recipe="fast", accuracies=())
    with pytest.raises(ValueError, match="runs must hold at least one run; received none"):
        Sweep(runs=())
    with pytest.raises(TypeError, match="test must be an Evaluation; received 3"):
        SweepRun(recipe=recipes.FAST, seed=0, training_seconds=1.0, history={}, test=3)


def test_a_terminal_gets_a_table_of_what_ended_trains_and_waits(monkeypatch, tiny):
    jobs = [RunSpec(recipes.FAST, seed) for seed in range(20)]
    state = progress._State(jobs, {})
    for job in jobs[:14]:
        state(job, None)
        state(job, _sweep_run(job, record(job)))
    state(jobs[14], None)
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    console.print(state.table())
    rows = [line.split() for line in console.file.getvalue().splitlines()]
    assert rows[0] == ["recipe", "seed", "accuracy", "epochs", "seconds"]
    assert rows[1] == ["...", "2", "more"]
    assert rows[2] == ["fast", "2", "done", "90.00%", "2", "1.5"]
    assert rows[-2][:3] == ["fast", "14", "training"]
    assert rows[-1] == ["...", "5", "waiting"]


def test_a_table_can_be_asked_for(done, tiny, capsys):
    sweep(tiny, seeds=range(2), recipe="fast", verbose=1)
    out = capsys.readouterr().out
    assert "recipe" in out
    assert "80.00%" in out


def test_each_process_gets_its_part_of_the_cores(monkeypatch):
    monkeypatch.setattr("mnistcnn.utils.environment.cpu_count", lambda: 8)
    monkeypatch.setenv(
        "TF_NUM_INTRAOP_THREADS", process_pool._settings.SETTINGS["TF_NUM_INTRAOP_THREADS"]
    )
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "7")
    told = process_pool._worker_env(4)
    assert told["TF_NUM_INTRAOP_THREADS"] == "2"
    assert told["TF_NUM_INTEROP_THREADS"] == "7"  # the user's own
    assert process_pool.threads_per_process(1) == {
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
    }


REAL_POPEN = subprocess.Popen


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.kill(os.getpid(), 9)", "fast, seed 0: its process ended with -9"),
        ("raise SystemExit('too little memory')", "fast, seed 0: its process ended with 1: too little memory"),
        ("input(); print('{\"error\": \"ValueError: no\"}', flush=True); input()", "fast, seed 0: ValueError: no"),
    ],
)  # fmt: skip
def test_a_process_that_fails_ends_the_sweep_with_its_reason(code, message, tiny, monkeypatch):
    processes = []

    def popen(words, **options):
        processes.append(REAL_POPEN([sys.executable, "-c", code], **options))
        return processes[-1]

    monkeypatch.setattr(process_pool.subprocess, "Popen", popen)
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}$"):
        sweep(tiny, seeds=[0], recipe="fast", verbose=0)
    assert all(process.poll() is not None for process in processes)


def test_seeds_of_the_command():
    assert seeds_of("0-9") == list(range(10))
    assert seeds_of("4,0,7-9") == [4, 0, 7, 8, 9]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "a"], "must be integers and ranges such as 0-9 or 0,3,7-9; received 'a'"),
        (["--seeds", "-3"], "must be integers and ranges such as 0-9 or 0,3,7-9; received '-3'"),
        (["--seeds", "3-"], "must be integers and ranges such as 0-9 or 0,3,7-9; received '3-'"),
        (["--seeds", "9-0"], "a range must go up, over at most 10,000 numbers; received '9-0'"),
        (["--seeds", "0-99999999"], "a range must go up, over at most 10,000 numbers"),
        (["--seeds", "1,0-3"], "must be different numbers; received '1,0-3'"),
        ([], "the following arguments are required: --seeds"),
        (["--seeds", "0", "--ray", "auto", "--processes", "2"], "not allowed with argument"),
    ],
)  # fmt: skip
def test_the_command_refuses(words, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["sweep", *words])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_the_command_says_how_many_epochs_and_ends_with_the_figures(done, capsys, monkeypatch):
    monkeypatch.setattr("mnistcnn.cli.train.DIGITS_EPOCHS", 3)
    assert main(["sweep", "--seeds", "0-1", "--recipe", "fast", "--data", "digits"]) == 0
    out = capsys.readouterr().out
    assert "Epochs: at most 3, since the set is small.\n" in out
    assert done[0][0][0].recipe.epochs == 3
    assert "fast: mean accuracy 85.000 % (95 % interval " in out
    kept = json.loads(Path("mnistcnn-sweep/sweep.json").read_text())
    assert kept["figures"][0]["runs"] == 2
    # what is kept of a run is an evaluation that other commands take
    assert main(["compare", *["mnistcnn-sweep/fast-seed-0.json"] * 2]) == 0
    assert "only a classifies" in capsys.readouterr().out


def test_the_command_gives_json_and_reports_a_failure(done, capsys, monkeypatch):
    words = ["sweep", "--seeds", "0", "--recipe", "fast", "--data", "digits", "--json"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["runs"][0]["seed"] == 0
    assert "fast, seed 0: accuracy" in captured.err

    def fails(jobs, dataset, *, processes):
        raise RuntimeError("fast, seed 1: its process ended with -9")
        yield

    monkeypatch.setattr(sweep_module, "run_in_processes", fails)
    assert main(["sweep", "--seeds", "0-1", "--recipe", "fast", "--data", "digits"]) == 1
    assert capsys.readouterr().err == "mnistcnn: fast, seed 1: its process ended with -9\n"


@pytest.mark.timeout(900)
def test_real_processes_give_what_train_gives_and_a_killed_sweep_goes_on(tmp_path, digits):
    """The command is killed when its first run has ended, and leaves no process behind."""
    words = ["--seeds", "0-1", "--recipe", "fast", "--epochs", "1", "--data", "digits"]
    words += ["--processes", "1", "--output", "runs", "--json"]
    command = [sys.executable, "-m", "mnistcnn", "sweep", *words]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    children = Path(f"/proc/{first.pid}/task/{first.pid}/children")
    while not Path("runs/fast-seed-0.json").exists():
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.05)
    started = [int(pid) for pid in children.read_text().split()] if children.exists() else []
    first.kill()
    first.communicate()
    assert started or not Path("/proc").exists()

    kept = Path("runs/fast-seed-0.json").stat().st_mtime_ns
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "1 of 2 runs were there already." in second.stderr
    assert Path("runs/fast-seed-0.json").stat().st_mtime_ns == kept
    report = json.loads(second.stdout)

    x, y = mnistcnn.preprocess(*digits.train)
    for run in report["runs"]:
        model = mnistcnn.build_model(seed=run["seed"])
        mnistcnn.train(model, x, y, recipe="fast", epochs=1, seed=run["seed"], verbose=0)
        result = mnistcnn.evaluate(model, *mnistcnn.preprocess(*digits.test))
        assert run["test"] == result.to_dict()

    deadline = time.monotonic() + 20
    while alive := [pid for pid in started if is_alive(pid)]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.1)


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
