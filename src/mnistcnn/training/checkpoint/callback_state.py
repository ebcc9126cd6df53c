"""What callbacks must remember for a run to go on exactly: which ones can, and what it is.

A callback of one's own says it by two methods: ``get_state()`` returns numbers, texts,
arrays, lists or dicts of them, and ``set_state(state)`` takes them back. Keras' callbacks
have no such methods; what theirs is stands in a table here. A callback that has neither is
refused before the run, since it would go on with half of what it knew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnistcnn.backend import keras

_stock = keras.callbacks
_BATCH_COUNTERS = ("_batches_seen_since_last_saving", "_last_batch_seen")
# By exact type: a class derived from one of these may remember more.
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
    """Refuse callbacks whose state can't be kept."""
    for callback in callbacks:
        name = type(callback).__name__
        if isinstance(callback, _stock.BackupAndRestore):
            raise ValueError(  # noqa: TRY004  # the kind is right, the company wrong
                f"callbacks must not hold what checkpoint_dir does already; received {name}"
            )
        if type(callback) is _stock.CSVLogger and not callback.append:
            raise ValueError(
                "CSVLogger must be made with append=True beside checkpoint_dir, or a run that "
                "goes on would empty its file; received append=False"
            )
        if not (_has_methods(callback) or type(callback) in _ATTRIBUTES or _is_stateless(callback)):
            raise ValueError(
                "callbacks must have get_state and set_state beside checkpoint_dir, unless they "
                f"are Keras' own or hold nothing; received {name}"
            )


def get_state(callback: keras.callbacks.Callback) -> Any:
    """Return what a callback remembers."""
    if _has_methods(callback):
        return callback.get_state()
    names = _ATTRIBUTES.get(type(callback), ())
    return {name: getattr(callback, name) for name in names if hasattr(callback, name)}


def set_state(callback: keras.callbacks.Callback, state: Any) -> None:
    """Give a callback back what `get_state` returned."""
    if _has_methods(callback):
        callback.set_state(state)
        return
    for name in _ATTRIBUTES.get(type(callback), ()):
        if name in state:
            setattr(callback, name, state[name])


def describe_callback(callback: keras.callbacks.Callback) -> str:
    """Return what a callback is, for a comparison with that of another call."""
    watched = getattr(callback, "monitor", None)
    return type(callback).__name__ + (f" of {watched}" if isinstance(watched, str) else "")


def _has_methods(callback: keras.callbacks.Callback) -> bool:
    return all(callable(getattr(callback, name, None)) for name in ("get_state", "set_state"))


def _is_stateless(callback: keras.callbacks.Callback) -> bool:
    """Tell whether a callback has nothing but its methods."""
    return _BASE_ATTRIBUTES.issuperset(vars(callback))
