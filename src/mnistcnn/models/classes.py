"""The number and names of a model's classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.types import IMAGE_SIZE
from mnistcnn.utils.validation import default_class_names
from mnistcnn.weights.keras_file import class_names_attribute

_MIN_CLASSES = 2


def count_classes(model: keras.Model) -> int:
    """Return the number of classes of a model: the size of its output for one image.

    A model that is not built is built by calling it.

    Raises
    ------
    ValueError
        If its output is not a row of probabilities for each image.
    """
    shape = getattr(model, "output_shape", None) if model.built else None
    if shape is None:
        outputs = model(np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32), training=False)
        shape = getattr(outputs, "shape", None)
    # Several outputs have a list or dictionary of shapes.
    is_tensor = shape is not None and all(isinstance(size, int | None) for size in shape)
    sizes = tuple(shape)[1:] if shape is not None and is_tensor else ()
    if len(sizes) != 1 or sizes[0] is None or sizes[0] < _MIN_CLASSES:
        received = f"shape {sizes}" if is_tensor else "several outputs"
        raise ValueError(
            "model must return the probabilities of at least 2 classes for each image, "
            f"shape (n, k); received one that returns {received}"
        )
    return int(sizes[0])


def get_class_names(model: keras.Model, num_classes: int) -> tuple[str, ...]:
    """Return the attribute `class_names` of a model or, if it has no such names, the numbers."""
    names = class_names_attribute(model)
    if names is None or len(names) != num_classes:
        return default_class_names(num_classes)
    return names


def set_class_names(model: keras.Model, class_names: Sequence[str]) -> None:
    """Set the attribute `class_names` of a model, which `save_model` stores.

    The numbers of the classes are the default, and are not stored.
    """
    names: tuple[str, ...] | None = tuple(class_names)
    if names == default_class_names(len(class_names)):
        if getattr(model, "class_names", None) is None:
            return
        names = None
    model.class_names = names
