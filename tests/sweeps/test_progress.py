"""Progress of a sweep."""

import io

from rich.console import Console

from mnistcnn import recipes, sweep
from mnistcnn.sweeps.progress import SweepState
from mnistcnn.sweeps.sweep import run_from_record
from mnistcnn.sweeps.worker import RunSpec
from tests.helpers.sweep_runs import record_of


def test_table_lists_finished_running_and_waiting_runs():
    specs = [RunSpec(recipes.FAST, seed) for seed in range(20)]
    state = SweepState(specs, {})
    for spec in specs[:14]:
        state.update(spec, None)
        state.update(spec, run_from_record(spec, record_of(spec)))
    state.update(specs[14], None)
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    console.print(state.table())
    rows = [line.split() for line in console.file.getvalue().splitlines()]
    assert rows[0] == ["recipe", "seed", "accuracy", "epochs", "seconds"]
    assert rows[1] == ["...", "2", "more"]
    assert rows[2] == ["fast", "2", "done", "90.00%", "2", "1.5"]
    assert rows[-2][:3] == ["fast", "14", "training"]
    assert rows[-1] == ["...", "5", "waiting"]


def test_verbose_1_prints_a_table(fake_processes, tiny, capsys):
    sweep(tiny, seeds=range(2), recipe="fast", verbose=1)
    out = capsys.readouterr().out
    assert "recipe" in out
    assert "80.00%" in out


def test_verbose_2_prints_a_line_for_each_run(fake_processes, tiny, capsys):
    sweep(tiny, seeds=[3, 0], recipe="fast", verbose=2)
    assert capsys.readouterr().out.splitlines() == [
        "fast, seed 3: accuracy 80.00%, 1.5 s (1 of 2)",
        "fast, seed 0: accuracy 90.00%, 1.5 s (2 of 2)",
    ]
