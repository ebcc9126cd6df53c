"""Knowledge distillation: training teachers and computing soft targets from their logits.

Soft targets hold more than labels do: which other digits an image resembles, and how legible
a distorted image still is (Hinton, Vinyals and Dean, "Distilling the knowledge in a neural
network", 2015). The teachers see the same distorted images as the student (Beyer et al.,
"Knowledge distillation: a good teacher is patient and consistent", 2022). The logits of
several teachers are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np

from mnistcnn.backend import tf
from mnistcnn.models.cnn import build_teacher
from mnistcnn.recipes import Recipe
from mnistcnn.training.checkpoint.file_format import TEACHER_STAGE
from mnistcnn.training.checkpoint.manager import CheckpointManager
from mnistcnn.training.data_adapters import Data, DataAdapter
from mnistcnn.training.distribute.context import DistributionContext
from mnistcnn.training.epoch_iterator import TargetFn
from mnistcnn.training.train_step import TrainStep, pooled_relu
from mnistcnn.training.trainer import Trainer
from mnistcnn.types import NUM_CLASSES

_POOLED_LAYERS = (1, 3)  # convolutions followed by a pooling layer


def train_teachers(
    recipe: Recipe,
    training: Data,
    *,
    num_classes: int = NUM_CLASSES,
    seed: int | None,
    verbose: Literal["auto", 0, 1, 2],
    checkpoint: CheckpointManager | None,
    context: DistributionContext,
) -> TargetFn:
    """Train the teachers of a recipe that has any; return the function for the soft targets."""
    teachers = [
        train_teacher(
            recipe,
            index,
            training,
            num_classes=num_classes,
            seed=seed,
            verbose=verbose,
            checkpoint=checkpoint,
            context=context,
        )
        for index in range(recipe.num_teachers)
    ]
    return partial(soft_targets, teachers=teachers, temperature=recipe.distillation_temperature)


def train_teacher(
    recipe: Recipe,
    index: int,
    training: Data,
    *,
    num_classes: int = NUM_CLASSES,
    seed: int | None,
    verbose: Literal["auto", 0, 1, 2],
    checkpoint: CheckpointManager | None,
    context: DistributionContext,
) -> TeacherStep:
    """Train one teacher; each has its own initial weights, image order and augmentation."""
    teacher_recipe = recipe.teacher
    assert teacher_recipe is not None
    if seed is not None and index:
        seed = int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
    teacher = build_teacher(num_classes=num_classes, seed=seed)
    step = TeacherStep(teacher)
    state = None
    if checkpoint is not None:
        state = checkpoint.stage(f"{TEACHER_STAGE}{index}", weights_only=True)
        if state.finished and isinstance(training, DataAdapter):
            # The student's first epoch is the one that follows the teacher's last.
            training.skip_to_epoch(training.epochs_started + teacher_recipe.epochs)
    Trainer(
        teacher,
        teacher_recipe,
        seed=seed,
        verbose=verbose,
        title="Teacher, epoch"
        if recipe.num_teachers == 1
        else f"Teacher {index + 1} of {recipe.num_teachers}, epoch",
        step=step,
        checkpoint=state,
        context=context,
    ).fit(training)
    return step


def soft_targets(x: tf.Tensor, *, teachers: Sequence[TeacherStep], temperature: float) -> tf.Tensor:
    """Return ``float32 (n, k)``: softmax of the mean logits divided by `temperature`."""
    logits = tf.add_n([teacher.predict_logits(x) for teacher in teachers]) / len(teachers)
    return tf.nn.softmax(logits / temperature)


class TeacherStep(TrainStep):
    """A training step of a teacher network, which also predicts logits."""

    def predict_logits(self, x: tf.Tensor) -> tf.Tensor:
        """Return ``float32 (n, k)``: the logits, without dropout."""
        weights, size = self.weights(), tf.shape(x)[0]
        half = tf.maximum(size // 2, 1)
        # Two halves in parallel, as in training, neither of them empty.
        halves = x[:half], x[tf.minimum(half, size - 1) :]
        logits = [self.logits(weights, part, training=False) for part in halves]
        return tf.concat(logits, axis=0)[:size]

    def logits(
        self,
        weights: list[tf.Tensor],
        x: tf.Tensor,
        *,
        training: bool,
        mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Return ``float32 (n, k)``: the input of the softmax."""
        *convolutions, dense_kernel, dense_bias = weights
        kernels, biases = convolutions[::2], convolutions[1::2]
        for index, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
            x = tf.nn.conv2d(x, kernel, 1, "VALID")
            x = pooled_relu(x, bias) if index in _POOLED_LAYERS else tf.nn.relu(x + bias)
        x = tf.reshape(x, (-1, dense_kernel.shape[0]))
        x = self.dropout(x, training=training) if mask is None else x * mask
        return tf.matmul(x, dense_kernel) + dense_bias
