"""What a long training shows: one line for the run, with the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mnistcnn.backend import keras

# Up to here Keras' own view, a bar or a line for each epoch, is the better one.
_MAX_EPOCHS_FOR_KERAS_DISPLAY = 10


@contextmanager
def progress_display(
    verbose: Literal["auto", 0, 1, 2], *, epochs: int, title: str = "Epoch"
) -> Iterator[tuple[int, list[keras.callbacks.Callback]]]:
    """Give what Keras is to show, and the callbacks that show the rest.

    ``"auto"`` over many epochs becomes a bar or lines of our own, and silence of Keras.
    """
    console = Console(file=sys.stdout)
    drawn_over = console.is_terminal or console.is_jupyter
    if verbose != "auto":
        yield verbose, []
        return
    if epochs <= _MAX_EPOCHS_FOR_KERAS_DISPLAY:
        yield 1 if drawn_over else 2, []
        return
    if not drawn_over:
        yield 0, [PrintLog(title)]
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:  # whatever ends the run, the terminal gets its cursor back
        yield 0, [ProgressBar(bar, title)]


class ProgressBar(keras.callbacks.Callback):
    """A bar for the whole run, in a terminal or a notebook."""

    by_call = True  # takes what a call into the graph brings; need not see each batch

    def __init__(self, bar: Progress, title: str = "Epoch") -> None:
        super().__init__()
        self._title = title
        self._bar = bar
        self._task: Any = None
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Count the epoch."""
        del logs
        epochs, steps = self.params["epochs"], self.params["steps"] or 1
        self._epoch = epoch
        description = f"{self._title} {epoch + 1}/{epochs}"
        if self._task is None:
            self._task = self._bar.add_task(description, total=epochs * steps, figures="")
        self._bar.update(self._task, description=description, completed=epoch * steps)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Move the bar; by epochs, where nobody knows how many steps they have."""
        steps = self.params["steps"]
        done = self._epoch if steps is None else self._epoch * steps + batch + 1
        self._bar.update(self._task, completed=done, figures=_format_metrics(logs or {}))

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Show the epoch's figures, those of the validation too."""
        done = (epoch + 1) * (self.params["steps"] or 1)
        self._bar.update(self._task, completed=done, figures=_format_metrics(logs or {}))


class PrintLog(keras.callbacks.Callback):
    """A line for each epoch, where nothing can be drawn over."""

    def __init__(self, title: str = "Epoch") -> None:
        super().__init__()
        self._title = title
        self._started = 0.0
        self._first: int | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note when the first epoch began."""
        del logs
        if self._first is None:
            self._first, self._started = epoch, time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the line."""
        assert self._first is not None
        epochs, done = self.params["epochs"], epoch + 1 - self._first
        left = (time.perf_counter() - self._started) / done * (epochs - epoch - 1)
        sys.stdout.write(
            f"{self._title} {epoch + 1}/{epochs}: {_format_metrics(logs or {})}, {_format_duration(left)} left\n"
        )
        sys.stdout.flush()


def _format_metrics(logs: dict[str, float]) -> str:
    return ", ".join(f"{name} {figure:.4f}" for name, figure in logs.items())


def _format_duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
