"""Workarounds for defects and missing functions of other libraries.

Each names the latest version that still needs it. Delete an entry once the lowest supported
version of its library has the fix. Keras is not imported here; the functions use given models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

# TensorFlow logs while its libraries load, before TF_CPP_MIN_LOG_LEVEL takes effect (tensorflow
# issue 100442). No fix as of TensorFlow 2.21.
TENSORFLOW_STARTUP_LOG = re.compile(
    rb"[IWE]\d{4} \d\d:|\d{4}-\d\d-\d\d [\d:.]+: [IWE] |WARNING: All log messages before absl|"
    rb"To enable the following instructions:"
)


@contextmanager
def build_before_fit(model: Any, inputs: Iterable[Any]) -> Iterator[None]:
    """Build the variables of a distributed Keras model before ``fit`` does.

    Keras 3.15 builds them from the first batch of each epoch, which is then missing from the
    epoch, and fails if the replicas receive different numbers of images. No fix as of Keras 3.15.
    """
    name = "_maybe_symbolic_build"
    if getattr(model, "_distribute_strategy", None) is None or not hasattr(model, name):
        yield
        return
    with model.distribute_strategy.scope():
        model._symbolic_build(data_batch=next(iter(inputs)))  # noqa: SLF001  # see above
    vars(model)[name] = lambda **kwargs: None  # noqa: ARG005  # Keras' signature
    try:
        yield
    finally:
        del vars(model)[name]


def get_initial_epoch(model: Any) -> int | None:
    """Return the epoch at which a callback such as ``BackupAndRestore`` resumes, if any."""
    epoch: int | None = getattr(model, "_initial_epoch", None)
    return epoch


def set_initial_epoch(model: Any, epoch: int | None) -> None:
    """Set the epoch at which ``fit`` starts after the ``on_train_begin`` of all callbacks.

    Callbacks have no public way to do so as of Keras 3.15.
    """
    model._initial_epoch = epoch  # noqa: SLF001  # no public way


def flatten_layers(model: Any) -> list[Any]:
    """Return all layers of a Keras model, nested ones included.

    Keras has no public function for it as of 3.15.
    """
    return list(model._flatten_layers(include_self=False))  # noqa: SLF001  # no public way
