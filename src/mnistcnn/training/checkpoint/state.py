"""The state of one training: what to save between graph executions, and how to restore it.

The state consists of plain arrays and numbers, whatever the devices that hold the variables. It
is consistent only between two graph executions, so it is saved there, and interrupts are
handled there too.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import keras
from mnistcnn.errors import CorruptFileError
from mnistcnn.training.checkpoint import callback_state
from mnistcnn.training.checkpoint.file_format import Arrays, pack, unpack
from mnistcnn.training.distribute.context import DistributionContext, SingleProcess
from mnistcnn.training.step import Step
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import check_int

# What indexing, converting and checking the values of a damaged record may raise.
INVALID_RECORD_ERRORS = (AttributeError, LookupError, OverflowError, TypeError, ValueError)


class Position(NamedTuple):
    """Progress of a training: completed epochs, steps of the current one, and the last logs."""

    epoch: int = 0
    step: int = 0
    logs: dict[str, float] = {}  # noqa: RUF012  # never modified


class ResumableState(Protocol):
    """What the training loop reports its progress to.

    Attributes
    ----------
    finished : bool
        Whether the training has ended.
    stop_training : bool
        Whether a callback has stopped it.
    every : int or None
        Number of steps between saves, besides those at the end of each epoch.
    start : Position
        Where to start or resume.
    """

    finished: bool
    stop_training: bool
    every: int | None
    start: Position

    def attach(
        self,
        model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        step: Step | None = None,
    ) -> list[keras.callbacks.Callback]:
        """Set what to save and restore; return the callbacks that the loop must run as well."""

    def restore(self) -> None:
        """Restore everything as it was at `start`."""

    def on_execution_end(self, epoch: int, step: int, total_steps: int) -> None:
        """Handle the end of a graph execution, after `step` steps of the epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Handle the end of an epoch."""

    def on_train_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Handle the end of the training."""

    def defer_interrupt(self) -> AbstractContextManager[None]:
        """Defer SIGINT within the block to the end of the graph execution."""


class TrainingState:
    """The state of a training with a checkpoint.

    Parameters
    ----------
    write : callable
        Takes a record and arrays, and returns once they are on disk.
    saved : tuple of record and arrays, optional
        The state to resume from.
    source : str
        File of that state, for error messages.
    every : int, optional
        Number of steps between saves, besides those at the end of each epoch.
    weights_only : bool, default False
        Whether to omit the optimizer once the training has finished.
    context : DistributionContext, optional
        Workers that train together; an interrupt of one interrupts all.
    """

    def __init__(
        self,
        write: Callable[[dict[str, Any], Arrays], None],
        saved: tuple[dict[str, Any], Arrays] | None,
        *,
        source: str,
        every: int | None = None,
        weights_only: bool = False,
        context: DistributionContext | None = None,
    ) -> None:
        self.every = every
        self._source = source
        self._write, self._saved, self._weights_only = write, saved, weights_only
        self._context = SingleProcess() if context is None else context
        self._model: Any = None
        self._step: Step | None = None
        self._callbacks: list[keras.callbacks.Callback] = []
        self._history = keras.callbacks.History()
        self._interrupted = False
        self.finished = self.stop_training = False
        self.start = Position()
        if saved is not None:
            record, _ = saved
            try:
                self.finished = bool(record["finished"])
                self.stop_training = bool(record["stop_training"])
                epoch, step = (check_int(key, record[key], minimum=0) for key in ("epoch", "step"))
                logs = {str(name): float(value) for name, value in record["logs"].items()}
            except INVALID_RECORD_ERRORS as error:
                raise CorruptFileError(
                    f"{source} must hold a valid training position; received {quote(error)}"
                ) from error
            self.start = Position(epoch, step, logs)

    def attach(
        self,
        model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        step: Step | None = None,
    ) -> list[keras.callbacks.Callback]:
        """Set what to save and restore; return the History callback that is saved as well."""
        if step is None and self.every is not None:
            raise ValueError(
                "checkpoint_every must be None for a model that Keras' fit trains, which is "
                f"saved at the end of each epoch; received {self.every}"
            )
        _check_variables(model)
        self._model, self._callbacks, self._step = model, list(callbacks), step
        return [self._history]

    def restore(self) -> None:
        """Restore the saved state, if any."""
        if self._saved is None:
            return
        record, arrays = self._saved
        try:
            self._restore(record, arrays)
        except INVALID_RECORD_ERRORS as error:
            raise CorruptFileError(
                f"{self._source} must match the model and callbacks; received {quote(error)}"
            ) from error

    def on_execution_end(self, epoch: int, step: int, total_steps: int) -> None:
        """Save if due or interrupted; raise the deferred ``KeyboardInterrupt``."""
        interrupted = self._context.all_reduce_any(self._interrupted)
        if interrupted or (self.every is not None and total_steps % self.every == 0):
            self._save(Position(epoch, step))
        _raise_if_interrupted(interrupted)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Save; raise the deferred ``KeyboardInterrupt``."""
        self._save(Position(epoch + 1, 0, logs))
        _raise_if_interrupted(self._context.all_reduce_any(self._interrupted))

    def on_train_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Save the final state."""
        self._save(Position(epoch, 0, logs), finished=True)

    @contextmanager
    def defer_interrupt(self) -> Iterator[None]:
        """Defer SIGINT to the end of the graph execution; a second one interrupts at once."""
        is_main_thread = threading.current_thread() is threading.main_thread()
        if not is_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield  # only the main thread handles signals, and a custom handler stays in charge
            return

        def handle(number: int, frame: Any) -> None:
            if self._interrupted:
                signal.default_int_handler(number, frame)
            self._interrupted = True

        signal.signal(signal.SIGINT, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        _raise_if_interrupted(self._interrupted)

    def _save(self, position: Position, *, finished: bool = False) -> None:
        arrays = _to_arrays("variables", self._model.variables)
        if not (finished and self._weights_only):
            arrays |= _to_arrays("optimizer", _optimizer_variables(self._model))
        if self._step is not None:
            arrays |= self._step.metric_state()
        callback_states = [callback_state.get_state(callback) for callback in self._callbacks]
        record = {
            "finished": finished,
            "stop_training": bool(self._model.stop_training),
            "epoch": position.epoch,
            "step": position.step,
            "logs": {name: float(value) for name, value in position.logs.items()},
            "epochs": pack("epochs", self._history.epoch, arrays),
            "history": pack("history", self._history.history, arrays),
            "callbacks": pack("callbacks", callback_states, arrays),
        }
        self._write(record, arrays)

    def _restore(self, record: dict[str, Any], arrays: Arrays) -> None:
        _assign_arrays("variables", self._model.variables, arrays)
        if not (self.finished and self._weights_only):
            _assign_arrays("optimizer", _optimizer_variables(self._model), arrays)
        if self._step is not None:
            self._step.set_metric_state(arrays)
        callback_states = unpack(record["callbacks"], arrays)
        for callback, state in zip(self._callbacks, callback_states, strict=True):
            callback_state.set_state(callback, state)
        self._history.epoch = unpack(record["epochs"], arrays)
        self._history.history = unpack(record["history"], arrays)
        self._model.stop_training = record["stop_training"]


def _raise_if_interrupted(interrupted: bool) -> None:
    if interrupted:
        raise KeyboardInterrupt


def _check_variables(model: keras.Model) -> None:
    for variable in model.variables:
        if np.dtype(_to_numpy(variable).dtype).kind not in "biuf":
            raise ValueError(
                "model must have variables of NumPy's numeric types to use checkpoint_dir; "
                f"received {variable.dtype} in {variable.path}"
            )


def _optimizer_variables(model: keras.Model) -> list[keras.Variable]:
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return list(model.optimizer.variables)


def _to_arrays(kind: str, variables: Sequence[keras.Variable]) -> Arrays:
    return {f"{kind}/{index:04}": _to_numpy(variable) for index, variable in enumerate(variables)}


def _to_numpy(variable: keras.Variable) -> NDArray[Any]:
    return np.array(keras.ops.convert_to_numpy(variable))  # a copy, as training changes the buffer


def _assign_arrays(kind: str, variables: Sequence[keras.Variable], arrays: Arrays) -> None:
    count = sum(name.startswith(f"{kind}/") for name in arrays)
    if count != len(variables):
        raise ValueError(f"{count} arrays of kind {kind} for {len(variables)} variables")
    selected = [arrays[f"{kind}/{index:04}"] for index in range(count)]
    for array, variable in zip(selected, variables, strict=True):
        if array.shape != tuple(variable.shape):
            raise ValueError(f"{array.shape} for {tuple(variable.shape)} of {variable.path}")
    for array, variable in zip(selected, variables, strict=True):
        variable.assign(array)
