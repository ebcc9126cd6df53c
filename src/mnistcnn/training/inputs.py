"""The data that `train` takes, arrays or datasets: validation, number of batches, errors."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mnistcnn import recipes
from mnistcnn.backend import keras, tf
from mnistcnn.training.checkpoint.manager import CheckpointConfig
from mnistcnn.training.data_adapters import Arrays, Data, DataAdapter, make_adapter
from mnistcnn.utils.validation import check_fraction, check_preprocessed

# The error of tf.data if assert_cardinality was given a wrong number.
_CARDINALITY_MISMATCH = re.compile(
    r"expected to contain (\d+) elements? but contained (.+?) (\d+) element"
)


def prepare_data(
    recipe: recipes.Recipe,
    x: Any,
    y: Any,
    *,
    batch_size: int | None,
    validation_split: float | None,
    validation_data: Any,
) -> tuple[Data, Data | None]:
    """Return training and validation data; as in Keras, the last images are held out."""
    if validation_data is not None and validation_split is not None:
        raise ValueError("give validation_split or validation_data; received both")
    if _is_dataset(x):
        _check_dataset_arguments(
            recipe,
            y=y,
            batch_size=batch_size,
            validation_split=validation_split,
            validation_data=validation_data,
        )
        training = make_adapter(x, "x")
        return training, None if validation_data is None else _validation_data(validation_data)
    arrays = _check_arrays(x, y)
    if validation_data is not None:
        return arrays, _validation_data(validation_data)
    split = recipe.validation_split if validation_split is None else validation_split
    return _train_validation_split(arrays, check_fraction("validation_split", split))


def check_known_length(
    recipe: recipes.Recipe, training: Data, config: CheckpointConfig | None, world_size: int
) -> None:
    """Raise if a dataset of unknown length is used where the run needs the length."""
    if not isinstance(training, DataAdapter) or training.num_batches is not None:
        return
    if recipe.learning_rate is not None or recipe.teacher is not None:
        reason = f"for the recipe {recipe.name!r}, whose learning rate depends on it"
    elif config is not None:
        reason = "with checkpoint_dir"
    elif world_size > 1:
        reason = "with several workers"
    else:
        return
    raise ValueError(
        f"x must have a known number of batches {reason}; received an unknown number: "
        "call dataset.apply(tf.data.experimental.assert_cardinality(n))"
    )


def num_batches(data: Data, batch_size: int) -> int | None:
    """Return the number of batches per epoch, or ``None`` if it is unknown."""
    if isinstance(data, DataAdapter):
        return data.num_batches
    return math.ceil(len(data[0]) / batch_size)


@contextmanager
def raise_data_errors(*data: Data | None) -> Iterator[None]:
    """Raise the original error of an invalid batch in place of TensorFlow's."""
    try:
        yield
    except tf.errors.OpError as error:
        for source in data:
            if isinstance(source, DataAdapter) and source.error is not None:
                raise source.error from None
        mismatch = _CARDINALITY_MISMATCH.search(str(error))
        if mismatch is not None:
            asserted, qualifier, count = mismatch.groups()
            raise ValueError(
                f"a dataset must hold the number of batches that it declares, {asserted}; "
                f"received {count if qualifier == 'only' else 'more'}"
            ) from None
        raise


def _check_dataset_arguments(
    recipe: recipes.Recipe,
    *,
    y: Any,
    batch_size: int | None,
    validation_split: float | None,
    validation_data: Any,
) -> None:
    if y is not None:
        raise ValueError(
            "y must be None if x is a dataset, whose batches hold the labels; "
            f"received {type(y).__name__}"
        )
    if batch_size is not None:
        raise ValueError(
            f"batch_size must be None if x is a dataset of batches; received {batch_size}"
        )
    if validation_split is not None and check_fraction("validation_split", validation_split):
        raise ValueError(
            "validation_split must be None or 0 if x is a dataset: give validation_data; "
            f"received {validation_split}"
        )
    if recipe.validation_split and validation_split is None and validation_data is None:
        monitor = "" if recipe.monitor is None else f" and monitors {recipe.monitor}"
        raise ValueError(
            f"validation_data must be given if x is a dataset and the recipe, {recipe.name!r}, "
            f"has a validation_split of {recipe.validation_split}{monitor}; received None"
        )


def _check_arrays(x: Any, y: Any) -> Arrays:
    if y is not None:
        return check_preprocessed(x, y)
    if isinstance(x, np.ndarray | list):
        raise ValueError(  # noqa: TRY004  # x has the right type; y is missing
            "y must be given if x is an array; received None"
        )
    raise TypeError(
        "x must be an array, with y, or a tf.data.Dataset or keras.utils.PyDataset of batches; "
        f"received {type(x).__name__}"
    )


def _validation_data(data: Any) -> Data:
    if _is_dataset(data):
        return make_adapter(data, "validation_data", batch_name="validation batch")
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(
            f"validation_data must be a pair (x, y) or a dataset; received {type(data).__name__}"
        )
    return check_preprocessed(*data, names=("validation x", "validation y"))


def _train_validation_split(data: Arrays, validation_split: float) -> tuple[Arrays, Arrays | None]:
    x, y = data
    if validation_split == 0:
        return data, None
    index = int(len(x) * (1 - validation_split))
    if index in (0, len(x)):
        raise ValueError(
            "validation_split must leave at least one image to train on and one to validate on; "
            f"received {validation_split} of {len(x)}"
        )
    return (x[:index], y[:index]), (x[index:], y[index:])


def _is_dataset(value: Any) -> bool:
    """Return whether `value` is a dataset of batches."""
    return isinstance(value, tf.data.Dataset | keras.utils.PyDataset)
