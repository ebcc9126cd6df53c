"""What a prediction depends on: Grad-CAM and input gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import keras, tf
from mnistcnn.types import IMAGE_SIZE, Float32Array

_EPSILON = 1e-30  # of a probability before its logarithm
_POOLING = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)
# Layers that keep each position of their input.
_ELEMENTWISE = (
    keras.layers.InputLayer, keras.layers.Activation, keras.layers.ReLU, keras.layers.Dropout,
    keras.layers.SpatialDropout2D, keras.layers.BatchNormalization, keras.layers.Rescaling,
)  # fmt: skip


class SaliencyMaps(NamedTuple):
    """The maps of some images.

    Parameters
    ----------
    grad_cam : numpy.ndarray
        ``float32 (n, height, width)``, at least 0, of the size of the layer's feature maps.
    extent : tuple of float
        Left, right, bottom and top edge of `grad_cam` in pixels of the image.
    gradients : numpy.ndarray
        ``float32 (n, 28, 28)``: derivatives of the logit by the pixels.
    """

    grad_cam: Float32Array
    extent: tuple[float, float, float, float]
    gradients: Float32Array


def saliency_maps(
    model: keras.Model, layer: keras.layers.Layer, images: Float32Array, classes: NDArray[np.intp]
) -> SaliencyMaps:
    """Return Grad-CAM of a convolutional layer, and the input gradients, for one class per image.

    Both are taken of the logit: the derivative of a probability near 1 is near 0 everywhere.

    Parameters
    ----------
    model : keras.Model
        A built ``Sequential`` or functional model.
    layer : keras.layers.Layer
        One of its ``Conv2D`` layers.
    images : numpy.ndarray
        Preprocessed, ``float32 (n, 28, 28, 1)``.
    classes : numpy.ndarray
        The class to explain for each image, ``(n,)``.
    """
    outputs = keras.Model(model.inputs, [layer.output, _logits(model)])
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        features, logits = outputs([x], training=False)
        score = tf.reduce_sum(tf.gather(logits, classes, axis=1, batch_dims=1))
    by_feature, by_pixel = tape.gradient(score, [features, x])
    weights = tf.reduce_mean(by_feature, axis=(1, 2), keepdims=True)
    grad_cam = tf.nn.relu(tf.reduce_sum(weights * features, axis=-1))
    maps = np.asarray(grad_cam, np.float32)
    extent = _extent(model.layers[: model.layers.index(layer) + 1], maps.shape[1:])
    return SaliencyMaps(maps, extent, np.asarray(by_pixel, np.float32)[..., 0])


def _logits(model: keras.Model) -> Any:
    """Return the logits as a symbolic tensor; logarithms of probabilities if there are none."""
    layers, last = keras.layers, model.layers[-1]
    if isinstance(last, layers.Softmax) or _has_softmax(last, layers.Activation):
        return last.input
    if _has_softmax(last, layers.Dense):
        linear = layers.Dense(last.units, use_bias=last.use_bias)
        logits = linear(last.input)
        linear.set_weights(last.get_weights())
        return logits
    return keras.ops.log(model.outputs[0] + _EPSILON)


def _has_softmax(layer: keras.layers.Layer, kind: type) -> bool:
    softmax = keras.activations.softmax
    return isinstance(layer, kind) and getattr(layer, "activation", None) is softmax


def _extent(
    layers: Sequence[keras.layers.Layer], shape: tuple[int, ...]
) -> tuple[float, float, float, float]:
    """Return the edges of the feature maps of the last of these layers, in pixels of the image.

    Each feature lies in the middle of the pixels that it depends on. Behind other layers than
    convolution and pooling, the maps are stretched over the image.
    """
    start, step, size = 0.5, 1.0, IMAGE_SIZE
    for layer in layers:
        if isinstance(layer, _ELEMENTWISE):
            continue
        if not isinstance(layer, (keras.layers.Conv2D, *_POOLING)):
            return 0, IMAGE_SIZE, IMAGE_SIZE, 0
        kernel = getattr(layer, "kernel_size", None) or layer.pool_size
        kernel = (kernel[0] - 1) * getattr(layer, "dilation_rate", (1,))[0] + 1
        stride, padding = layer.strides[0], 0
        if layer.padding == "same":
            count = -(-size // stride)
            padding = max((count - 1) * stride + kernel - size, 0)
        start += ((kernel - 1) / 2 - padding // 2) * step
        step *= stride
        size = (size + padding - kernel) // stride + 1
    left = start - step / 2
    right = left + size * step
    if (size, size) != shape:  # layers of other heights than widths
        return 0, IMAGE_SIZE, IMAGE_SIZE, 0
    return left, right, right, left
