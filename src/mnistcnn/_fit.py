"""Training by Keras' own ``fit``, for what is not the documented network, in the same order."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from mnistcnn._augmentation import Augmenter
from mnistcnn._backend import keras, tf
from mnistcnn._passes import Teach, epoch_order
from mnistcnn._source_passes import TellSources, batches_for_fit
from mnistcnn._sources import Data, Source
from mnistcnn._stage import Unkept
from mnistcnn._types import Float32Array

VALIDATION_BATCH_SIZE = 250


def given(
    training: Data,
    validation: Data | None,
    *,
    batch_size: int,
    draw: Sequence[int],
    augment: Augmenter | None,
    teach: Teach | None,
    first_epoch: int,
) -> tuple[tf.data.Dataset, list[keras.callbacks.Callback]]:
    """Return what to train on, and who must hear of it."""
    begun = tf.Variable(0, dtype=tf.int64, trainable=False)
    streamed = isinstance(training, Source) or isinstance(validation, Source)
    hears = [TellSources(training, validation, begun)] if streamed else []
    if isinstance(training, Source):
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
    teach: Teach | None = None,
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
    kept: Unkept,
    *,
    epochs: int,
    steps: int | None,
    verbose: int,
) -> keras.callbacks.History:
    """Leave the training to Keras; it is kept at each epoch's end."""
    held_out = validation.batches() if isinstance(validation, Source) else validation
    try:
        with warnings.catch_warnings(), _built(model, batches):
            # Keras warns of each end that it was not told of, though it ends an epoch by it.
            warnings.filterwarnings("ignore", "Your input ran out of data", UserWarning)
            return model.fit(
                batches,
                epochs=epochs,
                steps_per_epoch=steps,
                validation_data=held_out,
                validation_batch_size=VALIDATION_BATCH_SIZE,
                callbacks=[*callbacks, _Epochs(kept, epochs)],
                shuffle=False,  # the batches come in an order of their own
                verbose=verbose,
            )
    finally:
        model._initial_epoch = None  # noqa: SLF001  # a later run begins at its beginning


@contextmanager
def _built(model: keras.Model, batches: tf.data.Dataset) -> Iterator[None]:
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


class _Epochs(keras.callbacks.Callback):
    """Tells what keeps a run of the ends of epochs."""

    def __init__(self, kept: Unkept, epochs: int) -> None:
        super().__init__()
        self._kept = kept
        self._epoch = epochs if kept.stopped else kept.start.epoch

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
        self._kept.after_epoch(epoch, logs or {})

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Keep the end."""
        self._kept.end(self._epoch, logs or self._kept.start.logs)
