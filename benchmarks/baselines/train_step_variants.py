"""The training loop with the optimizations of its step switched off or on.

--style is a comma-separated choice of: keras-step, pool-first, crop, halves.
"""

import protocol

options = protocol.options()
optimizations = set(filter(None, options.style.split(",")))

import keras  # noqa: E402  # after the process has its cores
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import mnistcnn  # noqa: E402
from mnistcnn.recipes import Recipe  # noqa: E402
from mnistcnn.training.train_step import TrainStep  # noqa: E402
from mnistcnn.training.trainer import Trainer  # noqa: E402


class Step(TrainStep):
    """The baseline network's step with the chosen optimizations."""

    def logits(
        self,
        weights: list[tf.Tensor],
        x: tf.Tensor,
        *,
        training: bool,
        mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Return the input of the softmax."""
        del mask
        kernel1, bias1, kernel2, bias2, kernel3, bias3 = weights
        if "crop" in optimizations:
            x = x[:, :26, :26]
        for kernel, bias in ((kernel1, bias1), (kernel2, bias2)):
            x = tf.nn.conv2d(x, kernel, 1, "VALID")
            if "pool-first" in optimizations:
                x = tf.nn.relu(tf.nn.max_pool2d(x, 2, 2, "VALID") + bias)
            else:
                x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.bias_add(x, bias)), 2, 2, "VALID")
        x = tf.reshape(x, (-1, 1600))
        return tf.matmul(self.dropout(x, training=training), kernel3) + bias3

    def train(self, x: tf.Tensor, y: tf.Tensor, targets: tf.Tensor | None = None) -> None:
        """Train on a batch, whole or in halves."""
        if "halves" in optimizations:
            super().train(x, y, targets)
            return
        gradients, totals = self.gradients(self.weights(), x, y, y)
        scale = 1 / tf.cast(tf.shape(x)[0], tf.float32)
        gradients = [gradient * scale for gradient in gradients]
        model.optimizer.apply(gradients, model.trainable_variables)
        self._totals.assign_add(totals)


class KerasStep(TrainStep):
    """The step and the metrics of Keras."""

    def reset(self) -> None:
        """Reset the metrics."""
        model.reset_metrics()

    def train(self, x: tf.Tensor, y: tf.Tensor, targets: tf.Tensor | None = None) -> None:
        """Run Keras' step."""
        del targets
        model.train_step((x, y))

    def metrics(self) -> dict[str, float]:
        """Return Keras' metrics."""
        return {name: float(value) for name, value in model.get_metrics_result().items()}


x, labels = protocol.images(options.data, options.images)
model = mnistcnn.build_model()
if "keras-step" in optimizations:
    model.compute_metrics(x[:1], keras.utils.to_categorical(labels[:1], 10), model(x[:1]))
step = KerasStep if "keras-step" in optimizations else Step
Trainer(
    model,
    Recipe(name="benchmark", epochs=10**9, batch_size=options.batch_size),
    seed=0,
    callbacks=[protocol.turns_by_epoch()],
    step=step(model),
).fit((x, np.eye(10, dtype=np.float32)[labels]))
