"""The callbacks of the document, and a check of any that a user brings."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.public import public
from mnistcnn.recipes import check_monitor, current_metric_name
from mnistcnn.types import IMAGE_SIZE, NUM_CLASSES, PathLike
from mnistcnn.utils.validation import check_int, check_non_negative, check_path
from mnistcnn.weights.arrays import KERAS_SUFFIXES
from mnistcnn.weights.keras_file import save_model


def metric_names(model: keras.Model, *, validated: bool) -> list[str] | None:
    """Return the names that the run's logs will have, asked of the model itself.

    None where the model has a step of its own, whose names can't be known before it runs.
    """
    x = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32)
    y = np.eye(NUM_CLASSES, dtype=np.float32)[:1]
    given = model(x)
    if tuple(given.shape) != (1, NUM_CLASSES):
        raise ValueError(
            f"model must give {NUM_CLASSES} probabilities for each image; "
            f"received one that gives {tuple(given.shape[1:])}"
        )
    if type(model).train_step is not keras.Model.train_step:
        return None
    names = list(model.compute_metrics(x, y, given))
    model.reset_metrics()
    return names + ([f"val_{name}" for name in names] if validated else [])


@public
def default_callbacks(
    filepath: PathLike = "bestmodel.keras",
    *,
    monitor: str = "val_accuracy",
    min_delta: float = 0.01,
    patience: int = 4,
) -> list[keras.callbacks.Callback]:
    """Make the document's two callbacks: early stopping and a checkpoint of the best epoch.

    Parameters
    ----------
    filepath : str or path-like, default "bestmodel.keras"
        Where the best epoch's network is kept: ``.keras``, ``.h5`` or ``.weights.h5``.
        A missing folder is made. The file is replaced only by a better epoch of the
        same run, in one step, so that a crash leaves the old file or the new one.
    monitor : str, default "val_accuracy"
        What both watch: ``"val_accuracy"``, ``"val_loss"``, ``"accuracy"`` or
        ``"loss"``. The document's ``"val_acc"`` is understood; Keras has called it
        ``"val_accuracy"`` since 2.3.
    min_delta : float, default 0.01
        The least change that early stopping counts as better, at least 0. The
        checkpoint counts every improvement.
    patience : int, default 4
        Epochs without a change for the better before training stops, at least 0.

    Returns
    -------
    list of keras.callbacks.Callback
        ``[EarlyStopping, ModelCheckpoint]``, new ones at each call: they hold the state
        of one run.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Examples
    --------
    >>> from mnistcnn import default_callbacks
    >>> stopping, checkpoint = default_callbacks("best.keras", patience=2)
    >>> stopping.monitor, stopping.patience, checkpoint.filepath
    ('val_accuracy', 2, 'best.keras')
    """
    path = check_path("filepath", filepath, suffixes=KERAS_SUFFIXES)
    if path.is_dir():
        raise ValueError(f"filepath must be a file; {str(path)!r} is a folder")
    watched = check_monitor(monitor)
    mode = "min" if watched.endswith("loss") else "max"
    return [
        keras.callbacks.EarlyStopping(
            monitor=watched,
            min_delta=check_non_negative("min_delta", min_delta),
            patience=check_int("patience", patience, minimum=0),
            mode=mode,
        ),
        BestCheckpoint(str(path), monitor=watched, mode=mode),
    ]


class BestCheckpoint(keras.callbacks.ModelCheckpoint):
    """Keras' ``ModelCheckpoint(save_best_only=True)`` that loses nothing.

    Keras' own opens the old best file for writing, so a kill at that moment loses both
    networks; a first epoch of NaN would stay the best for good.
    """

    def __init__(self, filepath: str, *, monitor: str, mode: str) -> None:
        self.best: float | None
        super().__init__(
            filepath,
            monitor=monitor,
            mode=mode,
            save_best_only=True,
            save_weights_only=filepath.endswith(".weights.h5"),
        )

    def on_epoch_end(
        self,
        epoch: int,  # noqa: ARG002  # Keras' signature
        logs: dict[str, Any] | None = None,
    ) -> None:
        figures = logs or {}
        if self.monitor not in figures:
            raise ValueError(
                "ModelCheckpoint must monitor a figure that the run has "
                f"({', '.join(figures)}); received {self.monitor!r}"
            )
        current = float(figures[self.monitor])
        sign = -1 if self.mode == "min" else 1
        if math.isnan(current) or (self.best is not None and sign * (current - self.best) <= 0):
            return
        save_model(self.model, self.filepath)
        self.best = current

    def get_state(self) -> dict[str, Any]:
        """Return what a run that goes on must know: the best figure so far."""
        return {"best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take it back."""
        self.best = state["best"]


_LR_CALLBACKS = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


def check_no_lr_callbacks(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Refuse callbacks that set a learning rate which has a schedule already."""
    for callback in callbacks:
        if isinstance(callback, _LR_CALLBACKS):
            raise ValueError(  # noqa: TRY004  # the kind is right, the company wrong
                "callbacks must leave the learning rate to a recipe that has one of its own; "
                f"received {type(callback).__name__}"
            )


def check_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Return the callbacks as a list of their own, if that is what they are."""
    if not isinstance(callbacks, Sequence) or isinstance(callbacks, str):
        raise TypeError(f"callbacks must be a list of Keras callbacks; received {callbacks!r}")
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(f"callbacks must be Keras callbacks; received {callback!r}")
    return list(callbacks)


@contextmanager
def translated_monitors(
    callbacks: Sequence[keras.callbacks.Callback], available: Collection[str] | None
) -> Iterator[None]:
    """Refuse callbacks that would watch a figure in vain; translate the names of old.

    Keras finds out at the end of the first epoch: it warns, and the callback does nothing
    or saves every epoch; or it raises, and the epoch was for nothing. A callback that
    watches ``val_acc`` watches ``val_accuracy`` while the block lasts.
    """
    if available is None:  # not to be known before the run
        yield
        return
    names = list(available)
    if any(isinstance(callback, _LR_CALLBACKS) for callback in callbacks):
        names.append("learning_rate")
    translated = []
    for callback in callbacks:
        watched = _monitored_metric(callback)
        if watched is None or watched in names:
            continue
        today = current_metric_name(watched)
        if today not in names:
            raise ValueError(
                f"{type(callback).__name__} must monitor a figure that the run will have "
                f"({', '.join(names)}); received {watched!r}"
            )
        translated.append((callback, watched, today))
    for callback, _, today in translated:
        callback.monitor = today
    try:
        yield
    finally:
        for callback, watched, _ in translated:
            callback.monitor = watched


def _monitored_metric(callback: keras.callbacks.Callback) -> str | None:
    if isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_best_only:
        return None  # it carries a name but saves whatever the figure
    watched = getattr(callback, "monitor", None)
    return watched if isinstance(watched, str) else None
