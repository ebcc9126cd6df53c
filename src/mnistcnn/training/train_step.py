"""A faster training step for the baseline network.

It computes the same function and gradients as Keras' own step, up to rounding, but is faster:

- Adding a bias per channel and ReLU preserve the maximum of four values, so pooling first
  gives the same result and leaves a quarter of the values to add and rectify.
- The second pooling layer drops the last row and column of its 11 × 11 input, so 26 × 26
  pixels of each image are enough.
- The two halves of a batch run in parallel, one on each core, where a single operation split
  over the cores would leave them waiting for each other.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import keras, tf
from mnistcnn.models.cnn import architecture_mismatch
from mnistcnn.training.step import Step

_COMPILE_CONFIG = {
    "loss_weights": None,
    "metrics": ["accuracy"],
    "weighted_metrics": None,
    "run_eagerly": False,
}
# The labels are one-hot in the step, in either case.
_LOSSES = (
    "categorical_crossentropy",
    keras.losses.categorical_crossentropy,
    "sparse_categorical_crossentropy",
    keras.losses.sparse_categorical_crossentropy,
)
_TOTALS = "metric_totals"  # name in a checkpoint
# 26 × 26 pixels convolve to 24 × 24, pool to 12 × 12, convolve to 10 × 10 and pool to 5 × 5.
_USED_PIXELS = 26


class TrainStep(Step):
    """A training and a test step of the baseline network, with running metrics."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__(model)
        self.dropout = next(
            layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)
        )
        self._totals = tf.Variable([0.0, 0.0, 0.0], trainable=False)

    def reset(self) -> None:
        """Reset the metrics."""
        self._totals.assign([0.0, 0.0, 0.0])

    def metric_state(self) -> dict[str, NDArray[Any]]:
        """Return ``float32 (3,)``: summed loss, correct predictions and images since `reset`."""
        return {_TOTALS: np.array(self._totals.numpy(), np.float32)}

    def set_metric_state(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Restore the totals."""
        self._totals.assign(arrays[_TOTALS])

    def metrics(self) -> dict[str, float]:
        """Return mean loss and accuracy since `reset`."""
        loss, correct, count = self._totals.numpy().tolist()
        return {"loss": loss / count, "accuracy": correct / count}

    def train(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        targets: tf.Tensor | None = None,
        sample_weight: tf.Tensor | None = None,
    ) -> None:
        """Train on a batch and add it to the metrics, inside a graph."""
        weights, size = self.weights(), tf.shape(x)[0]
        half = tf.maximum(size // 2, 1)
        targets = y if targets is None else targets
        # In a batch of one image, the second half is that image again, with a weight of 0.
        rest = tf.minimum(half, size - 1)
        (first, first_totals), (second, second_totals) = (
            self.gradients(
                weights,
                x[part],
                y[part],
                targets[part],
                sample_weight=None if sample_weight is None else sample_weight[part],
            )
            for part in (slice(None, half), slice(rest, None))
        )
        has_second = tf.cast(size > 1, tf.float32)
        scale = 1 / tf.cast(size, tf.float32)
        gradients = [
            first_gradient * scale + second_gradient * (scale * has_second)
            for first_gradient, second_gradient in zip(first, second, strict=True)
        ]
        self.model.optimizer.apply(gradients, self.model.trainable_variables)
        self._totals.assign_add(first_totals + second_totals * has_second)

    def test(self, x: tf.Tensor, y: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Add a batch to the metrics, inside a graph."""
        self._totals.assign_add(self.test_totals(self.weights(), x, y, sample_weight))

    def test_totals(
        self,
        weights: list[tf.Tensor],
        x: tf.Tensor,
        y: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Return the metric totals of a batch, without dropout."""
        logits = self.logits(weights, x, training=False)
        return _batch_totals(logits, y, _sum_loss(logits, y, sample_weight))

    def weights(self) -> list[tf.Tensor]:
        """Return the current weights of the model."""
        return [tf.convert_to_tensor(variable.value) for variable in self.model.weights]

    def gradients(
        self,
        weights: list[tf.Tensor],
        x: tf.Tensor,
        y: tf.Tensor,
        targets: tf.Tensor,
        *,
        mask: tf.Tensor | None = None,
        sample_weight: tf.Tensor | None = None,
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Return the gradients of the summed loss, and the metric totals of a batch.

        `mask` replaces the dropout mask, which is otherwise drawn here.
        """
        pairs = zip(weights, self.model.weights, strict=True)
        trainable = [tensor for tensor, variable in pairs if variable.trainable]
        with tf.GradientTape() as tape:
            tape.watch(trainable)
            logits = self.logits(weights, x, training=True, mask=mask)
            loss = _sum_loss(logits, targets, sample_weight)
        return tape.gradient(loss, trainable), _batch_totals(logits, y, loss)

    def logits(
        self,
        weights: list[tf.Tensor],
        x: tf.Tensor,
        *,
        training: bool,
        mask: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Return ``float32 (n, k)``: the input of the softmax."""
        kernel1, bias1, kernel2, bias2, kernel3, bias3 = weights
        x = x[:, :_USED_PIXELS, :_USED_PIXELS]
        x = pooled_relu(tf.nn.conv2d(x, kernel1, 1, "VALID"), bias1)
        x = pooled_relu(tf.nn.conv2d(x, kernel2, 1, "VALID"), bias2)
        x = tf.reshape(x, (-1, kernel3.shape[0]))
        x = self.dropout(x, training=training) if mask is None else x * mask
        return tf.matmul(x, kernel3) + bias3


def supports_fast_step(model: keras.Model) -> bool:
    """Return whether `model` is the baseline network, compiled as by `build_model`.

    Names, initial weights and the optimizer may differ. Its variables must not be distributed.
    """
    return (
        architecture_mismatch(model, in_training=True) is None
        and _is_supported_optimizer(model.optimizer)
        and not tf.config.functions_run_eagerly()
        and not isinstance(model.weights[0].value, tf.distribute.DistributedValues)
        and _has_baseline_compile_config(model)
    )


def _is_supported_optimizer(optimizer: keras.optimizers.Optimizer) -> bool:
    return not (
        isinstance(optimizer, keras.optimizers.LossScaleOptimizer) or optimizer.loss_scale_factor
    )


def _has_baseline_compile_config(model: keras.Model) -> bool:
    if model.loss not in _LOSSES:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metrics that cannot be serialized
            config = model.get_compile_config() or {}
    except Exception:  # noqa: BLE001  # a configuration that cannot be serialized is not the baseline
        return False
    return all(config.get(key) == value for key, value in _COMPILE_CONFIG.items())


def _sum_loss(logits: tf.Tensor, y: tf.Tensor, sample_weight: tf.Tensor | None = None) -> tf.Tensor:
    losses = tf.nn.softmax_cross_entropy_with_logits(y, logits)
    return tf.reduce_sum(losses if sample_weight is None else losses * sample_weight)


def _batch_totals(logits: tf.Tensor, y: tf.Tensor, loss: tf.Tensor) -> tf.Tensor:
    """Return ``float32 (3,)``: summed loss, correct predictions and images of a batch."""
    is_correct = tf.argmax(logits, axis=1) == tf.argmax(y, axis=1)
    num_correct = tf.reduce_sum(tf.cast(is_correct, tf.float32))
    return tf.stack([loss, num_correct, tf.cast(tf.shape(y)[0], tf.float32)])


def pooled_relu(x: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Return ``max_pool2d(relu(x + bias), 2)``, pooling first since that is cheaper."""
    return tf.nn.relu(tf.nn.max_pool2d(x, 2, 2, "VALID") + bias)
