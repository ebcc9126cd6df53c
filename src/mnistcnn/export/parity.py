"""The tolerances within which an exported model must match Keras, and the images to compare on.

The tolerances are a few times the differences that benchmarks/inference/exports.py measures on
pretrained weights, initial weights, and weights scaled by three. Half precision misses the
float32 tolerance by far.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from mnistcnn.data.load import load_data
from mnistcnn.data.preprocessing import preprocess
from mnistcnn.types import IMAGE_SIZE, Float32Array

NUM_IMAGES = 256
# Tolerance of a probability in float32: absolute, and relative to the range of the logits, because
# rounding errors of a sum are proportional to its size.
FLOAT32_ATOL, FLOAT32_RTOL = 1e-5, 2e-6
# Of another network, which may have more layers.
OTHER_NETWORK_ATOL = 1e-4
# With 8 bits, probabilities have steps of 1/256; the mean difference may be about one step.
INT8_MEAN_ATOL = 0.005
# A prediction also agrees if Keras gives it nearly its maximum probability: for untrained weights
# all probabilities are about 0.1, and the steps decide.
INT8_MARGIN = 0.02
INT8_MIN_AGREEMENT = 250


class ReferenceOutputs(NamedTuple):
    """Outputs of the Keras model.

    Parameters
    ----------
    probabilities : numpy.ndarray
        ``float32 (n, k)``.
    logit_range : float
        The largest range of the logits of one image, maximum minus minimum.
    is_cnn : bool, default True
        Whether the model has the architecture of `build_model`.
    """

    probabilities: Float32Array
    logit_range: float
    is_cnn: bool = True


# Returns ``None``, or what the format must do and what was received instead.
ParityCheck = Callable[[Float32Array, ReferenceOutputs], str | None]


@cache
def random_images() -> Float32Array:
    """Return uniform noise, on which any difference in the computation shows."""
    shape = (NUM_IMAGES, IMAGE_SIZE, IMAGE_SIZE, 1)
    return np.random.default_rng(0).random(shape, dtype=np.float32)


@cache
def sample_digits() -> Float32Array:
    """Return test digits of scikit-learn, for formats with 8 bits.

    The activation ranges are calibrated on the training digits; noise exceeds them.
    """
    return preprocess(load_data("digits").test.images[:NUM_IMAGES])


def reference_outputs(model: Any, images: Float32Array, *, is_cnn: bool = True) -> ReferenceOutputs:
    """Return the outputs of a Keras model, by default with the architecture of `build_model`."""
    if not is_cnn:
        probabilities = np.asarray(model(images, training=False), np.float32)
        logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
        logit_range = float(np.ptp(logits, axis=1).max())
        return ReferenceOutputs(probabilities, logit_range, is_cnn=False)
    features = images
    for layer in model.layers[:-1]:
        features = layer(features)
    kernel, bias = model.layers[-1].get_weights()
    logits = np.asarray(features) @ kernel + bias
    probabilities = np.asarray(model(images, training=False))
    return ReferenceOutputs(probabilities, float(np.ptp(logits, axis=1).max()))


def float32_tolerance(reference: ReferenceOutputs) -> float:
    """Return the largest permitted difference of a probability in float32."""
    atol = FLOAT32_ATOL if reference.is_cnn else OTHER_NETWORK_ATOL
    return max(atol, FLOAT32_RTOL * reference.logit_range)


def check_float32(probabilities: Float32Array, reference: ReferenceOutputs) -> str | None:
    """Check that all probabilities equal the reference within rounding errors."""
    if problem := _check_shape(probabilities, reference):
        return problem
    difference = float(np.abs(probabilities - reference.probabilities).max())
    tolerance = float32_tolerance(reference)
    if difference <= tolerance:
        return None
    return (
        f"match Keras' probabilities within {tolerance:.2g}; "
        f"received a difference of {difference:.2g}"
    )


def check_int8(probabilities: Float32Array, reference: ReferenceOutputs) -> str | None:
    """Check the predictions, and the mean difference of the probabilities."""
    if problem := _check_shape(probabilities, reference):
        return problem
    expected = reference.probabilities
    predicted = np.take_along_axis(expected, probabilities.argmax(axis=1)[:, np.newaxis], axis=1)
    agreement = int((expected.max(axis=1) - predicted[:, 0] <= INT8_MARGIN).sum())
    mean = float(np.abs(probabilities - expected).mean())
    if agreement >= INT8_MIN_AGREEMENT and mean <= INT8_MEAN_ATOL:
        return None
    return (
        f"agree with Keras on {INT8_MIN_AGREEMENT} of {NUM_IMAGES} digits and match its "
        f"probabilities within {INT8_MEAN_ATOL:g} on average; received {agreement} and {mean:.2g}"
    )


def _check_shape(probabilities: Float32Array, reference: ReferenceOutputs) -> str | None:
    expected = reference.probabilities.shape
    if probabilities.shape == expected:
        return None
    return f"return the shape {expected}; received {probabilities.shape}"
