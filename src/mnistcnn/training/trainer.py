"""The training loop: batches in a reproducible order, with Keras' callbacks around them.

Keras' ``fit`` returns to Python after each step. This loop returns after each execution of a
compiled graph, which runs many steps, unless a callback overrides a batch hook. The baseline
network has a step of its own, most other models use `KerasStep`, and the rest is trained by
``fit``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.recipes import Recipe
from mnistcnn.training.augmentation import Augmenter
from mnistcnn.training.checkpoint.state import Position, ResumableState
from mnistcnn.training.data_adapters import Data
from mnistcnn.training.distribute.context import DistributionContext, SingleProcess
from mnistcnn.training.epoch_iterator import EpochIterator, TargetFn, make_iterator
from mnistcnn.training.inputs import num_batches
from mnistcnn.training.keras_fit import VALIDATION_BATCH_SIZE, fit, fit_inputs
from mnistcnn.training.keras_step import KerasStep, supports_keras_step
from mnistcnn.training.optimizers import make_optimizer
from mnistcnn.training.progress import progress_display
from mnistcnn.training.step import Step
from mnistcnn.training.train_step import TrainStep, supports_fast_step
from mnistcnn.utils.compat import flatten_layers, get_initial_epoch, set_initial_epoch

_TRAIN_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
_TEST_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
# Keras' own checkpoints override these hooks, but use them only with an integer `save_freq`.
_EPOCH_CHECKPOINT_HOOKS = (
    keras.callbacks.ModelCheckpoint.on_train_batch_end,
    keras.callbacks.BackupAndRestore.on_train_batch_end,
)


class NullState:
    """A state that saves nothing, for training without a checkpoint."""

    finished = False
    stop_training = False
    every: int | None = None
    start = Position()

    def attach(
        self,
        model: keras.Model,
        callbacks: Sequence[keras.callbacks.Callback],
        step: Step | None = None,
    ) -> list[keras.callbacks.Callback]:
        """Return no callbacks."""
        del model, callbacks, step
        return []

    def restore(self) -> None:
        """Do nothing."""

    def on_execution_end(self, epoch: int, step: int, total_steps: int) -> None:
        """Do nothing."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Do nothing."""

    def on_train_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Do nothing."""

    @contextmanager
    def defer_interrupt(self) -> Iterator[None]:
        """Leave SIGINT as it is."""
        yield


class Trainer:
    """Trains a model by a recipe.

    Parameters
    ----------
    model : keras.Model
        A compiled network, trained in place.
    recipe : Recipe
        Epochs, batch size and all other settings.
    seed : int or None
        Seeds the order of the images and their augmentation; ``None`` draws a new one.
    callbacks : sequence of keras.callbacks.Callback
        The user's callbacks, whose state is saved in a checkpoint.
    verbose : {"auto", 0, 1, 2}
        As in `train`; only the chief of several machines displays progress.
    title : str, default "Epoch"
        What the progress display calls an epoch.
    step : TrainStep, optional
        The compiled step of the model. ``None``: `TrainStep` for the baseline network,
        `KerasStep` for another one that has such a step on one device, else Keras' ``fit``.
    target_fn : callable, optional
        Computes the training targets from the distorted images, in place of the labels.
    checkpoint : ResumableState, optional
        Where the state is saved and restored.
    context : DistributionContext, optional
        The devices or machines to train on.
    """

    def __init__(
        self,
        model: keras.Model,
        recipe: Recipe,
        *,
        seed: int | None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        verbose: Literal["auto", 0, 1, 2] = 0,
        title: str = "Epoch",
        step: TrainStep | None = None,
        target_fn: TargetFn | None = None,
        checkpoint: ResumableState | None = None,
        context: DistributionContext | None = None,
    ) -> None:
        self.model, self.recipe = model, recipe
        self.callbacks, self._title = callbacks, title
        self._step, self._target_fn = step, target_fn
        self._checkpoint = NullState() if checkpoint is None else checkpoint
        self._context = SingleProcess() if context is None else context
        self._verbose = verbose if self._context.is_chief else 0
        seeds = np.random.SeedSequence(seed).generate_state(4).reshape(2, 2).tolist()
        self._shuffle_seed, augmentation_seed = seeds
        self._augment = (
            None
            if recipe.augmentation is None
            else Augmenter(recipe.augmentation, augmentation_seed)
        )

    def fit(self, training: Data, validation: Data | None = None) -> keras.callbacks.History:
        """Train as Keras' ``fit`` does, with the same sequence of hooks."""
        model, recipe, checkpoint = self.model, self.recipe, self._checkpoint
        steps = num_batches(training, recipe.batch_size)
        with (
            ExitStack() as scope,
            recipe_scope(model, recipe, steps_per_epoch=steps),
            progress_display(self._verbose, title=self._title) as (
                verbose,
                display_callbacks,
            ),
        ):
            step, target_fn = self._resolve_step()
            scope.enter_context(frozen_convolutions(model, recipe))
            saved_callbacks = checkpoint.attach(model, self.callbacks, step)
            callbacks = [*self.callbacks, *display_callbacks, *saved_callbacks]
            if step is None and not checkpoint.finished:
                return self._fit_with_keras(training, validation, callbacks, steps, verbose)
            callback_list = keras.callbacks.CallbackList(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                model=model,
                verbose=verbose,
                epochs=recipe.epochs,
                steps=steps,
            )
            if step is None or checkpoint.finished:
                checkpoint.restore()
                return model.history
            _EpochLoop(
                model=model,
                step=step,
                train_iterator=make_iterator(
                    step.train,
                    training,
                    recipe.batch_size,
                    shuffle_seed=self._shuffle_seed,
                    augment=self._augment,
                    target_fn=target_fn,
                    label_smoothing=recipe.label_smoothing,
                ),
                test_iterator=None
                if validation is None
                else make_iterator(step.test, validation, VALIDATION_BATCH_SIZE),
                callbacks=callback_list,
                train_per_batch=any(_overrides(callback, _TRAIN_HOOKS) for callback in callbacks),
                test_per_batch=any(_overrides(callback, _TEST_HOOKS) for callback in callbacks),
                checkpoint=checkpoint,
                context=self._context,
            ).run(recipe.epochs)
        return model.history

    def _resolve_step(self) -> tuple[Step | None, TargetFn | None]:
        model, step = self.model, self._step
        if step is None and supports_fast_step(model):
            step = TrainStep(model)
        if step is not None:
            return self._context.wrap_step(step, self._target_fn)
        has_step = not self._context.is_distributed and supports_keras_step(model)
        return KerasStep(model) if has_step else None, self._target_fn

    def _fit_with_keras(
        self,
        training: Data,
        validation: Data | None,
        callbacks: Sequence[keras.callbacks.Callback],
        steps: int | None,
        verbose: int,
    ) -> keras.callbacks.History:
        inputs, dataset_callbacks = fit_inputs(
            self.model,
            training,
            validation,
            batch_size=self.recipe.batch_size,
            shuffle_seed=self._shuffle_seed,
            augment=self._augment,
            target_fn=self._target_fn,
            label_smoothing=self.recipe.label_smoothing,
            first_epoch=self._checkpoint.start.epoch,
        )
        return fit(
            self.model,
            inputs,
            validation,
            [*callbacks, *dataset_callbacks],
            self._checkpoint,
            epochs=self.recipe.epochs,
            steps=steps,
            verbose=verbose,
        )


@dataclass(kw_only=True)
class _EpochLoop:
    """Runs the epochs of one training with a compiled step."""

    model: keras.Model
    step: Step
    train_iterator: EpochIterator
    test_iterator: EpochIterator | None
    callbacks: keras.callbacks.CallbackList
    train_per_batch: bool
    test_per_batch: bool
    checkpoint: ResumableState
    context: DistributionContext

    def run(self, epochs: int) -> None:
        model, callbacks, checkpoint = self.model, self.callbacks, self.checkpoint
        model.stop_training = False
        with checkpoint.defer_interrupt():
            callbacks.on_train_begin()
            checkpoint.restore()
            epoch, first, logs = checkpoint.start
            epoch = get_initial_epoch(model) or epoch
            while epoch < epochs and not checkpoint.stop_training:
                logs = self._run_epoch(epoch, first)
                epoch, first = epoch + 1, 0
                if model.stop_training:
                    break
            model.optimizer.finalize_variable_values(model.trainable_weights)
            callbacks.on_train_end(logs)
            checkpoint.on_train_end(epoch, logs)
        set_initial_epoch(model, None)  # for the next run

    def _run_epoch(self, epoch: int, first: int) -> dict[str, float]:
        """Train and validate for one epoch, from the step `first` on."""
        self.callbacks.on_epoch_begin(epoch)
        self.step.reset()
        if first:  # undo what on_epoch_begin did again
            self.checkpoint.restore()
        self.train_iterator.begin_epoch(epoch, first)
        self._train(epoch, first)
        self.train_iterator.end_epoch()
        logs = self.step.metrics()
        if self.test_iterator is not None:
            logs |= self._validate(self.test_iterator, epoch)
        self.callbacks.on_epoch_end(epoch, logs)
        self.context.check_in_sync(self.model, epoch)
        self.model.stop_training = self.context.all_reduce_any(self.model.stop_training)
        self.checkpoint.on_epoch_end(epoch, logs)
        return logs

    def _train(self, epoch: int, first: int) -> None:
        model, iterator = self.model, self.train_iterator
        step_ranges = iterator.step_ranges(
            first=first,
            save_every=self.checkpoint.every,
            per_batch=self.train_per_batch,
            all_reduce_min=self.context.all_reduce_min,
        )
        for begin, end in step_ranges:
            self.callbacks.on_train_batch_begin(begin)
            if not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
            done = iterator.run(begin, end)
            if done == begin:  # a dataset of unknown length has ended
                break
            self.callbacks.on_train_batch_end(done - 1, self.step.metrics())
            model.stop_training = self.context.all_reduce_any(model.stop_training)
            if model.stop_training:
                break
            self.checkpoint.on_execution_end(epoch, done, iterator.first_step + done)

    def _validate(self, iterator: EpochIterator, epoch: int) -> dict[str, float]:
        iterator.begin_epoch(epoch)
        self.step.reset()
        self.model.stop_evaluating = False
        self.callbacks.on_test_begin()
        logs: dict[str, float] = {}
        step_ranges = iterator.step_ranges(
            per_batch=self.test_per_batch, all_reduce_min=self.context.all_reduce_min
        )
        for begin, end in step_ranges:
            self.callbacks.on_test_batch_begin(begin)
            done = iterator.run(begin, end)
            if done == begin:  # a dataset of unknown length has ended
                break
            logs = self.step.metrics()
            self.callbacks.on_test_batch_end(done - 1, logs)
            if self.context.all_reduce_any(self.model.stop_evaluating):
                break
        iterator.end_epoch()
        self.callbacks.on_test_end(logs)
        return {f"val_{name}": value for name, value in logs.items()}


@contextmanager
def recipe_scope(
    model: keras.Model, recipe: Recipe, *, steps_per_epoch: int | None
) -> Iterator[None]:
    """Give the model the recipe's optimizer and dropout rate within the block."""
    optimizer = model.optimizer
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    rates = [layer.rate for layer in dropouts]
    if recipe.learning_rate is not None:
        assert steps_per_epoch is not None
        with model.distribute_strategy.scope():  # the optimizer's variables belong there
            model.optimizer = make_optimizer(recipe, steps=recipe.epochs * steps_per_epoch)
    if recipe.dropout is not None:
        for layer in dropouts:
            layer.rate = recipe.dropout
    try:
        yield
    finally:
        model.optimizer = optimizer
        for layer, rate in zip(dropouts, rates, strict=True):
            layer.rate = rate


@contextmanager
def frozen_convolutions(model: keras.Model, recipe: Recipe) -> Iterator[None]:
    """Freeze the convolutions of a model within the block, if the recipe does."""
    layers = [
        layer
        for layer in flatten_layers(model)
        if recipe.freeze_convolutions and isinstance(layer, _CONVOLUTIONS) and layer.trainable
    ]
    for layer in layers:
        layer.trainable = False
    try:
        yield
    finally:
        for layer in layers:
            layer.trainable = True


def _overrides(callback: keras.callbacks.Callback, hooks: Sequence[str]) -> bool:
    """Return whether a callback overrides one of the batch hooks and needs every batch."""
    if getattr(callback, "per_execution", False):
        return False
    unused = _EPOCH_CHECKPOINT_HOOKS if getattr(callback, "save_freq", None) == "epoch" else ()
    for name in hooks:
        hook = getattr(type(callback), name)
        inherited = hook is getattr(keras.callbacks.Callback, name) or hook in unused
        if name in vars(callback) or not inherited:
            return True
    return False
