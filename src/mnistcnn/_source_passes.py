"""Ways through the batches of a dataset, for the compiled loop and for Keras' ``fit``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from mnistcnn._augmentation import Augmenter
from mnistcnn._backend import keras, tf
from mnistcnn._passes import Pass, Teach
from mnistcnn._sources import Data, Source

_NO_END_YET = sys.maxsize


def pass_over(
    visit: Any,
    data: Data,
    batch_size: int,
    augment: Augmenter | None = None,
    teach: Teach | None = None,
) -> Pass:
    """Return a way through images, wherever they are."""
    if isinstance(data, Source):
        return SourcePass(visit, data, augment, teach)
    return Pass(visit, data, batch_size, augment, teach)


class SourcePass(Pass):
    """A way through the batches of a dataset, many to a call."""

    def __init__(
        self,
        visit: Any,
        source: Source,
        augment: Augmenter | None = None,
        teach: Teach | None = None,
    ) -> None:
        self._source = source
        self.steps = _NO_END_YET if source.steps is None else source.steps
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
                raise ValueError(_none_in(self._source))
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
            self.steps = _NO_END_YET
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


def batches_for_fit(
    source: Source,
    *,
    augment: Augmenter | None,
    teach: Teach | None,
    first_epoch: int,
    begun: tf.Variable,
) -> tf.data.Dataset:
    """Give what Keras' ``fit`` trains on, numbered from the run's first step.

    Where the number of batches is known, epoch after epoch without end: then it is here, and
    not in Keras, that a pass begins. Where it isn't, one pass, numbered from `begun` on.
    """
    one = source.batches()

    def take(number: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        x, y = batch
        if augment is not None:
            x = augment(x, number)
        return x, y if teach is None else teach(x)

    if source.steps is None:
        return one.enumerate().map(lambda number, batch: take(begun + number, batch))
    source.advance(source.passes + first_epoch)
    steps, epochs = source.steps, tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
    options = tf.data.Options()
    # What is made ahead is of the same epoch, so that the dataset hears of its end in time.
    options.experimental_optimization.inject_prefetch = False
    return epochs.flat_map(
        lambda epoch: one.enumerate().map(lambda number, batch: take(epoch * steps + number, batch))
    ).with_options(options)


class TellSources(keras.callbacks.Callback):
    """Tells datasets of the passes that Keras makes, and counts the steps before each."""

    def __init__(self, training: Data, validation: Data | None, begun: tf.Variable) -> None:
        super().__init__()
        self._training = training if isinstance(training, Source) else None
        self._validation = validation if isinstance(validation, Source) else None
        self._begun, self._steps = begun, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Begin a pass."""
        del epoch, logs
        self._begun.assign(self._steps)
        if self._training is not None:
            self._training.begin()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Count the step."""
        del batch, logs
        self._steps += 1

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """End the pass, and begin that of the validation."""
        del logs
        self._end()
        if self._validation is not None:
            self._validation.begin()

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """End the pass of the validation."""
        del logs
        if self._validation is not None:
            self._validation.end()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """End the pass, where no validation has."""
        del epoch, logs
        self._end()

    def _end(self) -> None:
        if self._training is None:
            return
        self._training.end()
        if not self._steps:
            raise ValueError(_none_in(self._training))


def _none_in(source: Source) -> str:
    return f"{source.name} must hold at least one batch; received none"
