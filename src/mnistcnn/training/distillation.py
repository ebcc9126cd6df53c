"""Training the teachers that a recipe names, before the network that learns from them.

The larger networks that a recipe may train first, for the documented one to learn from.

Their answers say more than labels do: which other digit an image resembles, and how far a
distorted one can still be read (Hinton, Vinyals and Dean, "Distilling the knowledge in a
neural network", 2015). Each distorted image is shown to all, as Beyer and others found
best ("Knowledge distillation: a good teacher is patient and consistent", 2022).
Several teachers, of which each knows other things wrongly, are asked as one by the mean of
their logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np

from mnistcnn import recipes
from mnistcnn.backend import tf
from mnistcnn.models.cnn import build_teacher
from mnistcnn.training.checkpoint.file_format import TEACHER_STAGE
from mnistcnn.training.checkpoint.manager import CheckpointManager
from mnistcnn.training.data_adapters import Data, num_batches, skip_epochs
from mnistcnn.training.distribute.context import DistributionContext
from mnistcnn.training.epoch_iterator import TargetFn
from mnistcnn.training.loop import run_training
from mnistcnn.training.progress import progress_display
from mnistcnn.training.recipe_scope import recipe_scope, smooth_dataset_labels
from mnistcnn.training.train_step import TrainStep, pooled_relu

_POOLED_LAYERS = (1, 3)  # convolutions that a pooling layer follows


def train_teachers(
    plan: recipes.Recipe,
    training: Data,
    *,
    seed: int | None,
    verbose: Literal["auto", 0, 1, 2],
    checkpoint: CheckpointManager | None,
    context: DistributionContext,
) -> TargetFn:
    """Train the teachers on the same images, and return what gives their answers."""
    teachers = [
        _train_teacher(
            plan,
            number,
            training,
            seed=seed,
            verbose=verbose,
            checkpoint=checkpoint,
            context=context,
        )
        for number in range(plan.num_teachers)
    ]
    return partial(
        soft_targets, teachers=teachers, distillation_temperature=plan.distillation_temperature
    )


def _train_teacher(
    plan: recipes.Recipe,
    number: int,
    training: Data,
    *,
    seed: int | None,
    verbose: Literal["auto", 0, 1, 2],
    checkpoint: CheckpointManager | None,
    context: DistributionContext,
) -> TeacherStep:
    """Train one of the teachers; each has weights, order and distortions of its own."""
    own = plan.teacher
    assert own is not None
    drawn, title = seed, "Teacher, epoch"
    if seed is not None and number:
        drawn = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    if plan.num_teachers > 1:
        title = f"Teacher {number + 1} of {plan.num_teachers}, epoch"
    teacher = build_teacher(seed=drawn)
    step = TeacherStep(teacher)
    stage = (
        None
        if checkpoint is None
        else checkpoint.stage(f"{TEACHER_STAGE}{number}", weights_only=True)
    )
    if stage is not None and stage.finished:
        skip_epochs(training, own.epochs)
    steps = num_batches(training, own.batch_size)
    with (
        recipe_scope(teacher, own, steps=None if steps is None else own.epochs * steps),
        progress_display(verbose, epochs=own.epochs, title=title) as (of_keras, display),
    ):
        run_training(
            teacher,
            smooth_dataset_labels(training, own.label_smoothing),
            None,
            epochs=own.epochs,
            batch_size=own.batch_size,
            seed=drawn,
            callbacks=[],
            verbose=of_keras,
            augmentation=own.augmentation,
            step=step,
            shows=display,
            keep=stage,
            context=context,
        )
    return step


def soft_targets(
    x: tf.Tensor, *, teachers: Sequence[TeacherStep], distillation_temperature: float
) -> tf.Tensor:
    """Return ``float32 (n, 10)``: the probabilities by their mean logits over `distillation_temperature`."""
    logits = tf.add_n([teacher.answers(x) for teacher in teachers]) / len(teachers)
    return tf.nn.softmax(logits / distillation_temperature)


class TeacherStep(TrainStep):
    """A training step of a teacher, and what it answers."""

    def answers(self, x: tf.Tensor) -> tf.Tensor:
        """Return ``float32 (n, 10)``: its logits."""
        weights, size = self.weights(), tf.shape(x)[0]
        half = tf.maximum(size // 2, 1)
        # As in training: two halves side by side, and never one that is empty.
        parts = x[:half], x[tf.minimum(half, size - 1) :]
        logits = [self.logits(weights, part, training=False) for part in parts]
        return tf.concat(logits, axis=0)[:size]

    def logits(
        self,
        weights: list[tf.Tensor],
        x: tf.Tensor,
        *,
        training: bool,
        mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        *convolutions, kernel6, bias6 = weights
        kernels, biases = convolutions[::2], convolutions[1::2]
        for number, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
            x = tf.nn.conv2d(x, kernel, 1, "VALID")
            x = pooled_relu(x, bias) if number in _POOLED_LAYERS else tf.nn.relu(x + bias)
        x = tf.reshape(x, (-1, kernel6.shape[0]))
        x = self.dropout(x, training=training) if mask is None else x * mask
        return tf.matmul(x, kernel6) + bias6
