"""The network as a TensorFlow function, which the LiteRT and SavedModel writers start from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from mnistcnn.backend import tf
from mnistcnn.types import IMAGE_SIZE
from mnistcnn.weights.metadata import INPUT_NAME, OUTPUT_NAME


def serving_module(weights: Sequence[NDArray[Any]]) -> tf.Module:
    """Return a module whose function ``serve`` maps images to probabilities.

    The weights are constants. The variables of a Keras model would be resources, which LiteRT's
    quantizer can't read.
    """
    kernel1, bias1, kernel2, bias2, kernel3, bias3 = map(tf.constant, weights)

    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        features = _max_pool(tf.nn.relu(_conv(images, kernel1, bias1)))
        features = _max_pool(tf.nn.relu(_conv(features, kernel2, bias2)))
        logits = tf.matmul(tf.reshape(features, (-1, kernel3.shape[0])), kernel3) + bias3
        return {OUTPUT_NAME: tf.nn.softmax(logits)}

    images = tf.TensorSpec((None, IMAGE_SIZE, IMAGE_SIZE, 1), tf.float32, name=INPUT_NAME)
    module = tf.Module()
    module.serve = tf.function(serve, input_signature=[images])
    return module


def _conv(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "VALID"), bias)


def _max_pool(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.max_pool2d(x, 2, 2, "VALID")
