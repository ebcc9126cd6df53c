"""Adapters that read checked batches from a ``tf.data.Dataset`` or ``keras.utils.PyDataset``.

A ``tf.data.Dataset`` is checked inside its own graph, which calls Python only to raise the
error of an invalid batch. TensorFlow wraps an exception raised in Python in one of its own, so
the adapter keeps the original, and `inputs.raise_data_errors` raises that instead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import keras, tf
from mnistcnn.training.py_dataset import iter_batches
from mnistcnn.types import IMAGE_SIZE, NUM_CLASSES, Float32Array
from mnistcnn.utils.validation import (
    CALL_PREPROCESS,
    check_batch,
    check_sample_weight,
    preprocess_advice,
)

_IMAGE_SHAPE = (IMAGE_SIZE, IMAGE_SIZE, 1)
_PREFETCH = 2  # prepare a batch while another one is trained on


class DataAdapter(ABC):
    """Batches of a dataset, each checked to be preprocessed.

    Parameters
    ----------
    dataset : tf.data.Dataset or keras.utils.PyDataset
        Gives batches ``(x, y)`` or ``(x, y, sample_weight)``.
    name : str
        Name of the argument, for error messages.
    batch_name : str, default "batch"
        What error messages call a batch.
    num_classes : int, default 10
        Number of classes.
    class_weights : numpy.ndarray, optional
        ``float32 (num_classes,)``: weight of the images of each class.

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

    def __init__(
        self,
        dataset: Any,
        name: str,
        *,
        batch_name: str = "batch",
        num_classes: int = NUM_CLASSES,
        class_weights: Float32Array | None = None,
    ) -> None:
        self.epochs_started = 0
        self.error: Exception | None = None
        self._dataset, self._name, self._batch_name = dataset, name, batch_name
        self._num_classes, self._class_weights = num_classes, class_weights

    def batches(self, first: int = 0, *, label_smoothing: float = 0.0) -> tf.data.Dataset:
        """Return the epoch from the batch `first` on.

        Each batch is ``float32``: images, one-hot labels and, if there are any, weights.
        """
        dataset = self._checked_batches(first).map(_copied)
        if self._class_weights is not None:
            dataset = dataset.map(self._apply_class_weights)
        if label_smoothing:
            dataset = dataset.map(
                lambda x, y, *weights: (x, smooth_labels(y, label_smoothing), *weights)
            )
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
    def _checked_batches(self, first: int) -> tf.data.Dataset:
        """Return the checked batches from `first` on."""

    def _apply_class_weights(self, x: tf.Tensor, y: tf.Tensor, *weights: tf.Tensor) -> Any:
        of_images = tf.gather(tf.constant(self._class_weights), tf.argmax(y, axis=1))
        return x, y, of_images * weights[0] if weights else of_images

    def _describe_weights(self) -> str:
        """Return the weights of the classes, for `description`."""
        if self._class_weights is None:
            return ""
        return f", class weights {', '.join(map(str, self._class_weights.tolist()))}"

    @abstractmethod
    def _skip_epoch(self) -> None: ...

    def _check_count(self, count: int | None, hint: str) -> None:
        if count is None:
            kind = type(self._dataset).__name__
            raise ValueError(f"{self._name} must be finite; received an infinite {kind}: {hint}")
        if count == 0:
            raise self.no_batches_error()

    def _check_batch(self, index: int, batch: Any) -> Arrays:
        """Return a batch of images, labels and, if it has them, weights."""
        name, weights = f"{self._batch_name} {index}", None
        if isinstance(batch, tuple | list) and len(batch) == 3:
            *batch, weights = batch
        x, y = check_batch(name, batch, num_classes=self._num_classes, or_weighted=True)
        if weights is not None:
            weights = check_sample_weight(f"{name}: sample_weight", weights, len(x))
        return Arrays(x, y, weights)


class PyDatasetAdapter(DataAdapter):
    """A ``keras.utils.PyDataset``, which gives any batch by its index.

    Whether a batch has weights is known only when it is read, so each is given weights, by
    default of 1, which do not change the result.
    """

    def __init__(self, dataset: Any, name: str, **options: Any) -> None:
        super().__init__(dataset, name, **options)
        self.num_batches = dataset.num_batches
        self._check_count(self.num_batches, "define __len__")
        count = f"{self.num_batches:,} batches of a {type(dataset).__name__}"
        self.description = count + self._describe_weights()
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
                    x, y, weights = self._check_batch(index, batch)
                    yield x, y, np.ones(len(x), np.float32) if weights is None else weights
            except Exception as error:
                self.error = error
                raise

        shapes = _IMAGE_SHAPE, (self._num_classes,), ()
        signature = tuple(tf.TensorSpec((None, *shape), tf.float32) for shape in shapes)
        return tf.data.Dataset.from_generator(generate, output_signature=signature)

    def _skip_epoch(self) -> None:
        self.on_epoch_begin()
        self.on_epoch_end()


class TFDatasetAdapter(DataAdapter):
    """A ``tf.data.Dataset``."""

    def __init__(self, dataset: Any, name: str, **options: Any) -> None:
        super().__init__(dataset, name, **options)
        cardinality = int(dataset.cardinality())
        self.num_batches = None if cardinality < 0 else cardinality
        if cardinality != tf.data.UNKNOWN_CARDINALITY:
            self._check_count(self.num_batches, "call dataset.take(n) for n batches per epoch")
        spec = dataset.element_spec
        self._check_spec(spec)
        count = "batches" if self.num_batches is None else f"{self.num_batches:,} batches"
        kinds = [f"{tensor.dtype.name} {_shape_text(tensor)}" for tensor in spec]
        self.description = f"{count} of {' and '.join(kinds)}{self._describe_weights()}"

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
        prefix, k = f"each {self._batch_name}", self._num_classes
        if not isinstance(spec, tuple) or len(spec) not in (2, 3):
            kind = f"{len(spec)} elements" if isinstance(spec, tuple) else type(spec).__name__
            raise ValueError(
                f"{prefix} must be a pair (x, y) or (x, y, sample_weight); received {kind}"
            )
        for part in spec:
            if not isinstance(part, tf.TensorSpec):
                raise TypeError(f"{prefix} must hold tensors; received {type(part).__name__}")
        x, y = spec[:2]
        if not x.shape.is_compatible_with((None, *_IMAGE_SHAPE)):
            is_image = x.shape.is_compatible_with(_IMAGE_SHAPE)
            hint = "call dataset.batch first" if is_image else CALL_PREPROCESS
            raise ValueError(
                f"{prefix} must have x of shape (n, 28, 28, 1); received {_shape_text(x)}: {hint}"
            )
        if not x.dtype.is_floating:
            raise TypeError(
                f"{prefix} must have x of floats in [0, 1]; "
                f"received {x.dtype.name}: {CALL_PREPROCESS}"
            )
        if not (y.shape.is_compatible_with((None, k)) or y.shape.is_compatible_with((None,))):
            raise ValueError(
                f"{prefix} must have y one-hot of shape (n, {k}), or integers of shape (n,); "
                f"received shape {_shape_text(y)}: {preprocess_advice(k)}"
            )
        if not (y.dtype.is_floating or y.dtype.is_integer):
            raise TypeError(f"{prefix} must have y of integers or floats; received {y.dtype.name}")
        for weights in spec[2:]:
            self._check_weight_spec(weights)

    def _check_weight_spec(self, weights: tf.TensorSpec) -> None:
        rule = f"each {self._batch_name} must have sample_weight of"
        if not (weights.dtype.is_floating or weights.dtype.is_integer):
            raise TypeError(f"{rule} numbers; received {weights.dtype.name}")
        if not weights.shape.is_compatible_with((None,)):
            raise ValueError(f"{rule} shape (n,); received {_shape_text(weights)}")

    def _check_in_graph(self, index: tf.Tensor, batch: tuple[tf.Tensor, ...]) -> Any:
        shapes = (_IMAGE_SHAPE, (self._num_classes,), ())[: len(batch)]
        x, y, *weights = batch
        has_shapes = _has_shape(x, _IMAGE_SHAPE) & (_has_shape(y, shapes[1]) | _has_shape(y, ()))
        for weight in weights:
            has_shapes &= _has_shape(weight, ())
        checked = tf.cond(
            tf.cond(has_shapes, lambda: self._is_valid(x, y, *weights), lambda: tf.constant(False)),
            lambda: (tf.cast(x, tf.float32), self._one_hot(y), *_as_floats(weights)),
            lambda: tuple(
                tf.numpy_function(self._raise_invalid, (index, *batch), (tf.float32,) * len(batch))
            ),
        )
        return tuple(
            tf.ensure_shape(tensor, (None, *shape))
            for tensor, shape in zip(checked, shapes, strict=True)
        )

    def _is_valid(self, x: tf.Tensor, y: tf.Tensor, *weights: tf.Tensor) -> tf.Tensor:
        """Return whether the values of a batch whose parts have valid shapes are valid."""
        count = tf.shape(x)[0]
        in_range = tf.reduce_all((x >= 0) & (x <= 1))  # False for NaN
        valid = in_range & (count > 0) & (count == tf.shape(y)[0])
        for weight in _as_floats(weights):
            valid &= count == tf.shape(weight)[0]
            valid &= tf.reduce_all((weight >= 0) & tf.math.is_finite(weight))
        is_valid = _if_one_dimensional(y, self._are_labels, _is_one_hot)
        return valid & is_valid

    def _are_labels(self, y: tf.Tensor) -> tf.Tensor:
        numbers = tf.cast(y, tf.float64)
        in_range = (numbers >= 0) & (numbers < self._num_classes)
        return tf.reduce_all(in_range & (numbers == tf.floor(numbers)))

    def _one_hot(self, y: tf.Tensor) -> tf.Tensor:
        return _if_one_dimensional(
            y,
            lambda labels: tf.one_hot(tf.cast(labels, tf.int32), self._num_classes),
            lambda rows: tf.cast(rows, tf.float32),
        )

    def _raise_invalid(self, index: int, *batch: NDArray[Any]) -> Any:
        try:
            checked = self._check_batch(index, batch)
        except Exception as error:
            self.error = error
            raise
        return tuple(part for part in checked if part is not None)


class Arrays(NamedTuple):
    """Images in memory with one-hot labels and, optionally, the weights of the images."""

    x: Float32Array
    y: Float32Array
    sample_weight: Float32Array | None = None


# Arrays in memory, or the batches of a dataset.
Data = Arrays | DataAdapter


def make_adapter(dataset: Any, name: str, **options: Any) -> DataAdapter:
    """Return the adapter for a dataset, with the keyword arguments of `DataAdapter`."""
    is_py_dataset = isinstance(dataset, keras.utils.PyDataset)
    adapter = PyDatasetAdapter if is_py_dataset else TFDatasetAdapter
    return adapter(dataset, name, **options)


def smooth_labels(y: Any, smoothing: float) -> Any:
    """Return one-hot labels with the share `smoothing` spread evenly over the classes."""
    if not smoothing:
        return y
    return y * np.float32(1 - smoothing) + np.float32(smoothing / y.shape[-1])


def _copied(*batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Return copies, which a graph may overwrite, as dropout and a product do to save memory.

    Tensors of a generator share the memory of its NumPy arrays.
    """
    return tuple(tf.raw_ops.DeepCopy(x=tensor) for tensor in batch)


def _shape_text(spec: tf.TensorSpec) -> str:
    return "unknown" if spec.shape.rank is None else str(tuple(spec.shape))


def _has_shape(tensor: tf.Tensor, expected: tuple[int, ...]) -> tf.Tensor:
    shape = tf.shape(tensor)
    return tf.cond(
        tf.size(shape) == 1 + len(expected),
        lambda: tf.reduce_all(shape[1:] == tf.constant(expected, tf.int32)),
        lambda: tf.constant(False),
    )


def _if_one_dimensional(tensor: tf.Tensor, function: Any, otherwise: Any) -> tf.Tensor:
    """Return `function` or `otherwise` of a tensor, whose rank may be unknown."""
    if tensor.shape.rank is not None:
        return function(tensor) if tensor.shape.rank == 1 else otherwise(tensor)
    return tf.cond(
        tf.rank(tensor) == 1,
        lambda: function(tf.reshape(tensor, [-1])),
        lambda: otherwise(tensor),
    )


def _is_one_hot(y: tf.Tensor) -> tf.Tensor:
    values = tf.reduce_all((y == 0) | (y == 1))
    return values & tf.reduce_all(tf.reduce_sum(y, axis=-1) == 1)


def _as_floats(tensors: Any) -> list[tf.Tensor]:
    return [tf.cast(tensor, tf.float32) for tensor in tensors]
