"""sweep: arguments, order of the runs, and files of finished runs."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

import mnistcnn
from mnistcnn import CorruptFileError, recipes, sweep
from mnistcnn.sweeps import sweep as sweep_module
from mnistcnn.sweeps.process_pool import Event
from mnistcnn.utils import requirements
from mnistcnn.utils.environment import cpu_count
from tests.helpers.sweep_runs import record_of


def test_runs_are_ordered_and_summarized_by_recipe(fake_processes, tiny, capsys):
    result = sweep(tiny, seeds=[3, 0], recipe=["fast", recipes.BEST], epochs=2, processes=5)
    ((specs, processes),) = fake_processes
    assert processes == 5
    assert [(run.recipe.name, run.seed) for run in result.runs] == [
        ("fast", 3), ("fast", 0), ("best", 3), ("best", 0)
    ]  # fmt: skip
    assert [spec.recipe.epochs for spec in specs] == [2] * 4
    fast, best = result.summaries
    assert fast.accuracies == best.accuracies == (0.8, 0.9)
    assert str(result) == f"{fast}\n{best}"
    content = json.loads(json.dumps(result.to_dict()))
    assert content["summaries"][1]["mean"] == pytest.approx(0.85)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "fast, seed 3: accuracy 80.00%, 1.5 s (1 of 4)"
    assert len(lines) == 4


def test_default_recipe_is_baseline(fake_processes, tiny):
    sweep(tiny, seeds=[0], verbose=0)
    sweep(tiny, seeds=[0], recipe="documented", verbose=0)
    assert [specs[0].recipe for specs, _ in fake_processes] == [recipes.BASELINE] * 2


def test_finished_runs_are_not_repeated(fake_processes, tiny, capsys):
    sweep(tiny, seeds=[0, 2], recipe="fast", output="runs", verbose=0)
    assert sorted(path.name for path in Path("runs").iterdir()) == [
        "fast-seed-0.json", "fast-seed-2.json"
    ]  # fmt: skip
    Path("runs/fast-seed-2.json").unlink()  # as if the sweep had been killed before
    result = sweep(tiny, seeds=range(3), recipe="fast", output=Path("runs"))
    assert [spec.seed for spec in fake_processes[-1][0]] == [1, 2]
    assert [run.test.accuracy for run in result.runs] == [0.9, 0.8, 0.9]
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Loaded 1 of 3 runs from the output folder."
    assert out[-1].endswith("(3 of 3)")
    again = sweep(tiny, seeds=range(3), recipe="fast", output="runs", verbose=0)
    assert len(fake_processes) == 2
    assert again == result
    assert capsys.readouterr().out == ""


def test_each_run_is_saved_when_it_ends(monkeypatch, tiny):
    def run_in_processes(specs, dataset, *, processes):
        yield Event(specs[0], record_of(specs[0]))
        assert Path("runs/fast-seed-0.json").exists()
        raise RuntimeError("fast, seed 1: the worker process exited with code -9")

    monkeypatch.setattr(sweep_module, "run_in_processes", run_in_processes)
    with pytest.raises(RuntimeError, match="the worker process exited with code -9"):
        sweep(tiny, seeds=range(2), recipe="fast", output="runs", verbose=0)
    assert [path.name for path in Path("runs").iterdir()] == ["fast-seed-0.json"]


def test_runs_of_another_sweep_are_rejected(fake_processes, tiny):
    sweep(tiny, seeds=[0], recipe="fast", output="runs", verbose=0)
    path = Path("runs/fast-seed-0.json")
    expected = f"^{re.escape(str(path))} must hold a run of fast, seed 0 with the same settings; received other settings: choose another output folder$"
    with pytest.raises(ValueError, match=expected):
        sweep(tiny, seeds=[0], recipe="fast", epochs=2, output="runs", verbose=0)
    other = mnistcnn.Dataset(tiny.train, mnistcnn.Split(*(part[::-1] for part in tiny.test)))
    expected = f"^{re.escape(str(path))} must hold a run on the same dataset; received another dataset: choose another output folder$"
    with pytest.raises(ValueError, match=expected):
        sweep(other, seeds=[0], recipe="fast", output="runs", verbose=0)


def test_classes_are_those_of_the_dataset(fake_processes, tiny):
    splits = [mnistcnn.Split(images, labels + 2) for images, labels in tiny]
    sweep(mnistcnn.Dataset(*splits, tuple("abcdefghijkl")), seeds=[0], output="runs", verbose=0)
    with pytest.raises(ValueError, match="must hold a run on the same dataset"):
        sweep(mnistcnn.Dataset(*splits, tuple("ABCDEFGHIJKL")), seeds=[0], output="runs", verbose=0)
    with pytest.raises(ValueError, match=r"^y_test must lie in 0\.\.\.9; received 11 in row 2$"):
        sweep(tuple(splits), seeds=[0], verbose=0)
    assert len(fake_processes) == 1


def test_damaged_run_is_rejected(fake_processes, tiny):
    sweep(tiny, seeds=[0], recipe="fast", output="runs", verbose=0)
    path = Path("runs/fast-seed-0.json")
    content = json.loads(path.read_text())
    for damaged in (
        "", "{", "[]", "[" * 200 + "]" * 200,
        json.dumps({**content, "test": {}}), json.dumps({"seed": 0}),
        json.dumps({**content, "history": {"loss": 3}}),
        json.dumps({**content, "history": {"loss": ["a"]}}),
    ):  # fmt: skip
        path.write_text(damaged)
        with pytest.raises(
            CorruptFileError, match=r"fast-seed-0\.json must hold a run of a sweep; "
        ):
            sweep(tiny, seeds=[0], recipe="fast", output="runs", verbose=0)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"seeds": []}, ValueError, "seeds must be distinct integers, at least one; received []"),
        ({"seeds": [1, 1]}, ValueError, "seeds must be distinct integers, at least one; received [1, 1]"),
        ({"seeds": 3}, TypeError, "seeds must be an iterable of integers; received 3"),
        ({"seeds": "0-9"}, TypeError, "seeds must be an iterable of integers; received '0-9'"),
        ({"seeds": [-1]}, ValueError, "each seed must be at least 0; received -1"),
        ({"seeds": [0.5]}, TypeError, "each seed must be an integer; received 0.5"),
        ({"recipe": "slow"}, ValueError, "recipe must be one of 'baseline', 'fast', 'best', 'robust', 'finetune'; received 'slow'"),
        ({"recipe": []}, ValueError, "recipe must hold recipes with distinct names, at least one; received []"),
        ({"recipe": "finetune"}, ValueError, "recipe must train all layers, since a sweep starts from random weights; received 'finetune', which freezes the convolutions"),
        ({"recipe": ["fast", "fast"]}, ValueError, "recipe must hold recipes with distinct names, at least one; received ['fast', 'fast']"),
        ({"recipe": dataclasses.replace(recipes.FAST, name="../a")}, ValueError, "recipe names must consist of letters, digits, '.', '_' and '-'; received '../a'"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1; received 0"),
        ({"batch_size": 1.0}, TypeError, "batch_size must be an integer; received 1.0"),
        ({"processes": 0}, ValueError, "processes must be at least 1; received 0"),
        ({"processes": 10**6}, ValueError, f"processes must be at most {max(64, cpu_count())}, since each takes a gigabyte of memory; received 1000000"),
        ({"processes": 2, "ray": "auto"}, ValueError, "processes must be None if ray is given; received 2"),
        ({"output": 3}, TypeError, "output must be a path; received 3"),
        ({"output": "taken"}, ValueError, "output must be a folder; received the file 'taken'"),
        ({"verbose": 3}, ValueError, "verbose must be one of 'auto', 0, 1, 2; received 3"),
        ({"dataset": 3}, TypeError, "dataset must be (x_train, y_train), (x_test, y_test); received 3"),
        ({"dataset": (([], []), ([], []))}, ValueError, "images must have shape"),
        ({"dataset": ((np.zeros((0, 28, 28), int), []),) * 2}, ValueError, "x_train must hold at least one image; received none"),
        ({"dataset": ((np.zeros((2, 28, 28), int), [1]),) * 2}, ValueError, "x_train and y_train must have the same length; received 2 and 1"),
    ],
)  # fmt: skip
def test_arguments_are_checked_before_any_run(changed, error, message, fake_processes, tiny):
    Path("taken").touch()
    arguments = {"dataset": tiny, "seeds": [0], **changed}
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        sweep(arguments.pop("dataset"), **arguments)
    assert not fake_processes


def test_output_must_be_writable(monkeypatch, fake_processes, tiny):
    monkeypatch.setattr("mnistcnn.sweeps.sweep.os.access", lambda path, mode: False)
    with pytest.raises(
        PermissionError, match="^output must be a writable folder; received 'closed'$"
    ):
        sweep(tiny, seeds=[0], output="closed")
    assert not fake_processes


def test_ray_must_be_installed(monkeypatch, tiny):
    found = requirements.find_spec
    monkeypatch.setattr(
        requirements, "find_spec", lambda module: None if module == "ray" else found(module)
    )
    expected = r"^a sweep on a cluster needs ray; pip install 'mnistcnn\[ray\]'$"
    with pytest.raises(ModuleNotFoundError, match=expected):
        sweep(tiny, seeds=[0], ray="auto")


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        (3, TypeError, "ray must be the address of a cluster; received 3"),
        ("somewhere", ValueError, "ray must be 'auto', 'local' or 'host:port'; received 'somewhere'"),
        ("127.0.0.1:1", ConnectionError, "no Ray cluster is reachable at 127.0.0.1:1: "),
    ],
)  # fmt: skip
def test_unreachable_cluster_is_rejected_immediately(address, error, message, tiny, monkeypatch):
    monkeypatch.setattr("mnistcnn.utils.environment.require_extra", lambda *arguments: None)
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        sweep(tiny, seeds=[0], ray=address)
