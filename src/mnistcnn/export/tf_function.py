"""The network as a TensorFlow function, which the LiteRT and SavedModel writers start from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from mnistcnn.backend import keras, tf
from mnistcnn.export.source import ExportSource
from mnistcnn.types import IMAGE_SIZE
from mnistcnn.weights.metadata import INPUT_NAME, OUTPUT_NAME

_Function = Callable[[tf.Tensor], tf.Tensor]


def serving_module(source: ExportSource) -> tf.Module:
    """Return a module whose function ``serve`` maps images to probabilities.

    The weights are constants. The variables of a Keras model would be resources, which LiteRT's
    quantizer can't read.
    """
    function = _cnn(source.weights) if source.is_cnn else _with_constants(source.model)

    def serve(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {OUTPUT_NAME: function(images)}

    images = tf.TensorSpec((None, IMAGE_SIZE, IMAGE_SIZE, 1), tf.float32, name=INPUT_NAME)
    module = tf.Module()
    module.serve = tf.function(serve, input_signature=[images], autograph=False)
    return module


def _cnn(weights: Sequence[NDArray[Any]]) -> _Function:
    kernel1, bias1, kernel2, bias2, kernel3, bias3 = map(tf.constant, weights)

    def predict(images: tf.Tensor) -> tf.Tensor:
        features = _max_pool(tf.nn.relu(_conv(images, kernel1, bias1)))
        features = _max_pool(tf.nn.relu(_conv(features, kernel2, bias2)))
        logits = tf.matmul(tf.reshape(features, (-1, kernel3.shape[0])), kernel3) + bias3
        return tf.nn.softmax(logits)

    return predict


def _with_constants(model: keras.Model) -> _Function:
    """Return a function that calls a Keras model with constants in place of its variables."""
    constants = [(variable, tf.constant(variable.numpy())) for variable in model.variables]

    def predict(images: tf.Tensor) -> tf.Tensor:
        with keras.StatelessScope(state_mapping=constants):
            return tf.cast(model(images, training=False), tf.float32)

    return predict


def _conv(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "VALID"), bias)


def _max_pool(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.max_pool2d(x, 2, 2, "VALID")
