"""Keras on TensorFlow, imported without TensorFlow's start-up log.

Its lines are dropped from what C code writes during the import; see `filter_stderr`. A user who
sets ``TF_CPP_MIN_LOG_LEVEL`` below 3 gets the whole log.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mnistcnn.utils import environment
from mnistcnn.utils.compat import TENSORFLOW_STARTUP_LOG
from mnistcnn.utils.stderr import filter_stderr

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_OTHER_BACKENDS = ("jax", "torch", "openvino")


@contextmanager
def _without_startup_log() -> Iterator[None]:
    # Child processes inherit the variable, so compare its value rather than its presence.
    if os.environ.get(_LOG_LEVEL) != environment.TF_DEFAULTS[_LOG_LEVEL]:
        yield
        return
    with filter_stderr(TENSORFLOW_STARTUP_LOG):
        yield


def _check_backend(name: str) -> None:
    """Raise ``ImportError`` unless the backend of Keras is TensorFlow."""
    if name != "tensorflow":
        raise ImportError(
            f"mnistcnn needs Keras on TensorFlow; received the Keras backend {name!r}: set the "
            "environment variable KERAS_BACKEND to 'tensorflow' and restart Python"
        ) from None


if "keras" not in sys.modules:
    # Before the import, which would fail with "No module named 'jax'".
    _check_backend(os.environ.get("KERAS_BACKEND") or "tensorflow")
if "tensorflow" in sys.modules:
    environment.warn_of_slow_convolutions()
else:
    environment.set_tf_defaults()
with _without_startup_log():
    try:
        import keras
    except ModuleNotFoundError as _error:
        if _error.name in _OTHER_BACKENDS:  # the backend of Keras' configuration file
            _check_backend(_error.name)
        raise
    import tensorflow as tf

_check_backend(keras.backend.backend())

__all__ = ["keras", "tf"]
