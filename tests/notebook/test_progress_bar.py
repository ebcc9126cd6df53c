"""The progress bar of a notebook."""

import re
import sys
from types import SimpleNamespace

import pytest

from mnistcnn import recipes, sweep
from mnistcnn.notebook import progress_bar
from mnistcnn.notebook.kernel import in_notebook
from mnistcnn.notebook.progress_bar import NotebookProgress
from mnistcnn.training.progress import ProgressBar, progress_display
from tests.helpers.sweep_runs import fake_processes  # noqa: F401  # a fixture


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""
    time = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: time.now)
    return time


def test_only_a_shell_with_a_kernel_is_a_notebook(fake_kernel, monkeypatch):
    assert in_notebook()
    for shell in (None, SimpleNamespace()):  # no shell, and that of a terminal
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda s=shell: s))
        assert not in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()


def test_a_bar_is_one_output_with_the_remaining_time(fake_kernel, clock):
    with NotebookProgress(unit="MB", scale=1e6) as bar:
        task = bar.add_task("Downloading <a>", total=None, note="")
        clock.now = 3.0
        bar.update(task, total=8e6)
        bar.update(task, advance=2e6, note="slow")  # too soon to be shown
        clock.now = 6.0
        bar.update(task, advance=1e6)
        clock.now = 12.0
        bar.update(task, advance=5e6)
    (states,) = fake_kernel
    assert [state["text/plain"] for state in states] == [
        "Downloading <a> [....................] 0 MB, 0 s",
        "Downloading <a> [....................] 0 of 8 MB, 3 s",
        "Downloading <a> [########............] slow, 3 of 8 MB, 6 s, 10 s left",
        "Downloading <a> [####################] slow, 8 of 8 MB, 12 s, 0 s left",
        "Downloading <a> [####################] slow, 8 of 8 MB, 12 s",
    ]
    html = [state["text/html"] for state in states]
    assert [re.search(r"<progress max=\"1\"(.*?) style", text)[1] for text in html] == [
        "", ' value="0.0000"', ' value="0.3750"', ' value="1.0000"', ' value="1.0000"'
    ]  # fmt: skip
    assert all("Downloading &lt;a&gt; " in text for text in html)


def test_remaining_time_does_not_count_what_was_done_before(fake_kernel, clock):
    bar = NotebookProgress()
    task = bar.add_task("Epoch 9/12", total=12)
    bar.update(task, completed=8)
    clock.now = 4.0
    bar.update(task, completed=10)
    assert fake_kernel[0][-1]["text/plain"].endswith(" 4 s, 4 s left")


@pytest.mark.parametrize(
    ("error", "word"), [(KeyboardInterrupt, "interrupted"), (ValueError, "failed")]
)
def test_a_run_that_ends_early_says_so(fake_kernel, error, word):
    bar = NotebookProgress()
    bar.advance(bar.add_task("Epoch 1/3", total=3))
    with pytest.raises(error), bar:
        raise error
    assert f"Epoch 1/3 ({word}) [" in fake_kernel[0][-1]["text/plain"]


def test_a_bar_without_a_task_shows_nothing(fake_kernel):
    with NotebookProgress():
        pass
    assert not fake_kernel


@pytest.mark.parametrize("epochs", [1, 99])
def test_training_shows_one_bar_for_any_number_of_epochs(fake_kernel, epochs):
    with progress_display("auto", title="Teacher") as (verbose, (callback,)):
        assert verbose == 0
        assert type(callback) is ProgressBar
        callback.set_params({"epochs": epochs, "steps": 2})
        callback.on_epoch_begin(0)
        callback.on_train_batch_end(0, {"loss": 0.5})
        callback.on_epoch_end(0, {"loss": 0.25})
    (states,) = fake_kernel
    assert states[-1]["text/plain"].startswith(f"Teacher 1/{epochs} [")
    assert "loss 0.2500" in states[-1]["text/plain"]


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_an_explicit_verbose_is_passed_to_keras(fake_kernel, verbose):
    with progress_display(verbose) as (keras_verbose, callbacks):
        assert (keras_verbose, callbacks) == (verbose, [])
    assert not fake_kernel


def test_a_sweep_shows_one_bar(fake_kernel, fake_processes, tiny, capsys):  # noqa: F811
    sweep(tiny, seeds=range(2), recipe=recipes.FAST)
    (states,) = fake_kernel
    assert re.fullmatch(
        r"Sweep \[#{20}\] fast, seed \d: accuracy \d0.00%, 2 of 2 runs, \d s",
        states[-1]["text/plain"],
    )
    assert capsys.readouterr().out == ""
