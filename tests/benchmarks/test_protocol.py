"""The protocol between the harness and the baseline processes."""

import pytest

from benchmarks.harness import BaselineProcess, mnist_file, summarize, take_turns


@pytest.fixture(scope="module")
def data():
    return mnist_file(smoke=True)


def start(data, **options):
    return BaselineProcess("matmul", data, images=0, cores=1, smoke=1, **options)


def test_processes_take_turns_after_a_warm_up(data):
    reports = take_turns({"one": start(data), "other": start(data)}, rounds=2, warm_up=1)
    assert list(reports) == ["one", "other"]
    for turns in reports.values():
        assert len(turns) == 2
        assert all(turn["gflops"] > 0 and turn["peak_mib"] > 0 for turn in turns)


def test_process_that_ends_is_an_error(data):
    process = BaselineProcess("no_such_program", data, images=0, cores=1)
    with pytest.raises(RuntimeError, match="ended before its turn"):
        process.run_turn()
    process.close()


def test_summary_has_the_median_and_the_range():
    assert summarize([3.0, 1.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0}
