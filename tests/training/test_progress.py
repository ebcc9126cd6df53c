"""The progress display of a training."""

import io
import re
import sys

import pytest
from rich.console import Console
from rich.progress import Progress

from mnistcnn import build_model, train
from mnistcnn.backend import tf
from mnistcnn.notebook.progress_bar import format_duration
from mnistcnn.training import progress
from mnistcnn.training.progress import ProgressBar, progress_display

LINE = re.compile(r"Epoch (\d+)/(\d+): accuracy [01]\.\d{4}, loss \d\.\d{4}, (\d+ min )?\d+ s left")


def quick(xy, epochs):
    train(
        build_model(seed=0),
        xy[0][:8],
        xy[1][:8],
        epochs=epochs,
        validation_split=0,
        callbacks=[],
        seed=0,
    )


@pytest.mark.parametrize("epochs", [1, 11])
def test_each_epoch_prints_one_line_with_the_remaining_time(epochs, xy, capsys):
    quick(xy, epochs=epochs)
    lines = capsys.readouterr().out.splitlines()
    matches = [LINE.fullmatch(line) for line in lines]
    assert [int(match[1]) for match in matches] == list(range(1, epochs + 1))
    assert {int(match[2]) for match in matches} == {epochs}
    assert lines[-1].endswith(", 0 s left")


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_an_explicit_verbose_is_passed_to_keras(verbose):
    with progress_display(verbose) as (keras_verbose, callbacks):
        assert (keras_verbose, callbacks) == (verbose, [])


def test_nothing_is_displayed_without_standard_output(xy, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    for verbose in ("auto", 1, 2):
        with progress_display(verbose) as (keras_verbose, callbacks):
            assert (keras_verbose, callbacks) == (0, [])
    quick(xy, epochs=1)


def test_a_terminal_shows_the_lines_above_a_bar(xy, monkeypatch):
    epochs = 11
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    quick(xy, epochs=epochs)
    printed = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    lines = re.split(r"[\r\n]+", printed)
    matches = [match for line in lines if (match := LINE.fullmatch(line.strip()))]
    assert [int(match[1]) for match in matches] == list(range(1, epochs + 1))
    assert "━" in printed
    assert terminal.getvalue().endswith("\x1b[2K")  # the bar is erased


class RecordingBar(ProgressBar):
    """Records how far the bar is after each update within an epoch."""

    def __init__(self, bar):
        super().__init__(bar)
        self.bar, self.completed = bar, []

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        self.completed.append(self.bar.tasks[0].completed)


def test_the_bar_is_updated_after_each_execution(xy):
    bar = Progress(console=Console(file=io.StringIO()))
    callback = RecordingBar(bar)
    train(
        build_model(seed=0), xy[0][:100], xy[1][:100], epochs=3, batch_size=10, validation_split=0,
        callbacks=[callback], verbose=0,
    )  # fmt: skip
    (task,) = bar.tasks
    assert task.finished
    assert task.total == 30
    assert task.description == "Epoch 3/3"
    assert re.fullmatch(r"accuracy [01]\.\d{4}, loss \d\.\d{4}", task.fields["metrics"])
    assert callback.completed == sorted(callback.completed)
    assert len(callback.completed) < 30  # executions, not batches


def test_the_bar_counts_epochs_if_the_number_of_steps_is_unknown(xy):
    bar = Progress(console=Console(file=io.StringIO()))
    callback = RecordingBar(bar)
    dataset = tf.data.Dataset.from_tensor_slices(xy).batch(50).filter(lambda x, y: True)
    train(
        build_model(seed=0), dataset, epochs=2, validation_split=0, callbacks=[callback], verbose=0
    )
    (task,) = bar.tasks
    assert task.finished
    assert task.total == 2
    assert set(callback.completed) == {0, 1}


def test_the_terminal_is_restored_after_an_error(monkeypatch):
    stopped = []
    monkeypatch.setattr(progress.Progress, "stop", lambda self: stopped.append(self))  # noqa: PLW0108  # a built-in would not become a method
    monkeypatch.setattr(progress.Console, "is_terminal", True)
    with pytest.raises(KeyboardInterrupt), progress_display("auto"):
        raise KeyboardInterrupt
    assert len(stopped) == 1


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.7, "1 min 00 s"), (125, "2 min 05 s")]
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text
