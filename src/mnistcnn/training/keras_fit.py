"""Training by Keras' own ``fit``, for what is not the documented network, in the same order."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from mnistcnn.backend import keras, tf
from mnistcnn.training.augmentation import Augmenter
from mnistcnn.training.checkpoint.state import NullState
from mnistcnn.training.data_adapters import Data, DataSource, no_batches_message
from mnistcnn.training.epoch_iterator import TargetFn, epoch_order
from mnistcnn.types import Float32Array

VALIDATION_BATCH_SIZE = 250


def fit_inputs(
    training: Data,
    validation: Data | None,
    *,
    batch_size: int,
    draw: Sequence[int],
    augment: Augmenter | None,
    teach: TargetFn | None,
    first_epoch: int,
) -> tuple[tf.data.Dataset, list[keras.callbacks.Callback]]:
    """Return what to train on, and who must hear of it."""
    begun = tf.Variable(0, dtype=tf.int64, trainable=False)
    streamed = isinstance(training, DataSource) or isinstance(validation, DataSource)
    hears = [DatasetEpochCallback(training, validation, begun)] if streamed else []
    if isinstance(training, DataSource):
        source = batches_for_fit(
            training, augment=augment, teach=teach, first_epoch=first_epoch, begun=begun
        )
        return source, hears
    in_memory = batches(
        *training,
        batch_size=batch_size,
        draw=draw,
        augment=augment,
        teach=teach,
        first_epoch=first_epoch,
    )
    return in_memory, hears


def batches(
    x: Float32Array,
    y: Float32Array,
    *,
    batch_size: int,
    draw: Sequence[int],
    augment: Augmenter | None = None,
    teach: TargetFn | None = None,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Give batches without end, each epoch in its order."""
    with tf.device("CPU:0"):
        images, labels = tf.constant(x), tf.constant(y)

    def of_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        order = epoch_order(len(x), draw, epoch)
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    def take(number: tf.Tensor, order: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        chosen = tf.gather(images, order)
        batch = chosen if augment is None else augment(chosen, number)
        return batch, tf.gather(labels, order) if teach is None else teach(batch)

    epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
    numbered = epochs.flat_map(of_epoch).enumerate(first_epoch * math.ceil(len(x) / batch_size))
    return numbered.map(take).prefetch(tf.data.AUTOTUNE)


def fit(
    model: keras.Model,
    batches: tf.data.Dataset,
    validation: Data | None,
    callbacks: list[keras.callbacks.Callback],
    kept: NullState,
    *,
    epochs: int,
    steps: int | None,
    verbose: int,
) -> keras.callbacks.History:
    """Leave the training to Keras; it is kept at each epoch's end."""
    held_out = validation.batches() if isinstance(validation, DataSource) else validation
    try:
        with warnings.catch_warnings(), _build(model, batches):
            # Keras warns of each end that it was not told of, though it ends an epoch by it.
            warnings.filterwarnings("ignore", "Your input ran out of data", UserWarning)
            return model.fit(
                batches,
                epochs=epochs,
                steps_per_epoch=steps,
                validation_data=held_out,
                validation_batch_size=VALIDATION_BATCH_SIZE,
                callbacks=[*callbacks, _CheckpointCallback(kept, epochs)],
                shuffle=False,  # the batches come in an order of their own
                verbose=verbose,
            )
    finally:
        model._initial_epoch = None  # noqa: SLF001  # a later run begins at its beginning


@contextmanager
def _build(model: keras.Model, batches: tf.data.Dataset) -> Iterator[None]:
    """Build what several devices share before Keras would.

    Keras 3.15 does it with the first batch of each pass, which is then missing from the pass, and
    fails where the devices' shares of it are not equally many.
    """
    name = "_maybe_symbolic_build"
    if getattr(model, "_distribute_strategy", None) is None or not hasattr(model, name):
        yield
        return
    with model.distribute_strategy.scope():
        model._symbolic_build(data_batch=next(iter(batches)))  # noqa: SLF001  # no other way
    vars(model)[name] = lambda **given: None  # noqa: ARG005  # Keras' signature
    try:
        yield
    finally:
        del vars(model)[name]


class _CheckpointCallback(keras.callbacks.Callback):
    """Tells what keeps a run of the ends of epochs."""

    def __init__(self, kept: NullState, epochs: int) -> None:
        super().__init__()
        self._kept = kept
        self._epoch = epochs if kept.stop_training else kept.start.epoch

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Go on where the run was."""
        del logs
        self._kept.restore()
        if self._epoch:
            # Where Keras looks for it once all callbacks have begun.
            self.model._initial_epoch = self._epoch  # noqa: SLF001  # where fit begins

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the epoch."""
        self._epoch = epoch + 1
        self._kept.on_epoch_end(epoch, logs or {})

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Keep the end."""
        self._kept.on_train_end(self._epoch, logs or self._kept.start.logs)


def batches_for_fit(
    source: DataSource,
    *,
    augment: Augmenter | None,
    teach: TargetFn | None,
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


class DatasetEpochCallback(keras.callbacks.Callback):
    """Tells datasets of the passes that Keras makes, and counts the steps before each."""

    def __init__(self, training: Data, validation: Data | None, begun: tf.Variable) -> None:
        super().__init__()
        self._training = training if isinstance(training, DataSource) else None
        self._validation = validation if isinstance(validation, DataSource) else None
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
            raise ValueError(no_batches_message(self._training))
