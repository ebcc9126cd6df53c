"""The compiled loop under `train`: many steps to a call, Keras' callbacks around them.

Keras' ``fit`` comes back to Python for every batch. Here the images lie in memory as one
tensor, a call into the graph runs as many steps as fit in a quarter of a second, and only a
callback that listens to batches makes it one step a call. What a step computes is the
business of `_steps`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from mnistcnn._backend import keras, tf
from mnistcnn._types import Float32Array

Pair = tuple[Float32Array, Float32Array]

# Short enough for a progress bar that moves and for Ctrl-C, long enough to cost nothing.
_SECONDS_A_CALL = 0.25
_VALIDATION_BATCH_SIZE = 250
_TRAIN_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
_TEST_HOOKS = ("on_test_batch_begin", "on_test_batch_end")


class Step(Protocol):
    """What one batch does to a network, and the running figures of a pass."""

    def reset(self) -> None:
        """Begin the running figures anew."""

    def train(self, x: tf.Tensor, y: tf.Tensor) -> None:
        """Take one step and count the batch, inside a graph."""

    def test(self, x: tf.Tensor, y: tf.Tensor) -> None:
        """Count one batch, inside a graph."""

    def figures(self) -> dict[str, float]:
        """Return the running figures by their names."""


def run(
    model: keras.Model,
    step: Step,
    training: Pair,
    validation: Pair | None,
    *,
    epochs: int,
    batch_size: int,
    seed: int | None,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int | str,
) -> keras.callbacks.History:
    """Train as ``fit`` does, in the same order of hooks, and return the history."""
    count = len(training[0])
    steps = math.ceil(count / batch_size)
    listeners = keras.callbacks.CallbackList(
        list(callbacks),
        add_history=True,
        add_progbar=verbose != 0,
        model=model,
        verbose=1 if verbose == "auto" else verbose,
        epochs=epochs,
        steps=steps,
    )
    train = _Pass(step.train, training, batch_size)
    test = None if validation is None else _Pass(step.test, validation, _VALIDATION_BATCH_SIZE)
    one_by_one = any(_listens(callback, _TRAIN_HOOKS) for callback in callbacks)
    test_one_by_one = any(_listens(callback, _TEST_HOOKS) for callback in callbacks)
    draw = np.random.SeedSequence(seed).generate_state(2).tolist()

    model.stop_training = False
    listeners.on_train_begin()
    logs: dict[str, float] = {}
    # Keras' BackupAndRestore says in this attribute where it goes on.
    for epoch in range(getattr(model, "_initial_epoch", None) or 0, epochs):
        listeners.on_epoch_begin(epoch)
        step.reset()
        order = epoch_order(count, draw, epoch)
        for first, last in train.calls(order, one_by_one=one_by_one):
            listeners.on_train_batch_begin(first)
            train(first, last)
            logs = step.figures()
            listeners.on_train_batch_end(last - 1, logs)
            if model.stop_training:
                break
        logs = step.figures()
        if test is not None:
            logs |= _validate(step, test, listeners, one_by_one=test_one_by_one)
        listeners.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    model.optimizer.finalize_variable_values(model.trainable_weights)
    listeners.on_train_end(logs)
    return model.history


def epoch_order(count: int, draw: Sequence[int], epoch: int) -> tf.Tensor:
    """Return ``int32 (count,)``: an order of the images, drawn from the seed and the epoch.

    Keras' own shuffle depends on what the process drew before; this one repeats, and an
    epoch can be begun without the ones before it.
    """
    seed = tf.constant([draw[0], draw[1] + epoch], tf.int64)
    return tf.random.experimental.stateless_shuffle(tf.range(count), seed=seed)


class _Pass:
    """A way through images that lie in memory, many batches to a call."""

    def __init__(self, visit: Any, data: Pair, batch_size: int) -> None:
        with tf.device("CPU:0"):
            self._images, self._labels = map(tf.constant, data)
        self.count = len(data[0])
        self.steps = math.ceil(self.count / batch_size)
        self._length = 1
        self._order = tf.range(self.count)

        # The images are handed in at each call: a graph that held them would keep them in
        # memory until Python next looks for cycles.
        @tf.function
        def visit_batches(
            images: tf.Tensor,
            labels: tf.Tensor,
            order: tf.Tensor,
            first: tf.Tensor,
            last: tf.Tensor,
        ) -> None:
            for number in tf.range(first, last):
                chosen = order[number * batch_size : (number + 1) * batch_size]
                visit(tf.gather(images, chosen), tf.gather(labels, chosen))

        number = tf.TensorSpec((), tf.int32)
        # Traced here and once: a program that trains many networks does nothing that
        # TensorFlow should warn of.
        self._visit_batches = visit_batches.get_concrete_function(
            self._images, self._labels, self._order, number, number
        )

    def __call__(self, first: int, last: int) -> None:
        """Visit the batches from `first` up to `last`."""
        self._visit_batches(
            self._images, self._labels, self._order, tf.constant(first), tf.constant(last)
        )

    def calls(
        self, order: tf.Tensor | None = None, *, one_by_one: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Divide the pass into calls, as long as fit into the time for one."""
        if order is not None:
            self._order = order
        first = 0
        while first < self.steps:
            last = min(first + (1 if one_by_one else self._length), self.steps)
            started = time.perf_counter()
            yield first, last
            seconds = max(time.perf_counter() - started, 1e-9)
            # Growing by steps, since the first calls are slower than the rest.
            fitting = int(_SECONDS_A_CALL / seconds * (last - first))
            self._length = max(1, min(fitting, 8 * self._length))
            first = last


def _validate(
    step: Step, test: _Pass, listeners: keras.callbacks.CallbackList, *, one_by_one: bool
) -> dict[str, float]:
    step.reset()
    listeners.on_test_begin()
    logs: dict[str, float] = {}
    for first, last in test.calls(one_by_one=one_by_one):
        listeners.on_test_batch_begin(first)
        test(first, last)
        logs = step.figures()
        listeners.on_test_batch_end(last - 1, logs)
    listeners.on_test_end(logs)
    return {f"val_{name}": figure for name, figure in logs.items()}


def _listens(callback: keras.callbacks.Callback, hooks: Sequence[str]) -> bool:
    """Tell whether a callback has a hook of its own among `hooks`."""
    if getattr(callback, "save_freq", None) == "epoch":
        return False  # Keras' checkpoints have the hooks and use them only when told to
    return any(
        name in vars(callback)
        or getattr(type(callback), name) is not getattr(keras.callbacks.Callback, name)
        for name in hooks
    )
