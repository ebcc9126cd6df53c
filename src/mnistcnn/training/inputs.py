"""What a training is given: what to train on and what to validate on, arrays or datasets."""

from __future__ import annotations

from typing import Any

import numpy as np

from mnistcnn import recipes
from mnistcnn.training.data_adapters import Data, DataSource, Pair, is_dataset
from mnistcnn.utils.validation import check_fraction, check_preprocessed

_ASSERT_CARDINALITY_HINT = "call dataset.apply(tf.data.experimental.assert_cardinality(n))"


def prepare_data(
    plan: recipes.Recipe,
    x: Any,
    y: Any,
    *,
    batch_size: int | None,
    validation_split: float | None,
    validation_data: Any,
) -> tuple[Data, Data | None]:
    """Return both, checked; of arrays the last images are held out, as Keras does it."""
    if validation_data is not None and validation_split is not None:
        raise ValueError("give validation_split or validation_data; received both")
    if is_dataset(x):
        training = _prepare_dataset(
            plan,
            x,
            y,
            batch_size=batch_size,
            validation_split=validation_split,
            validation_data=validation_data,
        )
        return training, None if validation_data is None else _validation_data(validation_data)
    pair = _check_pair(x, y)
    if validation_data is not None:
        return pair, _validation_data(validation_data)
    split = plan.validation_split if validation_split is None else validation_split
    return _train_validation_split(pair, check_fraction("validation_split", split))


def check_known_length(plan: recipes.Recipe, training: Data, *, kept: bool, several: bool) -> None:
    """Refuse a dataset of unknown length where the run has to know it before it begins."""
    if not isinstance(training, DataSource) or training.steps is not None:
        return
    if plan.learning_rate is not None or plan.teacher is not None:
        why = f"for the recipe {plan.name!r}, whose learning rate depends on it"
    elif kept:
        why = "beside checkpoint_dir"
    elif several:
        why = "on several machines"
    else:
        return
    raise ValueError(
        f"x must say how many batches it has {why}; received an unknown number: {_ASSERT_CARDINALITY_HINT}"
    )


def _prepare_dataset(
    plan: recipes.Recipe,
    dataset: Any,
    y: Any,
    *,
    batch_size: int | None,
    validation_split: float | None,
    validation_data: Any,
) -> DataSource:
    if y is not None:
        raise ValueError(
            "y must be None where x is a dataset, whose batches hold it; "
            f"received {type(y).__name__}"
        )
    if batch_size is not None:
        raise ValueError(
            "batch_size must be None where x is a dataset, which brings its own batches; "
            f"received {batch_size}"
        )
    if validation_split is not None and check_fraction("validation_split", validation_split):
        raise ValueError(
            "validation_split must be None or 0 where x is a dataset; give validation_data; "
            f"received {validation_split}"
        )
    if plan.validation_split and validation_split is None and validation_data is None:
        watched = "" if plan.monitor is None else f" and monitors {plan.monitor}"
        raise ValueError(
            f"validation_data must be given where x is a dataset and the recipe, {plan.name!r}, "
            f"has a validation_split of {plan.validation_split}{watched}; received None"
        )
    return DataSource("x", "", dataset)


def _check_pair(x: Any, y: Any) -> Pair:
    if y is not None:
        return check_preprocessed(x, y)
    if isinstance(x, np.ndarray | list):
        raise ValueError(  # noqa: TRY004  # the kind is right, the company wrong
            "y must be given where x is an array; received None"
        )
    raise TypeError(
        "x must be an array, with y, or a tf.data.Dataset or keras.utils.PyDataset of batches; "
        f"received {type(x).__name__}"
    )


def _validation_data(data: Any) -> Data:
    if is_dataset(data):
        return DataSource("validation_data", "validation ", data)
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(
            f"validation_data must be a pair (x, y) or a dataset; received {type(data).__name__}"
        )
    return check_preprocessed(*data, names=("validation x", "validation y"))


def _train_validation_split(data: Pair, share: float) -> tuple[Pair, Pair | None]:
    x, y = data
    if share == 0:
        return data, None
    first = int(len(x) * (1 - share))
    if first in (0, len(x)):
        raise ValueError(
            "validation_split must leave at least one image to train on and one to validate on; "
            f"received {share} of {len(x)}"
        )
    return (x[:first], y[:first]), (x[first:], y[first:])
