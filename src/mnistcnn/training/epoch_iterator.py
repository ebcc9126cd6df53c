"""Iterators that run the steps of an epoch, several in one execution of a compiled graph."""

from __future__ import annotations

import math
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mnistcnn.backend import tf
from mnistcnn.training.augmentation import Augmenter
from mnistcnn.training.data_adapters import Arrays, Data, DataAdapter, smooth_labels

TargetFn = Callable[[tf.Tensor], tf.Tensor]

# Short enough for a smooth progress bar and for Ctrl-C, long enough to amortize the overhead.
_SECONDS_PER_EXECUTION = 0.25
_UNKNOWN_LENGTH = sys.maxsize


def epoch_order(count: int, shuffle_seed: Sequence[int], epoch: int | tf.Tensor) -> tf.Tensor:
    """Return ``int32 (count,)``: the order of the images, from the seed and the epoch.

    Keras' own shuffle depends on earlier draws in the process. This order is reproducible and
    does not depend on earlier epochs, so that training can resume at any epoch.
    """
    first, second = (tf.constant(word, tf.int64) for word in shuffle_seed)
    return tf.random.experimental.stateless_shuffle(
        tf.range(count), seed=tf.stack([first, second + tf.cast(epoch, tf.int64)])
    )


class EpochIterator(ABC):
    """Runs a step for each batch of an epoch.

    Parameters
    ----------
    step_fn : callable
        Called in the graph with a batch ``x, y``, and with the keyword arguments `targets` if
        there is a `target_fn`, and `sample_weight` if the images have weights.
    augment : Augmenter, optional
        Distorts the images.
    target_fn : callable, optional
        Computes the training targets from the distorted images.

    Attributes
    ----------
    num_steps : int
        Steps per epoch.
    first_step : int
        Steps of the run before this epoch.
    """

    num_steps: int

    def __init__(
        self, step_fn: Any, augment: Augmenter | None = None, target_fn: TargetFn | None = None
    ) -> None:
        self.first_step = 0
        self._run_step = _make_run_step(step_fn, augment, target_fn)
        self._graph: Any = None
        self._steps_per_execution = 1

    @abstractmethod
    def begin_epoch(self, epoch: int, first: int = 0) -> None:
        """Begin an epoch at the batch `first`."""

    @abstractmethod
    def run(self, first: int, last: int) -> int:
        """Run the steps from `first` up to `last`; return the step where the data ended."""

    def end_epoch(self) -> None:  # noqa: B027  # arrays need no clean-up
        """End the epoch, whether or not all its batches were read."""

    def step_ranges(
        self,
        *,
        first: int = 0,
        save_every: int | None = None,
        per_batch: bool = False,
        all_reduce_min: Callable[[int], int] = int,
    ) -> Iterator[tuple[int, int]]:
        """Split the epoch from step `first` on into ranges, one for each graph execution.

        A range is as long as fits into the time for one execution. It also ends at each
        multiple of `save_every` steps of the run. Distributed workers agree on its end by
        `all_reduce_min`.
        """
        while first < self.num_steps:
            last = min(first + (1 if per_batch else self._steps_per_execution), self.num_steps)
            if save_every is not None:
                last = min(last, first + save_every - (self.first_step + first) % save_every)
            last = all_reduce_min(last)
            started = time.perf_counter()
            yield first, last
            seconds = max(time.perf_counter() - started, 1e-9)
            # Grow gradually, since the first executions are slower than the rest.
            fitting = int(_SECONDS_PER_EXECUTION / seconds * (last - first))
            self._steps_per_execution = max(1, min(fitting, 8 * self._steps_per_execution))
            first = last


class ArrayEpochIterator(EpochIterator):
    """Runs the steps of an epoch over arrays in memory.

    `shuffle_seed` are two words of entropy, each ``uint32``; ``None`` keeps the order.
    """

    def __init__(
        self,
        step_fn: Any,
        data: Arrays,
        batch_size: int,
        *,
        shuffle_seed: Sequence[int] | None = None,
        augment: Augmenter | None = None,
        target_fn: TargetFn | None = None,
    ) -> None:
        super().__init__(step_fn, augment, target_fn)
        with tf.device("CPU:0"):
            self._tensors = [tf.constant(array) for array in data if array is not None]
        self._count = len(data[0])
        self._batch_size = min(batch_size, self._count)  # a larger one may overflow in the graph
        self._shuffle_seed = shuffle_seed
        self._order = tf.range(self._count)
        self.num_steps = math.ceil(self._count / batch_size)

    def begin_epoch(self, epoch: int, first: int = 0) -> None:
        """Shuffle the images for an epoch."""
        del first  # each execution has its own range
        if self._shuffle_seed is not None:
            self._order = epoch_order(self._count, self._shuffle_seed, epoch)
        self.first_step = epoch * self.num_steps

    def run(self, first: int, last: int) -> int:
        """Run the steps from `first` up to `last` in one execution of the graph."""
        if self._graph is None:
            self._graph = self._trace()
        position = tf.constant([first, last]), tf.constant(self.first_step, tf.int64)
        self._graph(*self._tensors, self._order, *position)
        return last

    def _trace(self) -> Any:
        """Trace the graph once, at the first execution: TensorFlow warns of retracing.

        The images are arguments of the graph: if it captured them, they would stay in memory
        until Python next collects reference cycles.
        """
        batch_size, run_step = self._batch_size, self._run_step

        @tf.function
        def run_steps(*arguments: tf.Tensor) -> None:
            *tensors, order, step_range, first_step = arguments
            for step in tf.range(step_range[0], step_range[1]):
                indices = order[step * batch_size : (step + 1) * batch_size]
                batch = [tf.gather(tensor, indices) for tensor in tensors]
                run_step(batch, first_step + tf.cast(step, tf.int64))

        return run_steps.get_concrete_function(
            *self._tensors,
            self._order,
            tf.TensorSpec((2,), tf.int32),
            tf.TensorSpec((), tf.int64),
        )


class DatasetEpochIterator(EpochIterator):
    """Runs the steps of an epoch over the batches of a dataset, in the dataset's order."""

    def __init__(
        self,
        step_fn: Any,
        data: DataAdapter,
        *,
        augment: Augmenter | None = None,
        target_fn: TargetFn | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(step_fn, augment, target_fn)
        self._data = data
        self._label_smoothing = label_smoothing
        self._epochs_before = data.epochs_started
        self._iterator: Any = None
        self._done = 0
        self.num_steps = _UNKNOWN_LENGTH if data.num_batches is None else data.num_batches

    def begin_epoch(self, epoch: int, first: int = 0) -> None:
        """Begin an epoch of the dataset at the batch `first`."""
        if self._data.num_batches is None:
            self.first_step += self._done
            self.num_steps = _UNKNOWN_LENGTH
        else:
            self.first_step = epoch * self.num_steps
        self._done = first
        self._data.skip_to_epoch(self._epochs_before + epoch)
        self._data.on_epoch_begin()
        self._iterator = iter(self._data.batches(first, label_smoothing=self._label_smoothing))

    def run(self, first: int, last: int) -> int:
        """Run the steps from `first` up to `last` in one execution of the graph."""
        if self._graph is None:
            self._graph = self._trace()
        position = tf.constant([first, last]), tf.constant(self.first_step, tf.int64)
        self._done = int(self._graph(self._iterator, *position))
        if self._done < last:
            self.num_steps = self._done
            if not self._done:
                raise self._data.no_batches_error()
        return self._done

    def end_epoch(self) -> None:
        """End the epoch of the dataset, and check its number of batches."""
        if self._done == self._data.num_batches:
            # tf.data raises here if there are more batches than the dataset declares.
            self._iterator.get_next_as_optional()
        self._iterator = None
        self._data.on_epoch_end()

    def _trace(self) -> Any:
        run_step = self._run_step

        @tf.function
        def run_steps(iterator: Any, step_range: tf.Tensor, first_step: tf.Tensor) -> tf.Tensor:
            done = step_range[0]
            for step in tf.range(step_range[0], step_range[1]):
                batch = iterator.get_next_as_optional()
                if not batch.has_value():
                    break
                run_step(batch.get_value(), first_step + tf.cast(step, tf.int64))
                done = step + 1
            return done

        return run_steps.get_concrete_function(
            self._iterator, tf.TensorSpec((2,), tf.int32), tf.TensorSpec((), tf.int64)
        )


def make_iterator(
    step_fn: Any,
    data: Data,
    batch_size: int,
    *,
    shuffle_seed: Sequence[int] | None = None,
    augment: Augmenter | None = None,
    target_fn: TargetFn | None = None,
    label_smoothing: float = 0.0,
) -> EpochIterator:
    """Return the iterator for arrays or for the batches of a dataset."""
    if isinstance(data, DataAdapter):
        return DatasetEpochIterator(
            step_fn, data, augment=augment, target_fn=target_fn, label_smoothing=label_smoothing
        )
    arrays = Arrays(*data)
    if label_smoothing:
        arrays = arrays._replace(y=smooth_labels(arrays.y, label_smoothing))
    return ArrayEpochIterator(
        step_fn,
        arrays,
        batch_size,
        shuffle_seed=shuffle_seed,
        augment=augment,
        target_fn=target_fn,
    )


def _make_run_step(step_fn: Any, augment: Augmenter | None, target_fn: TargetFn | None) -> Any:
    # A closure, not a method: a graph that refers to the iterator would keep its images.
    def run_step(batch: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        x, y, *weights = batch
        if augment is not None:
            x = augment(x, step)
        options = {} if target_fn is None else {"targets": target_fn(x)}
        if weights:
            options["sample_weight"] = weights[0]
        step_fn(x, y, **options)

    return run_step
