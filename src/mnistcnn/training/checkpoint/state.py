"""One training of one network in a run that is kept: what it is at a moment, and back again.

All of it is numbers that can be had as plain arrays, in whatever way a network lies on its
devices. Between two calls into the graph they belong together; so that is when they are
taken, and when an interrupt is listened to.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import keras
from mnistcnn.errors import CorruptFileError
from mnistcnn.training.checkpoint import callback_state
from mnistcnn.training.checkpoint.file_format import Arrays, pack, unpack
from mnistcnn.training.distribute.context import DistributionContext, SingleProcess
from mnistcnn.training.train_step import TrainStep
from mnistcnn.utils.validation import check_int

Save = Callable[[dict[str, Any], Arrays], None]


class Position(NamedTuple):
    """Where a training is: so many steps into an epoch, and the figures of the last one."""

    epoch: int = 0
    step: int = 0
    logs: dict[str, float] = {}  # noqa: RUF012  # nobody writes to it


class NullState:
    """What the loop reports to where nothing is kept."""

    finished = False
    stop_training = False
    every: int | None = None
    start = Position()

    def attach(
        self,
        model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        step: TrainStep | None = None,
    ) -> list[keras.callbacks.Callback]:
        """Take what is to be kept; return callbacks that have to be there, too."""
        del model, callbacks, step
        return []

    def restore(self) -> None:
        """Put everything back as it was at `start`."""

    def on_execution_end(self, epoch: int, step: int, done: int) -> None:
        """Hear that a call into the graph ended: so far in the epoch, and in the run."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Hear that an epoch ended, with its figures."""

    def on_train_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Hear that the training ended."""

    @contextmanager
    def defer_interrupt(self) -> Iterator[None]:
        """Let an interrupt wait for a moment at which there is something whole to keep."""
        yield


class TrainingState(NullState):
    """A training that is kept.

    Parameters
    ----------
    save : callable
        Takes a record and arrays; when it returns they are on the disk.
    kept : tuple of record and arrays, optional
        What was kept before.
    source : str
        Where that comes from, for messages.
    every : int, optional
        After how many steps to keep, besides at each epoch's end.
    weights_only : bool, default False
        Whether only the network is kept once the training has ended.
    context : DistributionContext, optional
        Those who train together; an interrupt of one is an interrupt of all.
    """

    def __init__(
        self,
        save: Save,
        kept: tuple[dict[str, Any], Arrays] | None,
        *,
        source: str,
        every: int | None = None,
        weights_only: bool = False,
        context: DistributionContext | None = None,
    ) -> None:
        self.every = every
        self._source = source
        self._write, self._kept, self._weights_only = save, kept, weights_only
        self._context = SingleProcess() if context is None else context
        self._model: Any = None
        self._step: TrainStep | None = None
        self._callbacks: list[keras.callbacks.Callback] = []
        self._history = keras.callbacks.History()
        self._interrupted = False
        if kept is not None:
            record, _ = kept
            try:
                self.finished, self.stop_training = (
                    bool(record["finished"]),
                    bool(record["stopped"]),
                )
                logs = {str(name): float(figure) for name, figure in record["logs"].items()}
                epoch, step = (check_int(one, record[one], minimum=0) for one in ("epoch", "step"))
                self.start = Position(epoch, step, logs)
            except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
                raise CorruptFileError(
                    f"{source} must say where its run is; received {error!r}"
                ) from error

    def attach(
        self,
        model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        step: TrainStep | None = None,
    ) -> list[keras.callbacks.Callback]:
        if step is None and self.every is not None:
            raise ValueError(
                "checkpoint_every must be None for a model that Keras' own fit trains, which is "
                f"kept at each epoch's end; received {self.every}"
            )
        _check_variables(model)
        self._model, self._callbacks, self._step = model, list(callbacks), step
        return [self._history]

    def restore(self) -> None:
        if self._kept is None:
            return
        record, arrays = self._kept
        try:
            self._restore(record, arrays)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise CorruptFileError(
                f"{self._source} must fit the run's network and callbacks; received {error!r}"
            ) from error

    def on_execution_end(self, epoch: int, step: int, done: int) -> None:
        ended = self._context.all_reduce_any(self._interrupted)
        if ended or (self.every is not None and done % self.every == 0):
            self._save(Position(epoch, step))
        _raise_if_interrupted(ended)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._save(Position(epoch + 1, 0, logs))
        _raise_if_interrupted(self._context.all_reduce_any(self._interrupted))

    def on_train_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._save(Position(epoch, 0, logs), finished=True)

    @contextmanager
    def defer_interrupt(self) -> Iterator[None]:
        ours = threading.current_thread() is threading.main_thread()
        if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield  # somebody else decides what an interrupt does
            return

        def note(number: int, frame: Any) -> None:
            if self._interrupted:  # asked twice, so at once
                signal.default_int_handler(number, frame)
            self._interrupted = True

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        _raise_if_interrupted(self._interrupted)

    def _save(self, place: Position, *, finished: bool = False) -> None:
        """Take everything as it is now, and have it written."""
        arrays = _to_arrays("network", self._model.variables)
        if not (finished and self._weights_only):
            arrays |= _to_arrays("optimizer", _optimizer_variables(self._model))
        if self._step is not None:
            arrays["totals"] = self._step.totals
        states = [callback_state.get_state(callback) for callback in self._callbacks]
        logs = {name: float(figure) for name, figure in place.logs.items()}
        record = {
            "finished": finished,
            "stopped": bool(self._model.stop_training),
            "epoch": place.epoch,
            "step": place.step,
            "logs": logs,
            "epochs": pack("epochs", self._history.epoch, arrays),
            "history": pack("history", self._history.history, arrays),
            "callbacks": pack("callbacks", states, arrays),
        }
        self._write(record, arrays)

    def _restore(self, record: dict[str, Any], arrays: Arrays) -> None:
        _load_arrays("network", self._model.variables, arrays)
        if not (self.finished and self._weights_only):
            _load_arrays("optimizer", _optimizer_variables(self._model), arrays)
        if self._step is not None:
            self._step.totals = arrays["totals"]
        for callback, state in zip(
            self._callbacks, unpack(record["callbacks"], arrays), strict=True
        ):
            callback_state.set_state(callback, state)
        self._history.epoch = unpack(record["epochs"], arrays)
        self._history.history = unpack(record["history"], arrays)
        self._model.stop_training = record["stopped"]


def _raise_if_interrupted(asked: bool) -> None:
    if asked:
        raise KeyboardInterrupt


def _check_variables(model: keras.Model) -> None:
    for variable in model.variables:
        if np.dtype(_to_numpy(variable).dtype).kind not in "biuf":
            raise ValueError(
                "model must hold numbers that NumPy knows beside checkpoint_dir; received "
                f"{variable.dtype} in {variable.path}"
            )


def _optimizer_variables(model: keras.Model) -> list[keras.Variable]:
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return list(model.optimizer.variables)


def _to_arrays(kind: str, variables: Sequence[keras.Variable]) -> Arrays:
    return {f"{kind}/{index:04}": _to_numpy(one) for index, one in enumerate(variables)}


def _to_numpy(variable: keras.Variable) -> NDArray[Any]:
    return np.array(keras.ops.convert_to_numpy(variable))  # a copy, since it goes on changing


def _load_arrays(kind: str, variables: Sequence[keras.Variable], arrays: Arrays) -> None:
    found = {name: array for name, array in arrays.items() if name.startswith(f"{kind}/")}
    wanted = [(f"{kind}/{index:04}", one) for index, one in enumerate(variables)]
    if len(found) != len(wanted):
        raise ValueError(f"{len(found)} arrays for {len(wanted)} variables of the {kind}")
    for name, variable in wanted:
        array = found[name]
        if array.shape != tuple(variable.shape):
            raise ValueError(f"{array.shape} for {tuple(variable.shape)} of {variable.path}")
    for name, variable in wanted:
        variable.assign(found[name])
