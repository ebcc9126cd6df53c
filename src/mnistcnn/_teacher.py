"""The larger network that a recipe may train first, for the documented one to learn from.

Its answers say more than labels do: which other digit an image resembles, and how far a
distorted one can still be read (Hinton, Vinyals and Dean, "Distilling the knowledge in a
neural network", 2015). Each distorted image is shown to both, as Beyer and others found
best ("Knowledge distillation: a good teacher is patient and consistent", 2022).
"""

from __future__ import annotations

import numpy as np

from mnistcnn._backend import keras, tf
from mnistcnn._step import Step, pooled_relu
from mnistcnn._types import IMAGE_SIZE, NUM_CLASSES


def build_teacher(*, seed: int | None = None) -> keras.Sequential:
    """Build a network with two convolutions before each pooling: 75,242 parameters.

    Compiled as `build_model` compiles; weights start by He's rule (He and others, 2015).
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(6).tolist())
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


class TeacherStep(Step):
    """A training step of the teacher, and what it teaches."""

    def teach(self, x: tf.Tensor, *, softness: float) -> tf.Tensor:
        """Return ``float32 (n, 10)``: its probabilities, the logits divided by `softness`."""
        weights, size = self._weights(), tf.shape(x)[0]
        half = tf.maximum(size // 2, 1)
        # As in training: two halves side by side, and never one that is empty.
        parts = x[:half], x[tf.minimum(half, size - 1) :]
        logits = [self._logits(weights, part, training=False) for part in parts]
        return tf.nn.softmax(tf.concat(logits, axis=0)[:size] / softness)

    def _logits(self, weights: list[tf.Tensor], x: tf.Tensor, *, training: bool) -> tf.Tensor:
        kernel1, bias1, kernel2, bias2, kernel3, bias3, kernel4, bias4, kernel5, bias5 = weights
        x = tf.nn.relu(tf.nn.conv2d(x, kernel1, 1, "VALID") + bias1)
        x = pooled_relu(tf.nn.conv2d(x, kernel2, 1, "VALID"), bias2)
        x = tf.nn.relu(tf.nn.conv2d(x, kernel3, 1, "VALID") + bias3)
        x = pooled_relu(tf.nn.conv2d(x, kernel4, 1, "VALID"), bias4)
        x = tf.reshape(x, (-1, kernel5.shape[0]))
        return tf.matmul(self._dropout(x, training=training), kernel5) + bias5
