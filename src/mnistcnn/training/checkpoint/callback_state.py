"""The state of callbacks, which a checkpoint saves and restores.

A user's callback supports this by two methods: ``get_state()`` returns numbers, strings,
arrays, lists or dicts of them, and ``set_state(state)`` restores them. Keras' callbacks lack
these methods; a table here lists their attributes. Other callbacks with attributes are
rejected before training, since a resumed run would lose them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnistcnn.backend import keras

_stock = keras.callbacks
_BATCH_COUNTERS = ("_batches_seen_since_last_saving", "_last_batch_seen")
# By exact type, since a subclass may have more attributes.
_ATTRIBUTES: dict[type, tuple[str, ...]] = {
    _stock.EarlyStopping: ("wait", "stopped_epoch", "best", "best_weights", "best_epoch"),
    _stock.ModelCheckpoint: ("best", "_current_epoch", *_BATCH_COUNTERS),
    _stock.ReduceLROnPlateau: ("best", "wait", "cooldown_counter"),
    _stock.SwapEMAWeights: ("_ema_weights_in_model",),
    _stock.TensorBoard: ("_global_train_batch", "_global_test_batch"),
    _stock.CSVLogger: (),
    _stock.LambdaCallback: (),
    _stock.LearningRateScheduler: (),
    _stock.RemoteMonitor: (),
    _stock.TerminateOnNaN: (),
}
_BASE_ATTRIBUTES = frozenset(vars(_stock.Callback()))


def check_serializable(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Raise ``ValueError`` for a callback whose state cannot be saved."""
    for callback in callbacks:
        name = type(callback).__name__
        if isinstance(callback, _stock.BackupAndRestore):
            raise ValueError(  # noqa: TRY004  # a valid callback, unsupported here
                f"callbacks must not duplicate checkpoint_dir; received {name}"
            )
        if type(callback) is _stock.CSVLogger and not callback.append:
            raise ValueError(
                "CSVLogger must have append=True with checkpoint_dir, or a resumed run would "
                "truncate its file; received append=False"
            )
        if not (_has_methods(callback) or type(callback) in _ATTRIBUTES or _is_stateless(callback)):
            raise ValueError(
                "callbacks must have get_state and set_state with checkpoint_dir, unless they are "
                f"Keras' or have no attributes; received {name}"
            )


def get_state(callback: keras.callbacks.Callback) -> Any:
    """Return the state of a callback."""
    if _has_methods(callback):
        return callback.get_state()
    names = _ATTRIBUTES.get(type(callback), ())
    return {name: getattr(callback, name) for name in names if hasattr(callback, name)}


def set_state(callback: keras.callbacks.Callback, state: Any) -> None:
    """Restore the state that `get_state` returned."""
    if _has_methods(callback):
        callback.set_state(state)
        return
    for name in _ATTRIBUTES.get(type(callback), ()):
        if name in state:
            setattr(callback, name, state[name])


def describe_callback(callback: keras.callbacks.Callback) -> str:
    """Return the type of a callback and the metric it monitors, for the fingerprint."""
    monitor = getattr(callback, "monitor", None)
    return type(callback).__name__ + (f" of {monitor}" if isinstance(monitor, str) else "")


def _has_methods(callback: keras.callbacks.Callback) -> bool:
    return all(callable(getattr(callback, name, None)) for name in ("get_state", "set_state"))


def _is_stateless(callback: keras.callbacks.Callback) -> bool:
    """Return whether a callback has no attributes beyond those of the base class."""
    return _BASE_ATTRIBUTES.issuperset(vars(callback))
