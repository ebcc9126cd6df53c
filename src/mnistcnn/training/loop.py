"""The loop under `train`: batches in an order that repeats, Keras' callbacks around them.

Keras' ``fit`` comes back to Python for every batch. Here that happens for every call into
the graph, and only a callback that listens to batches makes it one step a call. What a call
goes through is the business of `_passes`, what a step computes that of `_step`. A model other
than the documented one is handed to Keras, by `_fit`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.recipes import Augmentation
from mnistcnn.training.augmentation import Augmenter
from mnistcnn.training.checkpoint.state import NullState
from mnistcnn.training.data_adapters import Data, num_batches
from mnistcnn.training.distribute.context import DistributionContext, SingleProcess
from mnistcnn.training.epoch_iterator import EpochIterator, TargetFn, make_iterator
from mnistcnn.training.keras_fit import VALIDATION_BATCH_SIZE, fit, fit_inputs
from mnistcnn.training.train_step import TrainStep, supports_fast_step

_TRAIN_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
_TEST_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
# Keras' own checkpoints have these hooks and use them only when told to save by batches.
_KERAS_CALLBACKS = (
    keras.callbacks.ModelCheckpoint.on_train_batch_end,
    keras.callbacks.BackupAndRestore.on_train_batch_end,
)


def run_training(
    model: keras.Model,
    training: Data,
    validation: Data | None,
    *,
    epochs: int,
    batch_size: int,
    seed: int | None,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: int,
    augmentation: Augmentation | None = None,
    step: TrainStep | None = None,
    teach: TargetFn | None = None,
    shows: Sequence[keras.callbacks.Callback] = (),
    keep: NullState | None = None,
    context: DistributionContext | None = None,
) -> keras.callbacks.History:
    """Train as ``fit`` does, in the same order of hooks, and return the history.

    `step` is that of a network which is known to have one, `teach` what gives the targets
    of distorted images in place of their labels. `shows` are callbacks, too, which `keep`
    need not know of. That one hears of each moment at which there is something whole to
    keep, and says where to begin. `context` are those who train together.
    """
    draw, distortions = np.random.SeedSequence(seed).generate_state(4).reshape(2, 2).tolist()
    augment = None if augmentation is None else Augmenter(augmentation, distortions)
    kept = NullState() if keep is None else keep
    context = SingleProcess() if context is None else context
    if step is None and supports_fast_step(model):
        step = TrainStep(model)
    if step is not None:
        step, teach = context.wrap_step(step, teach)
    steps = num_batches(training, batch_size)
    listening = [*callbacks, *shows, *kept.attach(model, callbacks, step)]
    if step is None and not kept.finished:
        batches, hears = fit_inputs(
            training,
            validation,
            batch_size=batch_size,
            draw=draw,
            augment=augment,
            teach=teach,
            first_epoch=kept.start.epoch,
        )
        listening += hears
        return fit(
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
    train = make_iterator(step.train, training, batch_size, augment, teach)
    test = (
        None if validation is None else make_iterator(step.test, validation, VALIDATION_BATCH_SIZE)
    )
    one_by_one = any(_overrides_batch_hooks(callback, _TRAIN_HOOKS) for callback in listening)
    test_one_by_one = any(_overrides_batch_hooks(callback, _TEST_HOOKS) for callback in listening)

    model.stop_training = False
    with kept.defer_interrupt():
        listeners.on_train_begin()
        kept.restore()
        epoch, begun, logs = kept.start
        # Keras' BackupAndRestore says in this attribute where it goes on.
        epoch = getattr(model, "_initial_epoch", None) or epoch
        while epoch < epochs and not kept.stop_training:
            listeners.on_epoch_begin(epoch)
            step.reset()
            if begun:  # the hook was at work in this epoch before
                kept.restore()
            train.begin(epoch, draw, begun)
            _train_epoch(
                model,
                step,
                train,
                listeners,
                kept,
                context=context,
                epoch=epoch,
                first=begun,
                one_by_one=one_by_one,
            )
            train.end()
            logs = step.figures()
            if test is not None:
                test.begin_in_order(epoch)
                logs |= _validate(
                    model, step, test, listeners, context=context, one_by_one=test_one_by_one
                )
            listeners.on_epoch_end(epoch, logs)
            context.check_in_sync(model, epoch)
            model.stop_training = context.all_reduce_any(model.stop_training)
            kept.on_epoch_end(epoch, logs)
            epoch, begun = epoch + 1, 0
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_weights)
        listeners.on_train_end(logs)
        kept.on_train_end(epoch, logs)
    model._initial_epoch = None  # noqa: SLF001  # a later run begins at its beginning
    return model.history


def _train_epoch(
    model: keras.Model,
    step: TrainStep,
    train: EpochIterator,
    listeners: keras.callbacks.CallbackList,
    kept: NullState,
    *,
    context: DistributionContext,
    epoch: int,
    first: int,
    one_by_one: bool,
) -> None:
    """Go through the epoch from step `first` on."""
    calls = train.calls(
        first=first, every=kept.every, one_by_one=one_by_one, agree=context.all_reduce_min
    )
    for begin, end in calls:
        listeners.on_train_batch_begin(begin)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        done = train(begin, end)
        if done == begin:  # the dataset had ended
            break
        listeners.on_train_batch_end(done - 1, step.figures())
        model.stop_training = context.all_reduce_any(model.stop_training)
        if model.stop_training:
            break
        kept.on_execution_end(epoch, done, train.begun + done)


def _validate(
    model: keras.Model,
    step: TrainStep,
    test: EpochIterator,
    listeners: keras.callbacks.CallbackList,
    *,
    context: DistributionContext,
    one_by_one: bool,
) -> dict[str, float]:
    step.reset()
    model.stop_evaluating = False
    listeners.on_test_begin()
    logs: dict[str, float] = {}
    for first, last in test.calls(one_by_one=one_by_one, agree=context.all_reduce_min):
        listeners.on_test_batch_begin(first)
        done = test(first, last)
        if done == first:  # the dataset had ended
            break
        logs = step.figures()
        listeners.on_test_batch_end(done - 1, logs)
        if context.all_reduce_any(model.stop_evaluating):
            break
    test.end()
    listeners.on_test_end(logs)
    return {f"val_{name}": figure for name, figure in logs.items()}


def _overrides_batch_hooks(callback: keras.callbacks.Callback, hooks: Sequence[str]) -> bool:
    """Tell whether a callback has a hook of its own among `hooks`, and wants each batch."""
    if getattr(callback, "by_call", False):
        return False
    deaf = _KERAS_CALLBACKS if getattr(callback, "save_freq", None) == "epoch" else ()
    for name in hooks:
        hook = getattr(type(callback), name)
        inherited = hook is getattr(keras.callbacks.Callback, name) or hook in deaf
        if name in vars(callback) or not inherited:
            return True
    return False
