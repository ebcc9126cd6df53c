"""The loop of `train` with the levers of its step off or on: an epoch a turn.

--style is a comma-separated choice of: keras-step, pool-first, crop, halves.
"""

import protocol

options = protocol.options()
levers = set(filter(None, options.style.split(",")))

import keras  # noqa: E402  # after the process has its cores
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import mnistcnn  # noqa: E402
from mnistcnn.training import (
    loop,  # noqa: E402
    train_step,  # noqa: E402
)


class Step(train_step.TrainStep):
    """The documented network's step without what was not chosen."""

    def _logits(self, weights: list[tf.Tensor], x: tf.Tensor, *, training: bool) -> tf.Tensor:
        kernel1, bias1, kernel2, bias2, kernel3, bias3 = weights
        if "crop" in levers:
            x = x[:, :26, :26]
        for kernel, bias in ((kernel1, bias1), (kernel2, bias2)):
            x = tf.nn.conv2d(x, kernel, 1, "VALID")
            if "pool-first" in levers:
                x = tf.nn.relu(tf.nn.max_pool2d(x, 2, 2, "VALID") + bias)
            else:
                x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.bias_add(x, bias)), 2, 2, "VALID")
        x = tf.reshape(x, (-1, 1600))
        return tf.matmul(self._dropout(x, training=training), kernel3) + bias3

    def train(self, x: tf.Tensor, y: tf.Tensor) -> None:
        """Take one step, whole or in halves."""
        if "halves" in levers:
            super().train(x, y)
            return
        gradients, figures = self._gradients(self._weights(), x, y)
        share = 1 / tf.cast(tf.shape(x)[0], tf.float32)
        gradients = [gradient * share for gradient in gradients]
        model.optimizer.apply(gradients, model.trainable_variables)
        self._totals.assign_add(figures)


class KerasStep(train_step.TrainStep):
    """The step and the metrics of Keras."""

    def reset(self) -> None:
        """Begin the metrics anew."""
        model.reset_metrics()

    def train(self, x: tf.Tensor, y: tf.Tensor) -> None:
        """Take Keras' step."""
        model.train_step((x, y))

    def figures(self) -> dict[str, float]:
        """Return what the metrics say."""
        return {name: float(value) for name, value in model.get_metrics_result().items()}


x, labels = protocol.images(options.data, options.images)
model = mnistcnn.build_model()
if "keras-step" in levers:
    model.compute_metrics(x[:1], keras.utils.to_categorical(labels[:1], 10), model(x[:1]))
train_step.TrainStep = (
    KerasStep if "keras-step" in levers else Step
)  # the one place where a step is made
loop.run_training(
    model,
    (x, np.eye(10, dtype=np.float32)[labels]),
    None,
    epochs=10**9,
    batch_size=options.batch_size,
    seed=0,
    callbacks=[protocol.turns_by_epoch()],
    verbose=0,
)
