"""Progress display of a training, with the remaining time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mnistcnn.backend import keras
from mnistcnn.notebook.kernel import in_notebook
from mnistcnn.notebook.progress_bar import NotebookProgress, format_duration


@contextmanager
def progress_display(
    verbose: Literal["auto", 0, 1, 2], *, title: str = "Epoch"
) -> Iterator[tuple[int, list[keras.callbacks.Callback]]]:
    """Yield Keras' ``verbose`` and the callbacks that display progress instead of Keras.

    For ``"auto"``, Keras is silent. A line per epoch is printed, in a terminal above a progress
    bar for the run; a notebook shows the bar only.
    """
    if sys.stdout is None:  # in daemons and with pythonw; Keras would fail
        yield 0, []
        return
    if verbose != "auto":
        yield verbose, []
        return
    if in_notebook():
        with NotebookProgress() as notebook_bar:
            yield 0, [ProgressBar(notebook_bar, title)]
        return
    console = Console(file=sys.stdout, force_jupyter=False)
    if not console.is_terminal:
        yield 0, [PrintLog(title)]
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[metrics]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with bar:  # restores the cursor, also after an error; prints lines above the bar
        yield 0, [PrintLog(title), ProgressBar(bar, title)]


class ProgressBar(keras.callbacks.Callback):
    """A progress bar for the whole run, in a terminal or a notebook."""

    per_execution = True  # called once per execution of the graph, not for each batch

    def __init__(self, bar: Progress | NotebookProgress, title: str = "Epoch") -> None:
        super().__init__()
        self._title = title
        self._bar = bar
        self._task: Any = None
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Display the number of the epoch."""
        del logs
        epochs, steps = self.params["epochs"], self.params["steps"] or 1
        self._epoch = epoch
        description = f"{self._title} {epoch + 1}/{epochs}"
        if self._task is None:
            self._task = self._bar.add_task(description, total=epochs * steps, metrics="")
        self._bar.update(self._task, description=description, completed=epoch * steps)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Update the bar; by whole epochs if the number of steps is unknown."""
        steps = self.params["steps"]
        done = self._epoch if steps is None else self._epoch * steps + batch + 1
        self._bar.update(self._task, completed=done, metrics=_format_metrics(logs or {}))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Display the metrics of the epoch, including those of validation."""
        done = (epoch + 1) * (self.params["steps"] or 1)
        self._bar.update(self._task, completed=done, metrics=_format_metrics(logs or {}))


class PrintLog(keras.callbacks.Callback):
    """One line per epoch."""

    def __init__(self, title: str = "Epoch") -> None:
        super().__init__()
        self._title = title
        self._started = 0.0
        self._first_epoch: int | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock at the first epoch."""
        del logs
        if self._first_epoch is None:
            self._first_epoch, self._started = epoch, time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Print the metrics and the remaining time."""
        assert self._first_epoch is not None
        epochs, done = self.params["epochs"], epoch + 1 - self._first_epoch
        remaining = (time.perf_counter() - self._started) / done * (epochs - epoch - 1)
        sys.stdout.write(
            f"{self._title} {epoch + 1}/{epochs}: {_format_metrics(logs or {})}, "
            f"{format_duration(remaining)} left\n"
        )
        sys.stdout.flush()


def _format_metrics(logs: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
