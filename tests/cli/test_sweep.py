"""mnistcnn sweep."""

import json
from pathlib import Path

import pytest

from mnistcnn.cli.main import main
from mnistcnn.cli.sweep import parse_seeds
from mnistcnn.sweeps import sweep as sweep_module
from tests.helpers.sweep_runs import record_of


def test_seeds_are_integers_and_ranges():
    assert parse_seeds("0-9") == list(range(10))
    assert parse_seeds("4,0,7-9") == [4, 0, 7, 8, 9]


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ("a", "must be integers and ranges such as 0-9 or 0,3,7-9; received 'a'"),
        ("-3", "must be integers and ranges such as 0-9 or 0,3,7-9; received '-3'"),
        ("3-", "must be integers and ranges such as 0-9 or 0,3,7-9; received '3-'"),
        ("9-0", "a range must ascend and hold at most 10,000 integers; received '9-0'"),
        ("0-99999999", "a range must ascend and hold at most 10,000 integers"),
        ("1,0-3", "must be distinct integers; received '1,0-3'"),
    ],
)
def test_invalid_seeds_exit_with_2(seeds, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["sweep", "--seeds", seeds])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("recipe", ["fast", "documented"])
def test_summary_is_printed_and_saved(recipe, fake_processes, capsys, monkeypatch):
    monkeypatch.setattr("mnistcnn.cli.train.DIGITS_EPOCHS", 3)
    assert main(["sweep", "--seeds", "0-1", "--recipe", recipe, "--data", "digits"]) == 0
    name = recipe.replace("documented", "baseline")
    out = capsys.readouterr().out
    assert "Epochs: at most 3, because the dataset is small.\n" in out
    assert fake_processes[0][0][0].recipe.epochs == 3
    assert f"{name}: mean accuracy 85.000 % (95 % CI " in out
    report = json.loads(Path("mnistcnn-sweep/sweep.json").read_text())
    assert report["summaries"][0]["runs"] == 2
    # The file of a run is a saved evaluation, which other commands accept.
    assert main(["compare", *[f"mnistcnn-sweep/{name}-seed-0.json"] * 2]) == 0


def test_json_and_failure(fake_processes, capsys, monkeypatch):
    arguments = ["sweep", "--seeds", "0", "--recipe", "fast", "--data", "digits", "--json"]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["runs"][0]["test"] == record_of(fake_processes[0][0][0])["test"]
    assert "fast, seed 0: accuracy" in captured.err

    def fail(specs, dataset, *, processes):
        raise RuntimeError("fast, seed 1: the worker process exited with code -9")
        yield

    monkeypatch.setattr(sweep_module, "run_in_processes", fail)
    assert main(["sweep", "--seeds", "0-1", "--recipe", "fast", "--data", "digits"]) == 1
    expected = "mnistcnn: fast, seed 1: the worker process exited with code -9\n"
    assert capsys.readouterr().err == expected
