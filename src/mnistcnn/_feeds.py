"""The two kinds of datasets, as batches that were seen to be preprocessed.

A ``tf.data.Dataset`` is checked within its own pipeline, and comes back to Python only to
refuse a batch; a PyDataset is Python anyway. TensorFlow tells of an error in either as of one
of its own, so what was raised is noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn import _checks
from mnistcnn._backend import tf
from mnistcnn._py_dataset import items
from mnistcnn._types import IMAGE_SIZE, NUM_CLASSES

_SHAPES = (IMAGE_SIZE, IMAGE_SIZE, 1), (NUM_CLASSES,)
_BATCH = tuple(tf.TensorSpec((None, *shape), tf.float32) for shape in _SHAPES)


class Feed:
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
            raise ValueError(f"{name} must come to an end; received {kind} without: {advice}")
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
        return _checks.batch(f"{self._prefix}batch {number}", batch)


class OfKeras(Feed):
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
                for number, batch in items(self._dataset, range(first, self.steps)):
                    yield self._checked(number, batch)
            except Exception as error:
                self.error = error
                raise

        return tf.data.Dataset.from_generator(checked, output_signature=_BATCH)

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


class OfTensorFlow(Feed):
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
            had = f"{len(spec)} parts" if isinstance(spec, tuple) else type(spec).__name__
            raise ValueError(f"{each} must be a pair (x, y); received {had}")
        for one in spec:
            if not isinstance(one, tf.TensorSpec):
                raise TypeError(f"{each} must hold tensors; received {type(one).__name__}")
        x, y = spec
        if not x.shape.is_compatible_with((None, *_SHAPES[0])):
            single = x.shape.is_compatible_with(_SHAPES[0])
            advice = "call dataset.batch first" if single else _checks.CALL_PREPROCESS
            raise ValueError(
                f"{each} must have x of shape (n, 28, 28, 1); received {_shape(x)}: {advice}"
            )
        if not x.dtype.is_floating:
            raise TypeError(
                f"{each} must have x of floating numbers in [0, 1]; received {x.dtype.name}: "
                f"{_checks.CALL_PREPROCESS}"
            )
        if not y.shape.is_compatible_with((None, *_SHAPES[1])):
            raise ValueError(
                f"{each} must have y one-hot of shape (n, 10); received shape {_shape(y)}: "
                f"{_checks.CALL_PREPROCESS}"
            )
        if not (y.dtype.is_floating or y.dtype.is_integer):
            raise TypeError(
                f"{each} must have y of integers or floating numbers; received {y.dtype.name}"
            )

    def _checked_in_graph(
        self, number: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = batch
        lawful = tf.cond(
            _has_shape(x, _SHAPES[0]) & _has_shape(y, _SHAPES[1]),
            lambda: _is_lawful(x, y),
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


def _is_lawful(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    images = tf.reduce_all((x >= 0) & (x <= 1))  # NaN is neither
    ones = tf.reduce_all((y == 0) | (y == 1)) & tf.reduce_all(tf.reduce_sum(y, axis=-1) == 1)
    count = tf.shape(x)[0]
    return images & ones & (count > 0) & (count == tf.shape(y)[0])
