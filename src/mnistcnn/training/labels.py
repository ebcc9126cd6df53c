"""The form of the labels that a compiled model takes: one-hot or integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from mnistcnn.backend import keras, tf
from mnistcnn.recipes import Recipe

_SPARSE_LOSS = "sparse_categorical_crossentropy"


def takes_integer_labels(model: keras.Model) -> bool:
    """Return whether a model is compiled with a loss of integer labels.

    Everywhere else in this package, labels are one-hot.
    """
    loss = model.loss
    if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        return True
    return loss == _SPARSE_LOSS or getattr(loss, "__name__", None) == _SPARSE_LOSS


def labels_for(model: keras.Model, y: Any) -> Any:
    """Return one-hot labels, an array or a tensor, in the form that `model` takes."""
    if not takes_integer_labels(model):
        return y
    if isinstance(y, np.ndarray):
        return y.argmax(axis=-1).astype(np.int32)
    return tf.argmax(y, axis=-1, output_type=tf.int32)


def check_targets_supported(model: keras.Model, recipe: Recipe) -> None:
    """Raise ``ValueError`` if a recipe changes the labels of a model that takes integers."""
    if not takes_integer_labels(model):
        return
    reason = "smooths the labels" if recipe.label_smoothing else "has a teacher"
    if recipe.label_smoothing or recipe.teacher is not None:
        raise ValueError(
            f"model must be compiled with a loss of one-hot labels for the recipe {recipe.name!r}, "
            f"which {reason}; received {_SPARSE_LOSS}: compile it with categorical_crossentropy"
        )
