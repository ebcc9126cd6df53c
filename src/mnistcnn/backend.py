"""Keras on TensorFlow, imported without the noise that a user can't act on.

TensorFlow's libraries write to standard error while they load, before any setting of
theirs can stop them (tensorflow issue 100442). So the descriptor itself is set aside
during the import and whatever is not TensorFlow's own log is written out afterwards.
A user who set ``TF_CPP_MIN_LOG_LEVEL`` below 3 asked for the log and gets all of it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mnistcnn.utils import environment
from mnistcnn.utils.stderr import filter_stderr

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_TENSORFLOW_LOG = re.compile(
    rb"[IWE]\d{4} \d\d:|\d{4}-\d\d-\d\d [\d:.]+: [IWE] |WARNING: All log messages before absl|"
    rb"To enable the following instructions:"
)


@contextmanager
def _without_startup_log() -> Iterator[None]:
    # Processes that this one starts inherit the setting, so its value is what counts.
    if os.environ.get(_LOG_LEVEL) != environment.TF_DEFAULTS[_LOG_LEVEL]:
        yield
        return
    with filter_stderr(_TENSORFLOW_LOG):
        yield


if "tensorflow" not in sys.modules:
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
