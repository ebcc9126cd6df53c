"""Training by Keras' own ``fit``, for models that no step of this package supports.

The batches have the same order and augmentation as in the compiled training loop.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mnistcnn.backend import keras, tf
from mnistcnn.training.augmentation import Augmenter
from mnistcnn.training.checkpoint.state import ResumableState
from mnistcnn.training.data_adapters import Arrays, Data, DataAdapter, smooth_labels
from mnistcnn.training.epoch_iterator import TargetFn, epoch_order
from mnistcnn.training.labels import labels_for
from mnistcnn.utils.compat import build_before_fit, set_initial_epoch

VALIDATION_BATCH_SIZE = 250

_Batch = tuple[tf.Tensor, ...]
_Transform = Callable[[_Batch, tf.Tensor], _Batch]


def fit(
    model: keras.Model,
    inputs: tf.data.Dataset,
    validation: Data | None,
    callbacks: Sequence[keras.callbacks.Callback],
    checkpoint: ResumableState,
    *,
    epochs: int,
    steps: int | None,
    verbose: int,
) -> keras.callbacks.History:
    """Train by ``model.fit``, saving a checkpoint after each epoch."""
    # Keras traces it once, with the optimizer and the trainable layers of an earlier training.
    model.train_function = None
    try:
        with warnings.catch_warnings(), build_before_fit(model, inputs):
            # With an unknown number of steps, Keras ends each epoch with this warning.
            warnings.filterwarnings("ignore", "Your input ran out of data", UserWarning)
            return model.fit(
                inputs,
                epochs=epochs,
                steps_per_epoch=steps,
                validation_data=_validation_inputs(model, validation),
                validation_batch_size=VALIDATION_BATCH_SIZE,
                callbacks=[*callbacks, _CheckpointCallback(checkpoint, epochs)],
                shuffle=False,  # the inputs are shuffled already
                verbose=verbose,
            )
    finally:
        model.train_function = None
        set_initial_epoch(model, None)


def _validation_inputs(model: keras.Model, validation: Data | None) -> Any:
    """Return validation data in the form that ``fit`` and the model take."""
    if isinstance(validation, DataAdapter):
        batches = validation.batches()
        return batches.map(lambda x, y, *weights: (x, labels_for(model, y), *weights))
    if validation is None:
        return None
    x, y, sample_weight = Arrays(*validation)
    weights = () if sample_weight is None else (sample_weight,)
    return x, labels_for(model, y), *weights


def fit_inputs(
    model: keras.Model,
    training: Data,
    validation: Data | None,
    *,
    batch_size: int,
    shuffle_seed: Sequence[int],
    augment: Augmenter | None,
    target_fn: TargetFn | None,
    label_smoothing: float,
    first_epoch: int,
) -> tuple[tf.data.Dataset, list[keras.callbacks.Callback]]:
    """Return the training batches for ``fit``, and the callbacks that they need."""
    first_step = tf.Variable(0, dtype=tf.int64, trainable=False)
    callbacks: list[keras.callbacks.Callback] = []
    if isinstance(training, DataAdapter) or isinstance(validation, DataAdapter):
        callbacks = [DatasetEpochCallback(training, validation, first_step)]
    transform = _make_transform(model, augment, target_fn)
    if isinstance(training, DataAdapter):
        inputs = _dataset_inputs(
            training,
            transform,
            label_smoothing=label_smoothing,
            first_epoch=first_epoch,
            first_step=first_step,
        )
        return inputs, callbacks
    arrays = Arrays(*training)
    if label_smoothing:
        arrays = arrays._replace(y=smooth_labels(arrays.y, label_smoothing))
    inputs = array_inputs(
        arrays,
        transform,
        batch_size=batch_size,
        shuffle_seed=shuffle_seed,
        first_epoch=first_epoch,
    )
    return inputs, callbacks


def array_inputs(
    data: Arrays,
    transform: _Transform,
    *,
    batch_size: int,
    shuffle_seed: Sequence[int],
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Return an infinite dataset of batches, in the order of each epoch."""
    count = len(data.x)
    batch_size = min(batch_size, count)  # a larger one may overflow in TensorFlow
    with tf.device("CPU:0"):
        tensors = [tf.constant(array) for array in data if array is not None]

    def epoch_indices(epoch: tf.Tensor) -> tf.data.Dataset:
        order = epoch_order(count, shuffle_seed, epoch)
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    def load_batch(step: tf.Tensor, indices: tf.Tensor) -> _Batch:
        return transform(tuple(tf.gather(tensor, indices) for tensor in tensors), step)

    epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
    steps = epochs.flat_map(epoch_indices).enumerate(first_epoch * math.ceil(count / batch_size))
    return steps.map(load_batch).prefetch(tf.data.AUTOTUNE)


def _dataset_inputs(
    data: DataAdapter,
    transform: _Transform,
    *,
    label_smoothing: float,
    first_epoch: int,
    first_step: tf.Variable,
) -> tf.data.Dataset:
    """Return batches with augmentation and targets that depend on the step of the run.

    With a known number of batches, all epochs are one infinite dataset, so that each epoch
    begins here and not in Keras. Otherwise it is one epoch, whose steps follow `first_step`.
    """
    batches = data.batches(label_smoothing=label_smoothing)
    if data.num_batches is None:
        return batches.enumerate().map(lambda step, batch: transform(batch, first_step + step))
    data.skip_to_epoch(data.epochs_started + first_epoch)
    num_batches = data.num_batches
    epochs = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max)
    options = tf.data.Options()
    # Prefetching across epochs would read a batch before the dataset's hooks are called.
    options.experimental_optimization.inject_prefetch = False
    return epochs.flat_map(
        lambda epoch: batches.enumerate().map(
            lambda step, batch: transform(batch, epoch * num_batches + step)
        )
    ).with_options(options)


def _make_transform(
    model: keras.Model, augment: Augmenter | None, target_fn: TargetFn | None
) -> _Transform:
    def transform(batch: _Batch, step: tf.Tensor) -> _Batch:
        x, y, *weights = batch
        if augment is not None:
            x = augment(x, step)
        targets = y if target_fn is None else target_fn(x)
        return x, labels_for(model, targets), *weights

    return transform


class _CheckpointCallback(keras.callbacks.Callback):
    """Restores a checkpoint when training begins and saves it after each epoch."""

    def __init__(self, checkpoint: ResumableState, epochs: int) -> None:
        super().__init__()
        self._checkpoint = checkpoint
        self._epoch = epochs if checkpoint.stop_training else checkpoint.start.epoch

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        del logs
        self._checkpoint.restore()
        if self._epoch:
            set_initial_epoch(self.model, self._epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch + 1
        self._checkpoint.on_epoch_end(epoch, logs or {})

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._checkpoint.on_train_end(self._epoch, logs or self._checkpoint.start.logs)


class DatasetEpochCallback(keras.callbacks.Callback):
    """Calls the datasets' epoch hooks during ``fit``, and counts the steps of the run."""

    def __init__(self, training: Data, validation: Data | None, first_step: tf.Variable) -> None:
        super().__init__()
        self._training = training if isinstance(training, DataAdapter) else None
        self._validation = validation if isinstance(validation, DataAdapter) else None
        self._first_step, self._steps = first_step, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Begin an epoch of the training data."""
        del epoch, logs
        self._first_step.assign(self._steps)
        if self._training is not None:
            self._training.on_epoch_begin()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Count the step."""
        del batch, logs
        self._steps += 1

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """End the epoch of the training data, and begin that of the validation data."""
        del logs
        self._end_training_epoch()
        if self._validation is not None:
            self._validation.on_epoch_begin()

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """End the epoch of the validation data."""
        del logs
        if self._validation is not None:
            self._validation.on_epoch_end()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """End the epoch of the training data, if validation has not ended it."""
        del epoch, logs
        self._end_training_epoch()

    def _end_training_epoch(self) -> None:
        if self._training is None:
            return
        self._training.on_epoch_end()
        if not self._steps:
            raise self._training.no_batches_error()
