"""A Keras callback that measures the seconds of each epoch."""

import time
from typing import Any

from mnistcnn.backend import keras


class EpochTimer(keras.callbacks.Callback):
    """Measures each epoch; `seconds` leaves out the first, in which graphs are traced."""

    def __init__(self) -> None:
        super().__init__()
        self._seconds: list[float] = []

    @property
    def seconds(self) -> list[float]:
        """The seconds of every epoch but the first."""
        return self._seconds[1:]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the timer."""
        del epoch, logs
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop the timer."""
        del epoch, logs
        self._seconds.append(time.perf_counter() - self._started)

    def get_state(self) -> None:
        """Return no state: checkpoints can store this callback."""

    def set_state(self, state: None) -> None:
        """Restore no state."""
