"""The two kinds of datasets, as batches that were seen to be preprocessed.

A ``tf.data.Dataset`` is checked within its own pipeline, and comes back to Python only to
refuse a batch; a PyDataset is Python anyway. TensorFlow tells of an error in either as of one
of its own, so what was raised is noted.

Images that a dataset gives a batch at a time, however many there are.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import keras, tf
from mnistcnn.training.py_dataset import iter_py_dataset
from mnistcnn.types import IMAGE_SIZE, NUM_CLASSES, Float32Array
from mnistcnn.utils.validation import CALL_PREPROCESS, check_batch

Pair = tuple[Float32Array, Float32Array]

_SHAPES = (IMAGE_SIZE, IMAGE_SIZE, 1), (NUM_CLASSES,)
_BATCH_SPEC = tuple(tf.TensorSpec((None, *shape), tf.float32) for shape in _SHAPES)


class DataAdapter:
    """A dataset, and how far it was read."""

    steps: int | None
    text: str

    def __init__(self, prefix: str, dataset: Any) -> None:
        self.passes = 0
        self.error: Exception | None = None
        self._prefix, self._dataset = prefix, dataset

    def _check_count(self, name: str, count: int | None, advice: str) -> None:
        if count is None:
            kind = type(self._dataset).__name__
            raise ValueError(f"{name} must be finite; received an infinite {kind}: {advice}")
        if count == 0:
            raise ValueError(f"{name} must hold at least one batch; received none")

    def batches(self, first: int) -> tf.data.Dataset:
        raise NotImplementedError

    def leave_out(self) -> None:
        raise NotImplementedError

    def begin(self) -> None:
        self.passes += 1

    def end(self) -> None:
        pass

    def _checked(self, number: int, batch: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return check_batch(f"{self._prefix}batch {number}", batch)


class PyDatasetAdapter(DataAdapter):
    """A PyDataset. Its batches are numbered, so none has to be made to be passed over."""

    def __init__(self, name: str, prefix: str, dataset: Any) -> None:
        super().__init__(prefix, dataset)
        self.steps = dataset.num_batches
        self._check_count(name, self.steps, "let it have a length")
        self.text = f"{self.steps:,} batches of a {type(dataset).__name__}"
        self._open = False

    def batches(self, first: int) -> tf.data.Dataset:
        def checked() -> Iterator[Any]:
            assert self.steps is not None
            try:
                for number, batch in iter_py_dataset(self._dataset, range(first, self.steps)):
                    yield self._checked(number, batch)
            except Exception as error:
                self.error = error
                raise

        return tf.data.Dataset.from_generator(checked, output_signature=_BATCH_SPEC)

    def leave_out(self) -> None:
        self.begin()
        self.end()

    def begin(self) -> None:
        super().begin()
        self._open = True
        self._dataset.on_epoch_begin()

    def end(self) -> None:
        if self._open:
            self._open = False
            self._dataset.on_epoch_end()


class TFDatasetAdapter(DataAdapter):
    """A ``tf.data.Dataset``."""

    def __init__(self, name: str, prefix: str, dataset: Any) -> None:
        super().__init__(prefix, dataset)
        count = int(dataset.cardinality())
        self.steps = None if count < 0 else count
        if count != tf.data.UNKNOWN_CARDINALITY:
            self._check_count(name, self.steps, "dataset.take(n) makes n batches a pass")
        spec = dataset.element_spec
        self._check_spec(spec)
        many = "batches" if self.steps is None else f"{self.steps:,} batches"
        told = [f"{one.dtype.name} {_shape(one)}" for one in spec]
        self.text = f"{many} of {' and '.join(told)}"

    def batches(self, first: int) -> tf.data.Dataset:
        numbered = self._dataset.enumerate()
        if first:
            numbered = numbered.skip(first)
        return numbered.map(self._checked_in_graph)

    def leave_out(self) -> None:
        # A seeded shuffle draws another order for each iterator, also for one that isn't used.
        iter(self._dataset)
        self.passes += 1

    def _check_spec(self, spec: Any) -> None:
        """Refuse at once what no batch could mend."""
        each = f"each {self._prefix}batch"
        if not isinstance(spec, tuple) or len(spec) != 2:
            had = f"{len(spec)} elements" if isinstance(spec, tuple) else type(spec).__name__
            raise ValueError(f"{each} must be a pair (x, y); received {had}")
        for one in spec:
            if not isinstance(one, tf.TensorSpec):
                raise TypeError(f"{each} must hold tensors; received {type(one).__name__}")
        x, y = spec
        if not x.shape.is_compatible_with((None, *_SHAPES[0])):
            single = x.shape.is_compatible_with(_SHAPES[0])
            advice = "call dataset.batch first" if single else CALL_PREPROCESS
            raise ValueError(
                f"{each} must have x of shape (n, 28, 28, 1); received {_shape(x)}: {advice}"
            )
        if not x.dtype.is_floating:
            raise TypeError(
                f"{each} must have x of floats in [0, 1]; received {x.dtype.name}: "
                f"{CALL_PREPROCESS}"
            )
        if not y.shape.is_compatible_with((None, *_SHAPES[1])):
            raise ValueError(
                f"{each} must have y one-hot of shape (n, 10); received shape {_shape(y)}: "
                f"{CALL_PREPROCESS}"
            )
        if not (y.dtype.is_floating or y.dtype.is_integer):
            raise TypeError(f"{each} must have y of integers or floats; received {y.dtype.name}")

    def _checked_in_graph(
        self, number: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = batch
        lawful = tf.cond(
            _has_shape(x, _SHAPES[0]) & _has_shape(y, _SHAPES[1]),
            lambda: _is_valid(x, y),
            lambda: tf.constant(False),
        )
        given = tf.cond(
            lawful,
            lambda: (tf.cast(x, tf.float32), tf.cast(y, tf.float32)),
            lambda: tuple(
                tf.numpy_function(self._refused, (number, x, y), (tf.float32, tf.float32))
            ),
        )
        images, labels = (
            tf.ensure_shape(one, (None, *shape)) for one, shape in zip(given, _SHAPES, strict=True)
        )
        return images, labels

    def _refused(self, number: int, x: NDArray[Any], y: NDArray[Any]) -> Any:
        try:
            return self._checked(number, (x, y))
        except Exception as error:
            self.error = error
            raise


def _shape(spec: tf.TensorSpec) -> str:
    return "unknown" if spec.shape.rank is None else str(tuple(spec.shape))


def _has_shape(tensor: tf.Tensor, wanted: tuple[int, ...]) -> tf.Tensor:
    shape = tf.shape(tensor)
    return tf.cond(
        tf.size(shape) == 1 + len(wanted),
        lambda: tf.reduce_all(shape[1:] == tf.constant(wanted)),
        lambda: tf.constant(False),
    )


def _is_valid(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    images = tf.reduce_all((x >= 0) & (x <= 1))  # NaN is neither
    ones = tf.reduce_all((y == 0) | (y == 1)) & tf.reduce_all(tf.reduce_sum(y, axis=-1) == 1)
    count = tf.shape(x)[0]
    return images & ones & (count > 0) & (count == tf.shape(y)[0])


# What tf.data says of a number of batches that was asserted and is another.
_CARDINALITY_MISMATCH = re.compile(
    r"expected to contain (\d+) elements? but contained (.+?) (\d+) element"
)
# So that a batch is made while another is trained on.
_PREFETCH = 2


class DataSource:
    """Batches of a dataset that were seen to be preprocessed, a pass at a time.

    Attributes
    ----------
    steps : int, optional
        How many batches a pass has. ``None``: known at its end.
    text : str
        What is known of it before it is read.
    passes : int
        How many passes were begun.
    """

    def __init__(self, name: str, prefix: str, dataset: Any) -> None:
        self.name = name
        kind = PyDatasetAdapter if is_py_dataset(dataset) else TFDatasetAdapter
        self._feed: DataAdapter = kind(name, prefix, dataset)
        self.steps, self.text = self._feed.steps, self._feed.text
        self._smoothing = 0.0

    @property
    def passes(self) -> int:
        return self._feed.passes

    @property
    def error(self) -> Exception | None:
        """Why a batch could not be had, where Python knows."""
        return self._feed.error

    def smoothed(self, share: float) -> DataSource:
        """Return the same batches with that share of the labels' certainty spread evenly."""
        other = copy.copy(self)
        other._smoothing = share  # noqa: SLF001  # it is one of these
        return other

    def batches(self, first: int = 0) -> tf.data.Dataset:
        """Return a pass from the batch `first` on: ``float32`` images and labels."""
        dataset, share = self._feed.batches(first), self._smoothing
        if share:
            keep, spread = np.float32(1 - share), np.float32(share / NUM_CLASSES)
            dataset = dataset.map(lambda x, y: (x, y * keep + spread))
        return dataset.prefetch(_PREFETCH)

    def advance(self, passes: int) -> None:
        """Make up for passes that a run before this one has made."""
        while self.passes < passes:
            self._feed.leave_out()

    def begin(self) -> None:
        """Tell the dataset that a pass begins."""
        self._feed.begin()

    def end(self) -> None:
        """Tell the dataset that a pass has ended, if one had begun."""
        self._feed.end()


Data = Pair | DataSource


def is_py_dataset(value: Any) -> bool:
    """Tell whether it is a dataset of Keras."""
    return isinstance(value, keras.utils.PyDataset)


def is_dataset(value: Any) -> bool:
    """Tell whether it brings batches of its own."""
    return isinstance(value, tf.data.Dataset) or is_py_dataset(value)


def num_batches(data: Data, batch_size: int) -> int | None:
    """Return how many batches a pass over it has, if that is known."""
    if isinstance(data, DataSource):
        return data.steps
    return math.ceil(len(data[0]) / batch_size)


def skip_epochs(data: Data, passes: int) -> None:
    """Leave out the passes of a training that need not be done again."""
    if isinstance(data, DataSource):
        data.advance(data.passes + passes)


@contextmanager
def raise_data_errors(*data: Data | None) -> Iterator[None]:
    """Raise what was wrong with a batch, in place of what TensorFlow makes of it."""
    try:
        yield
    except tf.errors.OpError as error:
        for source in data:
            if isinstance(source, DataSource) and source.error is not None:
                raise source.error from None
        found = _CARDINALITY_MISMATCH.search(str(error))
        if found is not None:
            told_of, whether, count = found.groups()
            raise ValueError(
                f"a dataset must hold as many batches as it says, {told_of}; "
                f"received {count if whether == 'only' else 'more'}"
            ) from None
        raise


def no_batches_message(source: DataSource) -> str:
    return f"{source.name} must hold at least one batch; received none"
