"""Adapters that read checked batches from a ``tf.data.Dataset`` or ``keras.utils.PyDataset``.

A ``tf.data.Dataset`` is checked inside its own graph, which calls Python only to raise the
error of an invalid batch. TensorFlow wraps an exception raised in Python in one of its own, so
the adapter keeps the original, and `inputs.raise_data_errors` raises that instead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import keras, tf
from mnistcnn.training.py_dataset import iter_batches
from mnistcnn.types import IMAGE_SIZE, NUM_CLASSES, Float32Array
from mnistcnn.utils.validation import CALL_PREPROCESS, check_batch

_SHAPES = (IMAGE_SIZE, IMAGE_SIZE, 1), (NUM_CLASSES,)
_BATCH_SPEC = tuple(tf.TensorSpec((None, *shape), tf.float32) for shape in _SHAPES)
_PREFETCH = 2  # prepare a batch while another one is trained on


class DataAdapter(ABC):
    """Batches of a dataset, each checked to be preprocessed.

    Parameters
    ----------
    dataset : tf.data.Dataset or keras.utils.PyDataset
        Gives batches ``(x, y)``.
    name : str
        Name of the argument, for error messages.
    batch_name : str, default "batch"
        What error messages call a batch.

    Attributes
    ----------
    num_batches : int or None
        Batches per epoch; ``None`` if unknown until the epoch ends.
    description : str
        Number and kind of the batches, known without reading any.
    epochs_started : int
        Epochs that were started or skipped.
    error : Exception or None
        The exception that reading a batch raised in Python.
    """

    num_batches: int | None
    description: str

    def __init__(self, dataset: Any, name: str, *, batch_name: str = "batch") -> None:
        self.epochs_started = 0
        self.error: Exception | None = None
        self._dataset, self._name, self._batch_name = dataset, name, batch_name

    def batches(self, first: int = 0, *, label_smoothing: float = 0.0) -> tf.data.Dataset:
        """Return the epoch from the batch `first` on: ``float32`` images and labels."""
        dataset = self._checked_batches(first)
        if label_smoothing:
            dataset = dataset.map(lambda x, y: (x, smooth_labels(y, label_smoothing)))
        return dataset.prefetch(_PREFETCH)

    def skip_to_epoch(self, epoch: int) -> None:
        """Advance the dataset by the epochs before `epoch`, without reading their batches."""
        while self.epochs_started < epoch:
            self._skip_epoch()

    def on_epoch_begin(self) -> None:
        """Notify the dataset that an epoch begins."""
        self.epochs_started += 1

    def on_epoch_end(self) -> None:  # noqa: B027  # only a PyDataset has such a hook
        """Notify the dataset that the epoch has ended, if one had begun."""

    def no_batches_error(self) -> ValueError:
        """Return the error to raise if the dataset is empty."""
        return ValueError(f"{self._name} must hold at least one batch; received none")

    @abstractmethod
    def _checked_batches(self, first: int) -> tf.data.Dataset: ...

    @abstractmethod
    def _skip_epoch(self) -> None: ...

    def _check_count(self, count: int | None, hint: str) -> None:
        if count is None:
            kind = type(self._dataset).__name__
            raise ValueError(f"{self._name} must be finite; received an infinite {kind}: {hint}")
        if count == 0:
            raise self.no_batches_error()

    def _check_batch(
        self, index: int, batch: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return check_batch(f"{self._batch_name} {index}", batch)


class PyDatasetAdapter(DataAdapter):
    """A ``keras.utils.PyDataset``, which gives any batch by its index."""

    def __init__(self, dataset: Any, name: str, *, batch_name: str = "batch") -> None:
        super().__init__(dataset, name, batch_name=batch_name)
        self.num_batches = dataset.num_batches
        self._check_count(self.num_batches, "define __len__")
        self.description = f"{self.num_batches:,} batches of a {type(dataset).__name__}"
        self._in_epoch = False

    def on_epoch_begin(self) -> None:
        """Call the dataset's own hook."""
        super().on_epoch_begin()
        self._in_epoch = True
        self._dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Call the dataset's own hook, if an epoch had begun."""
        if self._in_epoch:
            self._in_epoch = False
            self._dataset.on_epoch_end()

    def _checked_batches(self, first: int) -> tf.data.Dataset:
        def generate() -> Iterator[Any]:
            assert self.num_batches is not None
            try:
                for index, batch in iter_batches(self._dataset, range(first, self.num_batches)):
                    yield self._check_batch(index, batch)
            except Exception as error:
                self.error = error
                raise

        return tf.data.Dataset.from_generator(generate, output_signature=_BATCH_SPEC)

    def _skip_epoch(self) -> None:
        self.on_epoch_begin()
        self.on_epoch_end()


class TFDatasetAdapter(DataAdapter):
    """A ``tf.data.Dataset``."""

    def __init__(self, dataset: Any, name: str, *, batch_name: str = "batch") -> None:
        super().__init__(dataset, name, batch_name=batch_name)
        cardinality = int(dataset.cardinality())
        self.num_batches = None if cardinality < 0 else cardinality
        if cardinality != tf.data.UNKNOWN_CARDINALITY:
            self._check_count(self.num_batches, "call dataset.take(n) for n batches per epoch")
        spec = dataset.element_spec
        self._check_spec(spec)
        count = "batches" if self.num_batches is None else f"{self.num_batches:,} batches"
        kinds = [f"{tensor.dtype.name} {_shape_text(tensor)}" for tensor in spec]
        self.description = f"{count} of {' and '.join(kinds)}"

    def _checked_batches(self, first: int) -> tf.data.Dataset:
        enumerated = self._dataset.enumerate()
        if first:
            enumerated = enumerated.skip(first)
        return enumerated.map(self._check_in_graph)

    def _skip_epoch(self) -> None:
        # A seeded shuffle draws another order for each iterator, even for an unused one.
        iter(self._dataset)
        self.epochs_started += 1

    def _check_spec(self, spec: Any) -> None:
        """Raise if every batch would be invalid."""
        prefix = f"each {self._batch_name}"
        if not isinstance(spec, tuple) or len(spec) != 2:
            kind = f"{len(spec)} elements" if isinstance(spec, tuple) else type(spec).__name__
            raise ValueError(f"{prefix} must be a pair (x, y); received {kind}")
        for part in spec:
            if not isinstance(part, tf.TensorSpec):
                raise TypeError(f"{prefix} must hold tensors; received {type(part).__name__}")
        x, y = spec
        if not x.shape.is_compatible_with((None, *_SHAPES[0])):
            is_image = x.shape.is_compatible_with(_SHAPES[0])
            hint = "call dataset.batch first" if is_image else CALL_PREPROCESS
            raise ValueError(
                f"{prefix} must have x of shape (n, 28, 28, 1); received {_shape_text(x)}: {hint}"
            )
        if not x.dtype.is_floating:
            raise TypeError(
                f"{prefix} must have x of floats in [0, 1]; "
                f"received {x.dtype.name}: {CALL_PREPROCESS}"
            )
        if not y.shape.is_compatible_with((None, *_SHAPES[1])):
            raise ValueError(
                f"{prefix} must have y one-hot of shape (n, 10); received shape {_shape_text(y)}: "
                f"{CALL_PREPROCESS}"
            )
        if not (y.dtype.is_floating or y.dtype.is_integer):
            raise TypeError(f"{prefix} must have y of integers or floats; received {y.dtype.name}")

    def _check_in_graph(
        self, index: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = batch
        is_valid = tf.cond(
            _has_shape(x, _SHAPES[0]) & _has_shape(y, _SHAPES[1]),
            lambda: _is_valid(x, y),
            lambda: tf.constant(False),
        )
        checked = tf.cond(
            is_valid,
            lambda: (tf.cast(x, tf.float32), tf.cast(y, tf.float32)),
            lambda: tuple(
                tf.numpy_function(self._raise_invalid, (index, x, y), (tf.float32, tf.float32))
            ),
        )
        images, labels = (
            tf.ensure_shape(tensor, (None, *shape))
            for tensor, shape in zip(checked, _SHAPES, strict=True)
        )
        return images, labels

    def _raise_invalid(self, index: int, x: NDArray[Any], y: NDArray[Any]) -> Any:
        try:
            return self._check_batch(index, (x, y))
        except Exception as error:
            self.error = error
            raise


# Arrays in memory, or the batches of a dataset.
Arrays = tuple[Float32Array, Float32Array]
Data = Arrays | DataAdapter


def make_adapter(dataset: Any, name: str, *, batch_name: str = "batch") -> DataAdapter:
    """Return the adapter for a dataset."""
    is_py_dataset = isinstance(dataset, keras.utils.PyDataset)
    adapter = PyDatasetAdapter if is_py_dataset else TFDatasetAdapter
    return adapter(dataset, name, batch_name=batch_name)


def smooth_labels(y: Any, smoothing: float) -> Any:
    """Return one-hot labels with the share `smoothing` spread evenly over the classes."""
    if not smoothing:
        return y
    return y * np.float32(1 - smoothing) + np.float32(smoothing / NUM_CLASSES)


def _shape_text(spec: tf.TensorSpec) -> str:
    return "unknown" if spec.shape.rank is None else str(tuple(spec.shape))


def _has_shape(tensor: tf.Tensor, expected: tuple[int, ...]) -> tf.Tensor:
    shape = tf.shape(tensor)
    return tf.cond(
        tf.size(shape) == 1 + len(expected),
        lambda: tf.reduce_all(shape[1:] == tf.constant(expected)),
        lambda: tf.constant(False),
    )


def _is_valid(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    in_range = tf.reduce_all((x >= 0) & (x <= 1))  # False for NaN
    one_hot = tf.reduce_all((y == 0) | (y == 1)) & tf.reduce_all(tf.reduce_sum(y, axis=-1) == 1)
    count = tf.shape(x)[0]
    return in_range & one_hot & (count > 0) & (count == tf.shape(y)[0])
