"""The larger networks that a recipe may train first, for the documented one to learn from.

Their answers say more than labels do: which other digit an image resembles, and how far a
distorted one can still be read (Hinton, Vinyals and Dean, "Distilling the knowledge in a
neural network", 2015). Each distorted image is shown to all, as Beyer and others found
best ("Knowledge distillation: a good teacher is patient and consistent", 2022).
Several teachers, of which each knows other things wrongly, are asked as one by the mean of
their logits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnistcnn._backend import keras, tf
from mnistcnn._step import Step, pooled_relu
from mnistcnn._types import IMAGE_SIZE, NUM_CLASSES

_BEFORE_POOLING = (1, 3)


def build_teacher(*, seed: int | None = None) -> keras.Sequential:
    """Build a network of five convolutions, two before each pooling: 143,978 parameters.

    Compiled as `build_model` compiles; weights start by He's rule (He and others, 2015).
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(7).tolist())
    layers = keras.layers

    def convolution(filters: int) -> keras.layers.Layer:
        start = keras.initializers.HeNormal(seed=next(seeds))
        return layers.Conv2D(filters, 3, activation="relu", kernel_initializer=start)

    model = keras.Sequential(
        [
            keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1)),
            convolution(32),
            convolution(32),
            layers.MaxPooling2D(2),
            convolution(64),
            convolution(64),
            layers.MaxPooling2D(2),
            convolution(128),
            layers.Flatten(),
            layers.Dropout(0.25, seed=next(seeds)),
            layers.Dense(
                NUM_CLASSES,
                activation="softmax",
                kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            ),
        ],
        name="teacher",
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def teach(x: tf.Tensor, *, teachers: Sequence[TeacherStep], softness: float) -> tf.Tensor:
    """Return ``float32 (n, 10)``: the probabilities by their mean logits over `softness`."""
    logits = tf.add_n([teacher.answers(x) for teacher in teachers]) / len(teachers)
    return tf.nn.softmax(logits / softness)


class TeacherStep(Step):
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
            x = pooled_relu(x, bias) if number in _BEFORE_POOLING else tf.nn.relu(x + bias)
        x = tf.reshape(x, (-1, kernel6.shape[0]))
        x = self.dropout(x, training=training) if mask is None else x * mask
        return tf.matmul(x, kernel6) + bias6
