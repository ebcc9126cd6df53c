"""Ways through images that lie in memory, in an order that repeats, many batches to a call.

Ways through the batches of a dataset, for the compiled loop and for Keras' ``fit``.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mnistcnn.backend import tf
from mnistcnn.training.augmentation import Augmenter
from mnistcnn.training.data_adapters import Data, DataSource, Pair, no_batches_message

TargetFn = Callable[[tf.Tensor], tf.Tensor]

# Short enough for a progress bar that moves and for Ctrl-C, long enough to cost nothing.
_TARGET_SECONDS_PER_CALL = 0.25


def epoch_order(count: int, draw: Sequence[int], epoch: int | tf.Tensor) -> tf.Tensor:
    """Return ``int32 (count,)``: an order of the images, drawn from the seed and the epoch.

    Keras' own shuffle depends on what the process drew before; this one repeats, and an
    epoch can be begun without the ones before it.
    """
    first, second = (tf.constant(word, tf.int64) for word in draw)
    return tf.random.experimental.stateless_shuffle(
        tf.range(count), seed=tf.stack([first, second + tf.cast(epoch, tf.int64)])
    )


class EpochIterator:
    """A way through images that lie in memory, many batches to a call."""

    def __init__(
        self,
        visit: Any,
        data: Pair,
        batch_size: int,
        augment: Augmenter | None = None,
        teach: TargetFn | None = None,
    ) -> None:
        with tf.device("CPU:0"):
            self._images, self._labels = map(tf.constant, data)
        self.count = len(data[0])
        self.steps = math.ceil(self.count / batch_size)
        self._length = 1
        self._order = tf.range(self.count)
        self.begun = 0

        self._visit = visit
        self._augment = augment
        self._teach = teach
        self._batch_size = batch_size
        self._graph: Any = None

    def __call__(self, first: int, last: int) -> int:
        """Visit the batches from `first` up to `last`, and return where that ended."""
        if self._graph is None:
            self._graph = self._trace()
        # The place in the epoch, and how many steps the run had before it.
        place = tf.constant([first, last]), tf.constant(self.begun, tf.int64)
        self._graph(self._images, self._labels, self._order, *place)
        return last

    def _trace(self) -> Any:
        """Make the graph, at the first call and once: TensorFlow warns of retracing.

        The images are handed in at each call: a graph that held them would keep them in
        memory until Python next looks for cycles.
        """
        size, visit, augment, teach = self._batch_size, self._visit, self._augment, self._teach

        @tf.function
        def visit_batches(
            images: tf.Tensor,
            labels: tf.Tensor,
            order: tf.Tensor,
            span: tf.Tensor,
            begun: tf.Tensor,
        ) -> None:
            for number in tf.range(span[0], span[1]):
                chosen = order[number * size : (number + 1) * size]
                x = tf.gather(images, chosen)
                if augment is not None:
                    x = augment(x, begun + tf.cast(number, tf.int64))
                y = tf.gather(labels, chosen)
                if teach is None:
                    visit(x, y)
                else:
                    visit(x, y, teach(x))

        return visit_batches.get_concrete_function(
            self._images,
            self._labels,
            self._order,
            tf.TensorSpec((2,), tf.int32),
            tf.TensorSpec((), tf.int64),
        )

    def begin(self, epoch: int, draw: Sequence[int], first: int = 0) -> None:
        """Begin an epoch, in its order, at the batch `first`."""
        del first  # each call says where it is
        self._order = epoch_order(self.count, draw, epoch)
        self.begun = epoch * self.steps

    def begin_in_order(self, epoch: int) -> None:
        """Begin a pass in the order in which the images lie."""

    def end(self) -> None:
        """Hear that the pass is over."""

    def calls(
        self,
        *,
        first: int = 0,
        every: int | None = None,
        one_by_one: bool = False,
        agree: Callable[[int], int] = int,
    ) -> Iterator[tuple[int, int]]:
        """Divide the pass from step `first` on into calls, as long as fit into the time for one.

        A call also ends where the run has made another `every` steps, and where others who
        make the same one `agree` to end it.
        """
        while first < self.steps:
            last = min(first + (1 if one_by_one else self._length), self.steps)
            if every is not None:
                last = min(last, first + every - (self.begun + first) % every)
            last = agree(last)
            started = time.perf_counter()
            yield first, last
            seconds = max(time.perf_counter() - started, 1e-9)
            # Growing by steps, since the first calls are slower than the rest.
            fitting = int(_TARGET_SECONDS_PER_CALL / seconds * (last - first))
            self._length = max(1, min(fitting, 8 * self._length))
            first = last


_UNKNOWN_LENGTH = sys.maxsize


def make_iterator(
    visit: Any,
    data: Data,
    batch_size: int,
    augment: Augmenter | None = None,
    teach: TargetFn | None = None,
) -> EpochIterator:
    """Return a way through images, wherever they are."""
    if isinstance(data, DataSource):
        return DatasetEpochIterator(visit, data, augment, teach)
    return EpochIterator(visit, data, batch_size, augment, teach)


class DatasetEpochIterator(EpochIterator):
    """A way through the batches of a dataset, many to a call."""

    def __init__(
        self,
        visit: Any,
        source: DataSource,
        augment: Augmenter | None = None,
        teach: TargetFn | None = None,
    ) -> None:
        self._source = source
        self.steps = _UNKNOWN_LENGTH if source.steps is None else source.steps
        self.begun = 0
        self._length = 1
        self._visit, self._augment, self._teach = visit, augment, teach
        self._graph: Any = None
        self._iterator: Any = None
        self._done = 0
        self._earlier = source.passes

    def __call__(self, first: int, last: int) -> int:
        """Visit the batches from `first` up to `last` or their end, and return where that was."""
        if self._graph is None:
            self._graph = self._trace()
        place = tf.constant([first, last]), tf.constant(self.begun, tf.int64)
        self._done = int(self._graph(self._iterator, *place))
        if self._done < last:
            self.steps = self._done
            if not self._done:
                raise ValueError(no_batches_message(self._source))
        return self._done

    def _trace(self) -> Any:
        visit, augment, teach = self._visit, self._augment, self._teach

        @tf.function
        def visit_batches(iterator: Any, span: tf.Tensor, begun: tf.Tensor) -> tf.Tensor:
            done = span[0]
            for number in tf.range(span[0], span[1]):
                given = iterator.get_next_as_optional()
                if not given.has_value():
                    break
                x, y = given.get_value()
                if augment is not None:
                    x = augment(x, begun + tf.cast(number, tf.int64))
                if teach is None:
                    visit(x, y)
                else:
                    visit(x, y, teach(x))
                done = number + 1
            return done

        return visit_batches.get_concrete_function(
            self._iterator, tf.TensorSpec((2,), tf.int32), tf.TensorSpec((), tf.int64)
        )

    def begin(self, epoch: int, draw: Sequence[int], first: int = 0) -> None:
        """Begin an epoch at the batch `first`; the dataset has an order of its own."""
        del draw
        if self._source.steps is None:
            self.begun += self._done
            self.steps = _UNKNOWN_LENGTH
        else:
            self.begun = epoch * self.steps
        self._done = first
        self._source.advance(self._earlier + epoch)
        self._source.begin()
        self._iterator = iter(self._source.batches(first))

    def begin_in_order(self, epoch: int) -> None:
        """Begin anew."""
        self.begin(epoch, ())

    def end(self) -> None:
        """End the pass, also before its end."""
        if self._done == self._source.steps:
            self._iterator.get_next_as_optional()  # it says so if it holds more than it told
        self._iterator = None
        self._source.end()
