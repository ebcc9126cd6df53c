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


@contextmanager
def _without_startup_log() -> Iterator[None]:
    # Child processes inherit the variable, so compare its value rather than its presence.
    if os.environ.get(_LOG_LEVEL) != environment.TF_DEFAULTS[_LOG_LEVEL]:
        yield
        return
    with filter_stderr(TENSORFLOW_STARTUP_LOG):
        yield


if "tensorflow" in sys.modules:
    environment.warn_of_slow_convolutions()
else:
    environment.set_tf_defaults()
with _without_startup_log():
    import keras
    import tensorflow as tf

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        "mnistcnn needs Keras on TensorFlow; Keras runs on "
        f"{keras.backend.backend()!r}: unset KERAS_BACKEND or set it to 'tensorflow'"
    )

__all__ = ["keras", "tf"]
