"""A training step for any Keras model, which runs inside the compiled loop.

It calls the model, its loss and its metrics as Keras' own step does. The loop saves the return
to Python after each batch. If no layer mixes the images of a batch, two halves of it run in
parallel, one on each half of the cores, as in the step of the baseline network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import keras, tf
from mnistcnn.training.labels import labels_for
from mnistcnn.training.step import Step
from mnistcnn.types import IMAGE_SIZE
from mnistcnn.utils.compat import flatten_layers

# Methods of Keras that the step replaces or relies on; a model may not override them.
_METHODS = (
    "train_step", "test_step", "compute_loss", "make_train_function", "make_test_function",
)  # fmt: skip
# Keras' layers that treat each image of a batch by itself. Batch normalization does not.
_SEPARATE_LAYERS = (
    "Activation", "Add", "AlphaDropout", "Average", "AveragePooling2D", "CenterCrop",
    "Concatenate", "Conv2D", "Conv2DTranspose", "Cropping2D", "Dense", "DepthwiseConv2D",
    "Dropout", "ELU", "Flatten", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling2D",
    "GlobalMaxPooling2D", "GroupNormalization", "InputLayer", "LayerNormalization", "LeakyReLU",
    "MaxPooling2D", "Maximum", "Minimum", "Multiply", "PReLU", "Permute", "ReLU", "Rescaling",
    "Reshape", "SeparableConv2D", "Softmax", "SpatialDropout2D", "Subtract", "UpSampling2D",
    "ZeroPadding2D",
)  # fmt: skip
_MEAN = "sum_over_batch_size"  # Keras' name of the reduction of a loss


class KerasStep(Step):
    """A training and a test step of any model that `supports_keras_step` accepts."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__(model)
        self._splits_batches = _treats_images_separately(model)
        # Creates the metrics' variables outside of the graph.
        x = np.zeros((1, IMAGE_SIZE, IMAGE_SIZE, 1), np.float32)
        outputs = model(x, training=False)
        y = np.eye(outputs.shape[-1], dtype=np.float32)[:1]
        model.compute_metrics(x, labels_for(model, y), outputs)
        model.reset_metrics()

    def reset(self) -> None:
        """Reset the metrics."""
        self.model.reset_metrics()

    def metrics(self) -> dict[str, float]:
        """Return the metrics since `reset`."""
        return {name: float(value) for name, value in self.model.get_metrics_result().items()}

    def metric_state(self) -> dict[str, NDArray[Any]]:
        """Return the variables of the metrics."""
        return {
            f"metrics/{index:04}": np.array(variable.numpy())
            for index, variable in enumerate(self.model.metrics_variables)
        }

    def set_metric_state(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Restore the variables of the metrics."""
        for index, variable in enumerate(self.model.metrics_variables):
            variable.assign(arrays[f"metrics/{index:04}"])

    @tf.autograph.experimental.do_not_convert
    def train(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        targets: tf.Tensor | None = None,
        sample_weight: tf.Tensor | None = None,
    ) -> None:
        """Train on a batch and add it to the metrics, inside a graph."""
        model, size = self.model, tf.shape(x)[0]
        variables = model.trainable_variables
        targets = y if targets is None else targets
        outputs, losses, gradients = [], [], []
        for part, share in self._parts(size):
            weight = None if sample_weight is None else sample_weight[part]
            with tf.GradientTape() as tape:
                predictions = model(x[part], training=True)
                loss = model.compute_loss(
                    x[part],
                    labels_for(model, targets[part]),
                    predictions,
                    sample_weight=weight,
                    training=True,
                )
                scaled_loss = model.optimizer.scale_loss(loss)
            outputs.append(predictions)
            losses.append(loss * tf.cast(share, loss.dtype))
            gradients.append(
                [_scale(each, share) for each in tape.gradient(scaled_loss, variables)]
            )
        model.optimizer.apply([_add(parts) for parts in zip(*gradients, strict=True)], variables)
        _loss_tracker(model).update_state(tf.add_n(losses), sample_weight=size)
        predictions = outputs[0] if len(outputs) == 1 else tf.concat(outputs, axis=0)[:size]
        model.compute_metrics(x, labels_for(model, y), predictions, sample_weight)

    @tf.autograph.experimental.do_not_convert
    def test(self, x: tf.Tensor, y: tf.Tensor, sample_weight: tf.Tensor | None = None) -> None:
        """Add a batch to the metrics, inside a graph."""
        weights = () if sample_weight is None else (sample_weight,)
        self.model.test_step((x, labels_for(self.model, y), *weights))

    def _parts(self, size: tf.Tensor) -> list[tuple[slice, tf.Tensor]]:
        """Return the parts of a batch, and the share of each in the mean loss."""
        if not self._splits_batches:
            return [(slice(None), tf.constant(1.0))]
        half = tf.maximum(size // 2, 1)
        # In a batch of one image, the second half is that image again, with a share of 0.
        rest = tf.minimum(half, size - 1)
        first = tf.cast(half, tf.float32) / tf.cast(size, tf.float32)
        return [(slice(None, half), first), (slice(rest, None), 1 - first)]


def supports_keras_step(model: keras.Model) -> bool:
    """Return whether `KerasStep` trains the model as Keras' ``fit`` would.

    Not with own training steps, eager or XLA execution that was asked for, or distributed
    variables. On a GPU, Keras' own compilation is left in place.
    """
    return (
        all(getattr(type(model), name) is getattr(keras.Model, name) for name in _METHODS)
        and bool(model.trainable_variables)
        and _is_single_loss(model.loss)
        # Without a GPU, XLA is used only if it was asked for.
        and not (model.jit_compile or model.run_eagerly or tf.config.functions_run_eagerly())
        and not isinstance(model.weights[0].value, tf.distribute.DistributedValues)
        and not tf.config.list_physical_devices("GPU")
    )


def _is_single_loss(loss: Any) -> bool:
    return isinstance(loss, str | keras.losses.Loss) or callable(loss)


def _treats_images_separately(model: keras.Model) -> bool:
    """Return whether the mean loss of a batch is the mean of those of its parts."""
    loss = model.loss
    if isinstance(loss, keras.losses.Loss) and loss.reduction != _MEAN:
        return False
    parts = [model, *flatten_layers(model)]
    return (isinstance(loss, str) or _is_of_keras(loss)) and all(map(_is_separate, parts))


def _is_separate(layer: keras.layers.Layer) -> bool:
    if isinstance(layer, keras.Model):
        # A functional model may also hold operations, which are not layers.
        operations = getattr(layer, "operations", None) or []
        stock = type(layer).__name__ in ("Functional", "Sequential") and _is_of_keras(layer)
        return stock and all(isinstance(each, keras.layers.Layer) for each in operations)
    return (
        type(layer).__name__ in _SEPARATE_LAYERS
        and _is_of_keras(layer)
        and getattr(layer, "activity_regularizer", None) is None
        and _is_of_keras(getattr(layer, "activation", None))
    )


def _is_of_keras(value: Any) -> bool:
    """Return whether an object, a class instance or a function, is defined by Keras."""
    if value is None:
        return True
    module = getattr(value, "__module__", None) or type(value).__module__
    return module.partition(".")[0] == "keras"


def _loss_tracker(model: keras.Model) -> keras.metrics.Metric:
    return next(metric for metric in model.metrics if metric.name == "loss")


def _scale(gradient: tf.Tensor | None, share: tf.Tensor) -> tf.Tensor | None:
    return None if gradient is None else gradient * tf.cast(share, gradient.dtype)


def _add(parts: Sequence[tf.Tensor | None]) -> tf.Tensor | None:
    """Return the sum of a variable's gradients; ``None`` if the loss does not depend on it."""
    if any(part is None for part in parts):
        return None
    return parts[0] if len(parts) == 1 else tf.add_n(parts)
