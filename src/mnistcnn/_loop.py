"""The loop under `train`: batches in an order that repeats, Keras' callbacks around them.

Keras' ``fit`` comes back to Python for every batch. For the documented network the images
lie in memory as one tensor, a call into the graph runs as many steps as fit in a quarter of
a second, and only a callback that listens to batches makes it one step a call. What a step
computes is the business of `_step`. Any other model is handed to ``fit``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mnistcnn._augmentation import Augmenter
from mnistcnn._backend import keras, tf
from mnistcnn._stage import Unkept
from mnistcnn._step import Step, is_documented
from mnistcnn._types import Float32Array
from mnistcnn.recipes import Augmentation

Pair = tuple[Float32Array, Float32Array]
Teach = Callable[[tf.Tensor], tf.Tensor]

# Short enough for a progress bar that moves and for Ctrl-C, long enough to cost nothing.
_SECONDS_A_CALL = 0.25
_VALIDATION_BATCH_SIZE = 250
_TRAIN_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
_TEST_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
# Keras' own checkpoints have these hooks and use them only when told to save by batches.
_OF_KERAS = (
    keras.callbacks.ModelCheckpoint.on_train_batch_end,
    keras.callbacks.BackupAndRestore.on_train_batch_end,
)


def run(
    model: keras.Model,
    training: Pair,
    validation: Pair | None,
    *,
    epochs: int,
    batch_size: int,
    seed: int | None,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int,
    augmentation: Augmentation | None = None,
    step: Step | None = None,
    teach: Teach | None = None,
    shows: Sequence[keras.callbacks.Callback] = (),
    keep: Unkept | None = None,
) -> keras.callbacks.History:
    """Train as ``fit`` does, in the same order of hooks, and return the history.

    `step` is that of a network which is known to have one, `teach` what gives the targets
    of distorted images in place of their labels. `shows` are callbacks, too, which `keep`
    need not know of. That one hears of each moment at which there is something whole to
    keep, and says where to begin.
    """
    draw, distortions = np.random.SeedSequence(seed).generate_state(4).reshape(2, 2).tolist()
    augment = None if augmentation is None else Augmenter(augmentation, distortions)
    kept = Unkept() if keep is None else keep
    if step is None and is_documented(model):
        step = Step(model)
    count = len(training[0])
    steps = math.ceil(count / batch_size)
    listening = [*callbacks, *shows, *kept.attach(model, callbacks, step)]
    if step is None and not kept.finished:
        batches = _batches(
            *training,
            batch_size=batch_size,
            draw=draw,
            augment=augment,
            teach=teach,
            first_epoch=kept.start.epoch,
        )
        return _fit(
            model, batches, validation, listening, kept, epochs=epochs, steps=steps, verbose=verbose
        )
    listeners = keras.callbacks.CallbackList(
        listening,
        add_history=True,
        add_progbar=verbose != 0,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=steps,
    )
    if step is None or kept.finished:
        kept.restore()
        return model.history
    train = _Pass(step.train, training, batch_size, augment, teach)
    test = None if validation is None else _Pass(step.test, validation, _VALIDATION_BATCH_SIZE)
    one_by_one = any(_listens(callback, _TRAIN_HOOKS) for callback in listening)
    test_one_by_one = any(_listens(callback, _TEST_HOOKS) for callback in listening)

    model.stop_training = False
    with kept.attentive():
        listeners.on_train_begin()
        kept.restore()
        epoch, begun, logs = kept.start
        # Keras' BackupAndRestore says in this attribute where it goes on.
        epoch = getattr(model, "_initial_epoch", None) or epoch
        while epoch < epochs and not kept.stopped:
            listeners.on_epoch_begin(epoch)
            step.reset()
            if begun:  # the hook was at work in this epoch before
                kept.restore()
            train.begin(epoch, epoch_order(count, draw, epoch))
            _train(
                model, step, train, listeners, kept, epoch=epoch, first=begun, one_by_one=one_by_one
            )
            logs = step.figures()
            if test is not None:
                logs |= _validate(model, step, test, listeners, one_by_one=test_one_by_one)
            listeners.on_epoch_end(epoch, logs)
            kept.after_epoch(epoch, logs)
            epoch, begun = epoch + 1, 0
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_weights)
        listeners.on_train_end(logs)
        kept.end(epoch, logs)
    model._initial_epoch = None  # noqa: SLF001  # a later run begins at its beginning
    return model.history


def epoch_order(count: int, draw: Sequence[int], epoch: int | tf.Tensor) -> tf.Tensor:
    """Return ``int32 (count,)``: an order of the images, drawn from the seed and the epoch.

    Keras' own shuffle depends on what the process drew before; this one repeats, and an
    epoch can be begun without the ones before it.
    """
    first, second = (tf.constant(word, tf.int64) for word in draw)
    return tf.random.experimental.stateless_shuffle(
        tf.range(count), seed=tf.stack([first, second + tf.cast(epoch, tf.int64)])
    )


def _batches(
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


def _fit(
    model: keras.Model,
    batches: tf.data.Dataset,
    validation: Pair | None,
    callbacks: list[keras.callbacks.Callback],
    kept: Unkept,
    *,
    epochs: int,
    steps: int,
    verbose: int,
) -> keras.callbacks.History:
    """Leave the training to Keras; it is kept at each epoch's end."""
    try:
        return model.fit(
            batches,
            epochs=epochs,
            steps_per_epoch=steps,
            validation_data=validation,
            validation_batch_size=_VALIDATION_BATCH_SIZE,
            callbacks=[*callbacks, _Epochs(kept, epochs)],
            shuffle=False,  # the batches come in an order of their own
            verbose=verbose,
        )
    finally:
        model._initial_epoch = None  # noqa: SLF001  # a later run begins at its beginning


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


class _Pass:
    """A way through images that lie in memory, many batches to a call."""

    def __init__(
        self,
        visit: Any,
        data: Pair,
        batch_size: int,
        augment: Augmenter | None = None,
        teach: Teach | None = None,
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

    def __call__(self, first: int, last: int) -> None:
        """Visit the batches from `first` up to `last`."""
        if self._graph is None:
            self._graph = self._trace()
        # The place in the epoch, and how many steps the run had before it.
        place = tf.constant([first, last]), tf.constant(self.begun, tf.int64)
        self._graph(self._images, self._labels, self._order, *place)

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

    def begin(self, epoch: int, order: tf.Tensor) -> None:
        """Begin an epoch, in its order."""
        self._order = order
        self.begun = epoch * self.steps

    def calls(
        self, *, first: int = 0, every: int | None = None, one_by_one: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Divide the pass from step `first` on into calls, as long as fit into the time for one.

        A call also ends where the run has made another `every` steps.
        """
        while first < self.steps:
            last = min(first + (1 if one_by_one else self._length), self.steps)
            if every is not None:
                last = min(last, first + every - (self.begun + first) % every)
            started = time.perf_counter()
            yield first, last
            seconds = max(time.perf_counter() - started, 1e-9)
            # Growing by steps, since the first calls are slower than the rest.
            fitting = int(_SECONDS_A_CALL / seconds * (last - first))
            self._length = max(1, min(fitting, 8 * self._length))
            first = last


def _train(
    model: keras.Model,
    step: Step,
    train: _Pass,
    listeners: keras.callbacks.CallbackList,
    kept: Unkept,
    *,
    epoch: int,
    first: int,
    one_by_one: bool,
) -> None:
    """Go through the epoch from step `first` on."""
    for begin, end in train.calls(first=first, every=kept.every, one_by_one=one_by_one):
        listeners.on_train_batch_begin(begin)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        train(begin, end)
        listeners.on_train_batch_end(end - 1, step.figures())
        if model.stop_training:
            break
        kept.after_call(epoch, end, train.begun + end)


def _validate(
    model: keras.Model,
    step: Step,
    test: _Pass,
    listeners: keras.callbacks.CallbackList,
    *,
    one_by_one: bool,
) -> dict[str, float]:
    step.reset()
    model.stop_evaluating = False
    listeners.on_test_begin()
    logs: dict[str, float] = {}
    for first, last in test.calls(one_by_one=one_by_one):
        listeners.on_test_batch_begin(first)
        test(first, last)
        logs = step.figures()
        listeners.on_test_batch_end(last - 1, logs)
        if model.stop_evaluating:
            break
    listeners.on_test_end(logs)
    return {f"val_{name}": figure for name, figure in logs.items()}


def _listens(callback: keras.callbacks.Callback, hooks: Sequence[str]) -> bool:
    """Tell whether a callback has a hook of its own among `hooks`, and wants each batch."""
    if getattr(callback, "by_call", False):
        return False
    deaf = _OF_KERAS if getattr(callback, "save_freq", None) == "epoch" else ()
    for name in hooks:
        hook = getattr(type(callback), name)
        inherited = hook is getattr(keras.callbacks.Callback, name) or hook in deaf
        if name in vars(callback) or not inherited:
            return True
    return False
