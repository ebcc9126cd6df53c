"""The default callbacks, and checks of callbacks that a user passes."""

from __future__ import annotations

import math
import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.public import public
from mnistcnn.recipes import Recipe, check_monitor, other_metric_name
from mnistcnn.training.labels import labels_for
from mnistcnn.types import IMAGE_SIZE, PathLike
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import check_int, check_non_negative, check_path
from mnistcnn.weights.arrays import KERAS_SUFFIXES
from mnistcnn.weights.keras_file import save_model


def metric_names(model: keras.Model, *, num_classes: int, has_validation: bool) -> list[str] | None:
    """Return the names of the metrics in the run's logs, by evaluating the model once.

    ``None`` if the model overrides ``train_step``, which may return any names.
    """
    if type(model).train_step is not keras.Model.train_step:
        return None
    x = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32)
    y = np.eye(num_classes, dtype=np.float32)[:1]
    names = list(model.compute_metrics(x, labels_for(model, y), model(x)))
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
        run, and atomically: a crash leaves either the old file or the new one. As in Keras,
        the name may have fields such as ``{epoch:02d}``, counted from 1, and
        ``{val_accuracy:.4f}``; each better epoch then has a file of its own. To use braces as
        they are, double them.
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
    field_names(str(path))
    if path.is_dir():
        raise ValueError(f"filepath must be a file; {str(path)!r} is a folder")
    metric = check_monitor(monitor)
    mode = _mode(metric)
    return [
        keras.callbacks.EarlyStopping(
            monitor=metric,
            min_delta=check_non_negative("min_delta", min_delta),
            patience=check_int("patience", patience, minimum=0),
            mode=mode,
        ),
        BestCheckpoint(str(path), monitor=metric, mode=mode),
    ]


def _mode(monitor: str) -> str:
    return "min" if monitor.endswith("loss") else "max"


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

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
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
        save_model(self.model, format_path(self.filepath, {**metrics, "epoch": epoch + 1}))
        self.best = value

    def get_state(self) -> dict[str, Any]:
        """Return the best value so far, for a checkpoint of the run."""
        return {"best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the best value."""
        self.best = state["best"]


def field_names(filepath: str) -> list[str]:
    """Return the names of the fields in the name of a checkpoint file."""
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(filepath) if name is not None]
    except ValueError as error:
        raise ValueError(
            "filepath must have fields such as {epoch:02d}, and other braces doubled; "
            f"received {quote(filepath)}: {error}"
        ) from None
    for name in fields:
        if not name.isidentifier():
            raise ValueError(
                "filepath must have fields of metrics or epoch, such as {epoch:02d}; "
                f"received {quote('{' + name + '}')}"
            )
    return fields


def format_path(filepath: str, values: Mapping[str, Any]) -> str:
    """Return the name of a checkpoint file with its fields filled in."""
    fields = field_names(filepath)
    _check_fields("ModelCheckpoint", fields, list(values))
    return filepath.format(**{name: values[_in_run(name, values)] for name in fields})


def _in_run(name: str, names: Collection[str]) -> str:
    """Return the name of a metric as the run has it: Keras 2.2 called the accuracy ``acc``."""
    other = other_metric_name(name)
    return other if name not in names and other in names else name


def _check_fields(kind: str, fields: Sequence[str], names: Sequence[str]) -> None:
    for field in fields:
        if _in_run(field, names) not in names:
            raise ValueError(
                f"{kind} must have a filepath with fields of the run ({', '.join(names)}); "
                f"received {quote('{' + field + '}')}"
            )


def needs_validation(recipe: Recipe) -> bool:
    """Return whether the recipe's own callbacks need validation images."""
    return (recipe.monitor or "").startswith("val_") and not _is_optional(recipe)


def _is_optional(recipe: Recipe) -> bool:
    """Return whether the recipe monitors the validation only if there is one."""
    return (recipe.monitor or "").startswith("val_") and not recipe.validation_split


_LR_CALLBACKS = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)


def resolve_callbacks(
    callbacks: Any, recipe: Recipe, *, has_validation: bool
) -> list[keras.callbacks.Callback]:
    """Return a new list of the user's callbacks or, if they are ``None``, of the recipe's."""
    if callbacks is None:
        if recipe.monitor is None or (_is_optional(recipe) and not has_validation):
            return []
        if recipe.restore_best_weights:
            return [
                keras.callbacks.EarlyStopping(
                    monitor=recipe.monitor,
                    min_delta=recipe.min_delta,
                    patience=recipe.patience,
                    mode=_mode(recipe.monitor),
                    restore_best_weights=True,
                )
            ]
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
    """Check that callbacks use `metrics` of the run; within the block, rename old names.

    Keras notices only at the end of the first epoch: it warns, and the callback does nothing
    or saves every epoch, or it raises, and the epoch is lost. A callback that monitors
    ``val_acc``, or a checkpoint with that field in its file name, uses ``val_accuracy`` within
    the block, and the other way round if the model is compiled with the metric ``acc``.
    """
    if metrics is None:  # unknown before the run
        yield
        return
    names = list(metrics)
    if any(isinstance(callback, _LR_CALLBACKS) for callback in callbacks):
        names.append("learning_rate")
    changes: list[tuple[keras.callbacks.Callback, str, str]] = []
    for callback in callbacks:
        monitor = _monitored_metric(callback)
        if monitor is not None and _in_run(monitor, names) not in names:
            raise ValueError(
                f"{type(callback).__name__} must monitor a metric of the run "
                f"({', '.join(names)}); received {monitor!r}"
            )
        if monitor is not None:
            changes.append((callback, "monitor", _in_run(monitor, names)))
        if isinstance(callback, keras.callbacks.ModelCheckpoint):
            changes.append((callback, "filepath", _renamed_fields(callback, names)))
    before = [getattr(callback, attribute) for callback, attribute, _ in changes]
    for callback, attribute, value in changes:
        setattr(callback, attribute, value)
    try:
        yield
    finally:
        for (callback, attribute, _), value in zip(changes, before, strict=True):
            setattr(callback, attribute, value)


def _renamed_fields(callback: keras.callbacks.ModelCheckpoint, names: Sequence[str]) -> str:
    """Return the file name of a checkpoint, whose fields have the names of the run."""
    filepath = str(callback.filepath)
    known = [*names, "epoch", "batch"]
    _check_fields(type(callback).__name__, field_names(filepath), known)
    parts = []
    for text, field, spec, conversion in string.Formatter().parse(filepath):
        parts.append(text.replace("{", "{{").replace("}", "}}"))
        if field is not None:
            suffix = (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            parts.append(f"{{{_in_run(field, known)}{suffix}}}")
    return "".join(parts)


def _monitored_metric(callback: keras.callbacks.Callback) -> str | None:
    if isinstance(callback, keras.callbacks.ModelCheckpoint) and not callback.save_best_only:
        return None  # its monitor is unused
    monitor = getattr(callback, "monitor", None)
    return monitor if isinstance(monitor, str) else None
