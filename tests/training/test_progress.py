"""What a training of many epochs shows while it runs."""

import io
import re
import sys

import pytest
from rich.console import Console
from rich.progress import Progress

from mnistcnn import build_model, train
from mnistcnn.backend import tf
from mnistcnn.training import progress
from mnistcnn.training.progress import ProgressBar, progress_display

LINE = re.compile(r"Epoch (\d+)/11: accuracy [01]\.\d{4}, loss \d\.\d{4}, (\d+ min )?\d+ s left")


def test_many_epochs_are_a_line_each_with_the_time_left(xy, capsys):
    train(
        build_model(seed=0),
        xy[0][:8],
        xy[1][:8],
        epochs=11,
        validation_split=0,
        callbacks=[],
        seed=0,
    )
    lines = capsys.readouterr().out.splitlines()
    assert [int(LINE.fullmatch(line)[1]) for line in lines] == list(range(1, 12))
    assert lines[-1].endswith(", 0 s left")


def test_few_epochs_are_shown_by_keras(xy, capsys):
    train(build_model(seed=0), xy[0][:8], xy[1][:8], epochs=2, validation_split=0, callbacks=[])
    printed = capsys.readouterr().out
    assert printed.startswith("Epoch 1/2\n")
    assert "left" not in printed
    assert "\b" not in printed


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_what_is_asked_for_is_what_keras_shows(verbose):
    with progress_display(verbose, epochs=99) as (of_keras, display):
        assert (of_keras, display) == (verbose, [])


def test_in_a_terminal_there_is_one_bar(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress_display("auto", epochs=10) as (of_keras, display):
        assert (of_keras, display) == (1, [])
    with progress_display("auto", epochs=11) as (of_keras, display):
        assert of_keras == 0
        assert [type(one) for one in display] == [ProgressBar]


def test_the_bar_follows_the_run_call_by_call_and_ends_full(xy):
    bar = Progress(console=Console(file=io.StringIO()))
    callback = ProgressBar(bar)
    seen = []
    follow = callback.on_train_batch_end

    def following(batch, logs=None):
        follow(batch, logs)
        seen.append(bar.tasks[0].completed)

    callback.on_train_batch_end = following
    train(
        build_model(seed=0), xy[0][:100], xy[1][:100], epochs=3, batch_size=10, validation_split=0,
        callbacks=[callback], verbose=0,
    )  # fmt: skip
    (task,) = bar.tasks
    assert task.finished
    assert task.total == 30
    assert task.description == "Epoch 3/3"
    assert re.fullmatch(r"accuracy [01]\.\d{4}, loss \d\.\d{4}", task.fields["metrics"])
    assert seen == sorted(seen)
    assert len(seen) < 30  # calls, not batches


def test_the_bar_counts_epochs_where_nobody_knows_how_long_they_are(xy):
    bar = Progress(console=Console(file=io.StringIO()))
    seen = []

    class Following(ProgressBar):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            seen.append(bar.tasks[0].completed)

    dataset = tf.data.Dataset.from_tensor_slices(xy).batch(50).filter(lambda x, y: True)
    train(
        build_model(seed=0), dataset, epochs=2, validation_split=0, callbacks=[Following(bar)],
        verbose=0,
    )  # fmt: skip
    (task,) = bar.tasks
    assert task.finished
    assert task.total == 2
    assert set(seen) == {0, 1}


def test_the_terminal_is_given_back_when_training_fails(monkeypatch):
    closed = []
    monkeypatch.setattr(progress.Progress, "stop", lambda self: closed.append(self))  # noqa: PLW0108  # a builtin is no method
    monkeypatch.setattr(progress.Console, "is_terminal", True)
    with pytest.raises(KeyboardInterrupt), progress_display("auto", epochs=99):
        raise KeyboardInterrupt
    assert len(closed) == 1


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.7, "1 min 00 s"), (125, "2 min 05 s")]
)
def test_durations(seconds, text):
    assert progress._format_duration(seconds) == text
