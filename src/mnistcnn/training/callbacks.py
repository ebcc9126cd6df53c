"""The default callbacks, and checks of callbacks that a user passes."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.public import public
from mnistcnn.recipes import Recipe, check_monitor, current_metric_name
from mnistcnn.types import IMAGE_SIZE, NUM_CLASSES, PathLike
from mnistcnn.utils.validation import check_int, check_non_negative, check_path
from mnistcnn.weights.arrays import KERAS_SUFFIXES
from mnistcnn.weights.keras_file import save_model


def metric_names(model: keras.Model, *, has_validation: bool) -> list[str] | None:
    """Return the names of the metrics in the run's logs, by evaluating the model once.

    ``None`` if the model overrides ``train_step``, which may return any names.
    """
    x = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32)
    y = np.eye(NUM_CLASSES, dtype=np.float32)[:1]
    predictions = model(x)
    if tuple(predictions.shape) != (1, NUM_CLASSES):
        raise ValueError(
            f"model must return {NUM_CLASSES} probabilities for each image; "
            f"received one that returns shape {tuple(predictions.shape[1:])}"
        )
    if type(model).train_step is not keras.Model.train_step:
        return None
    names = list(model.compute_metrics(x, y, predictions))
    model.reset_metrics()
    return names + ([f"val_{name}" for name in names] if has_validation else [])


@public
def default_callbacks(
    filepath: PathLike = "bestmodel.keras",
    *,
    monitor: str = "val_accuracy",
    min_delta: float = 0.01,
    patience: int = 4,
) -> list[keras.callbacks.Callback]:
    """Return the baseline's two callbacks: early stopping and a checkpoint of the best epoch.

    Parameters
    ----------
    filepath : str or path-like, default "bestmodel.keras"
        File for the network of the best epoch: ``.keras``, ``.h5`` or ``.weights.h5``. A
        missing folder is created. The file is replaced only by a better epoch of the same
        run, and atomically: a crash leaves either the old file or the new one.
    monitor : str, default "val_accuracy"
        Metric that both callbacks monitor: ``"val_accuracy"``, ``"val_loss"``,
        ``"accuracy"`` or ``"loss"``. ``"val_acc"``, the name before Keras 2.3, is accepted.
    min_delta : float, default 0.01
        Smallest change that early stopping counts as an improvement, at least 0. The
        checkpoint counts every improvement.
    patience : int, default 4
        Epochs without an improvement after which training stops, at least 0.

    Returns
    -------
    list of keras.callbacks.Callback
        ``[EarlyStopping, ModelCheckpoint]``, new at each call, since they hold the state of
        one run.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

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
    metric = check_monitor(monitor)
    mode = "min" if metric.endswith("loss") else "max"
    return [
        keras.callbacks.EarlyStopping(
            monitor=metric,
            min_delta=check_non_negative("min_delta", min_delta),
            patience=check_int("patience", patience, minimum=0),
            mode=mode,
        ),
        BestCheckpoint(str(path), monitor=metric, mode=mode),
    ]


class BestCheckpoint(keras.callbacks.ModelCheckpoint):
    """Keras' ``ModelCheckpoint(save_best_only=True)``, made crash-safe.

    Keras writes into the previous best file, so that a crash during the write loses both
    networks, and a NaN in the first epoch remains the best value forever.
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
        """Save the network if its monitored metric is the best so far."""
        metrics = logs or {}
        if self.monitor not in metrics:
            raise ValueError(
                f"ModelCheckpoint must monitor a metric of the run ({', '.join(metrics)}); "
                f"received {self.monitor!r}"
            )
        value = float(metrics[self.monitor])
        sign = -1 if self.mode == "min" else 1
        if math.isnan(value) or (self.best is not None and sign * (value - self.best) <= 0):
            return
        save_model(self.model, self.filepath)
        self.best = value

    def get_state(self) -> dict[str, Any]:
        """Return the best value so far, for a checkpoint of the run."""
        return {"best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the best value."""
        self.best = state["best"]


_LR_CALLBACKS = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


def resolve_callbacks(callbacks: Any, recipe: Recipe) -> list[keras.callbacks.Callback]:
    """Return a new list of the user's callbacks or, if they are ``None``, of the recipe's."""
    if callbacks is None:
        if recipe.monitor is None:
            return []
        return default_callbacks(
            monitor=recipe.monitor, min_delta=recipe.min_delta, patience=recipe.patience
        )
    if not isinstance(callbacks, Sequence) or isinstance(callbacks, str):
        raise TypeError(f"callbacks must be a list of Keras callbacks; received {callbacks!r}")
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(f"callbacks must be Keras callbacks; received {callback!r}")
        if recipe.learning_rate is not None and isinstance(callback, _LR_CALLBACKS):
            raise ValueError(
                "callbacks must not set the learning rate, which the recipe schedules; "
                f"received {type(callback).__name__}"
            )
    return list(callbacks)


@contextmanager
def translated_monitors(
    callbacks: Sequence[keras.callbacks.Callback], metrics: Collection[str] | None
) -> Iterator[None]:
    """Check that callbacks monitor one of `metrics`; within the block, rename old names.

    Keras notices only at the end of the first epoch: it warns, and the callback does nothing
    or saves every epoch, or it raises, and the epoch is lost. A callback that monitors
    ``val_acc`` monitors ``val_accuracy`` within the block.
    """
    if metrics is None:  # unknown before the run
        yield
        return
    names = list(metrics)
    if any(isinstance(callback, _LR_CALLBACKS) for callback in callbacks):
        names.append("learning_rate")
    renamed = []
    for callback in callbacks:
        monitor = _monitored_metric(callback)
        if monitor is None or monitor in names:
            continue
        current_name = current_metric_name(monitor)
        if current_name not in names:
            raise ValueError(
                f"{type(callback).__name__} must monitor a metric of the run "
                f"({', '.join(names)}); received {monitor!r}"
            )
        renamed.append((callback, monitor, current_name))
    for callback, _, current_name in renamed:
        callback.monitor = current_name
    try:
        yield
    finally:
        for callback, monitor, _ in renamed:
            callback.monitor = monitor


def _monitored_metric(callback: keras.callbacks.Callback) -> str | None:
    if isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_best_only:
        return None  # its monitor is unused
    monitor = getattr(callback, "monitor", None)
    return monitor if isinstance(monitor, str) else None
