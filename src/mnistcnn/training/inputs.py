"""The data that `train` takes, arrays or datasets: validation, number of batches, errors."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn import recipes
from mnistcnn.backend import keras, tf
from mnistcnn.training.checkpoint.manager import CheckpointConfig
from mnistcnn.training.data_adapters import Arrays, Data, DataAdapter, make_adapter
from mnistcnn.types import Float32Array
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import (
    check_fraction,
    check_in,
    check_int,
    check_non_negative,
    check_preprocessed,
    check_sample_weight,
)

# The error of tf.data if assert_cardinality was given a wrong number.
_CARDINALITY_MISMATCH = re.compile(
    r"expected to contain (\d+) elements? but contained (.+?) (\d+) element"
)


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The arguments of `train` that determine how the data is read.

    Parameters
    ----------
    num_classes : int
        Number of classes of the model.
    batch_size, validation_split, validation_data, sample_weight, class_weight
        As in `train`.
    split : {"last", "shuffled", "stratified"}
        Which images are held out; ``None``: as in the recipe.
    seed : int, optional
        Seed of a shuffled split; ``None`` is 0, so that the split can be repeated.
    monitors_validation : bool
        Whether a default callback monitors a metric of the validation.
    """

    num_classes: int
    batch_size: int | None = None
    validation_split: float | None = None
    validation_data: Any = None
    sample_weight: Any = None
    class_weight: Any = None
    split: str | None = None
    seed: int | None = None
    monitors_validation: bool = False


def prepare_data(
    recipe: recipes.Recipe, x: Any, y: Any, options: DataOptions
) -> tuple[Data, Data | None]:
    """Return training and validation data."""
    validation_data, split = options.validation_data, options.validation_split
    if validation_data is not None and split is not None:
        raise ValueError("give validation_split or validation_data; received both")
    selection = recipe.split if options.split is None else options.split
    options = replace(options, split=check_in("split", selection, recipes.SPLITS))
    if _is_dataset(x):
        _check_dataset_arguments(recipe, y, options)
        training = make_adapter(
            x,
            "x",
            num_classes=options.num_classes,
            class_weights=_class_weights(options),
        )
        return training, _validation_data(options)
    arrays = _check_arrays(x, y, options)
    validation: Data | None
    if validation_data is not None:
        validation = _validation_data(options)
    else:
        fraction = recipe.validation_split if split is None else split
        arrays, validation = _train_validation_split(arrays, fraction, options)
    return _apply_class_weights(arrays, options), validation


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


def _check_dataset_arguments(recipe: recipes.Recipe, y: Any, options: DataOptions) -> None:
    if y is not None:
        raise ValueError(
            "y must be None if x is a dataset, whose batches hold the labels; "
            f"received {type(y).__name__}"
        )
    if options.batch_size is not None:
        raise ValueError(
            f"batch_size must be None if x is a dataset of batches; received {options.batch_size}"
        )
    if options.sample_weight is not None:
        raise ValueError(
            "sample_weight must be None if x is a dataset: give batches (x, y, sample_weight); "
            f"received {type(options.sample_weight).__name__}"
        )
    split = options.validation_split
    if split is not None and check_fraction("validation_split", split):
        raise ValueError(
            "validation_split must be None or 0 if x is a dataset: give validation_data; "
            f"received {split}"
        )
    if split is None and options.validation_data is None and options.monitors_validation:
        raise ValueError(
            f"validation_data must be given if x is a dataset and the recipe, {recipe.name!r}, "
            f"has a validation_split of {recipe.validation_split} and monitors {recipe.monitor}; "
            "received None"
        )


def _check_arrays(x: Any, y: Any, options: DataOptions) -> Arrays:
    if y is None:
        if isinstance(x, np.ndarray | list):
            raise ValueError("y must be given if x is an array; received None")
        raise TypeError(
            "x must be an array, with y, or a tf.data.Dataset or keras.utils.PyDataset of batches; "
            f"received {type(x).__name__}"
        )
    images, labels = check_preprocessed(x, y, num_classes=options.num_classes)
    if options.sample_weight is None:
        return Arrays(images, labels)
    weights = check_sample_weight("sample_weight", options.sample_weight, len(images))
    return Arrays(images, labels, weights)


def _validation_data(options: DataOptions) -> Data | None:
    data, num_classes = options.validation_data, options.num_classes
    if data is None:
        return None
    if _is_dataset(data):
        return make_adapter(
            data, "validation_data", batch_name="validation batch", num_classes=num_classes
        )
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise TypeError(
            "validation_data must be a pair (x, y) or (x, y, sample_weight), or a dataset; "
            f"received {type(data).__name__}"
        )
    names = ("validation x", "validation y")
    x, y = check_preprocessed(*data[:2], num_classes=num_classes, names=names)
    if len(data) == 2:
        return Arrays(x, y)
    return Arrays(x, y, check_sample_weight("validation sample_weight", data[2], len(x)))


def _train_validation_split(
    data: Arrays, fraction: float, options: DataOptions
) -> tuple[Arrays, Arrays | None]:
    """Hold out a fraction of the images: as in Keras the last ones, or a random selection."""
    fraction = check_fraction("validation_split", fraction)
    if fraction == 0:
        return data, None
    count = len(data.x)
    index = int(count * (1 - fraction))
    if index in (0, count):
        raise ValueError(
            "validation_split must leave at least one image to train on and one to validate on; "
            f"received {fraction} of {count}"
        )
    if options.split == "last":
        return _select(data, slice(None, index)), _select(data, slice(index, None))
    is_held_out = np.zeros(count, bool)
    is_held_out[_random_selection(data.y, count - index, options)] = True
    return _select(data, ~is_held_out), _select(data, is_held_out)


def _random_selection(y: Float32Array, count: int, options: DataOptions) -> NDArray[np.intp]:
    """Return the indices of `count` images, of each class in proportion if stratified."""
    order = np.random.default_rng(options.seed or 0).permutation(len(y))
    if options.split == "shuffled":
        return order[:count]
    by_class = order[np.argsort(y[order].argmax(axis=1), kind="stable")]
    # Evenly spaced over the images sorted by class: within one image of each class's share.
    return by_class[((np.arange(count) + 0.5) * len(y) / count).astype(np.intp)]


def _select(data: Arrays, part: Any) -> Arrays:
    weights = None if data.sample_weight is None else data.sample_weight[part]
    return Arrays(data.x[part], data.y[part], weights)


def _apply_class_weights(data: Arrays, options: DataOptions) -> Arrays:
    weights = _class_weights(options, data.y)
    if weights is None:
        return data
    of_images = weights[data.y.argmax(axis=1)]
    if data.sample_weight is not None:
        of_images = of_images * data.sample_weight
    return data._replace(sample_weight=of_images)


def _class_weights(options: DataOptions, y: Float32Array | None = None) -> Float32Array | None:
    """Return the weight of each class, by default 1; `y` are the labels of arrays."""
    value, k = options.class_weight, options.num_classes
    if value is None:
        return None
    if isinstance(value, str) and value == "balanced":
        if y is None:
            raise ValueError(
                "class_weight must be a dictionary if x is a dataset, whose number of images of "
                "each class is unknown; received 'balanced'"
            )
        counts, weights = y.sum(axis=0), np.ones(k, np.float32)
        np.divide(len(y), k * counts, out=weights, where=counts > 0)
        return weights
    if not isinstance(value, Mapping):
        raise TypeError(
            "class_weight must be 'balanced' or a dictionary from classes to weights; "
            f"received {quote(value)}"
        )
    weights = np.ones(k, np.float32)
    for index, weight in value.items():
        if check_int("a class in class_weight", index, minimum=0) >= k:
            raise ValueError(f"class_weight must have classes in 0...{k - 1}; received {index}")
        weights[index] = check_non_negative(f"the weight of class {index}", weight)
    return weights


def _is_dataset(value: Any) -> bool:
    """Return whether `value` is a dataset of batches."""
    return isinstance(value, tf.data.Dataset | keras.utils.PyDataset)
