"""How well an exported network must agree with Keras, and on which images that is seen.

The bounds are a few times what benchmarks/inference/exports.py measures on the shipped weights, on a
fresh network and on one whose weights were made three times as large. Half precision misses
the first by far.
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
# The largest difference of a probability in float32. A sum is rounded in proportion to its
# size and a probability moves with the logits, so the wider those span, the more it may.
FLOAT_LEAST, FLOAT_SHARE = 1e-5, 2e-6
# With 8 bits a probability has steps of 1/256; the mean difference may be about one step.
INT8_MEAN = 0.005
# An answer is as good as Keras' if Keras gives it nearly the same probability: networks
# that know nothing yet give all digits about 0.1, and there steps decide.
INT8_MARGIN = 0.02
INT8_MIN_AGREEMENT = 250


class ReferenceOutputs(NamedTuple):
    """What Keras makes of images.

    Parameters
    ----------
    probabilities : numpy.ndarray
        ``float32 (n, 10)``.
    span : float
        The widest distance between the least and the largest logit of one image.
    """

    probabilities: Float32Array
    span: float


# Gives ``None``, or what is wanted and what was received.
ParityCheck = Callable[[Float32Array, ReferenceOutputs], str | None]


@cache
def random_images() -> Float32Array:
    """Return images of random grey: any difference in the computation shows on them."""
    shape = (NUM_IMAGES, IMAGE_SIZE, IMAGE_SIZE, 1)
    return np.random.default_rng(0).random(shape, dtype=np.float32)


@cache
def sample_digits() -> Float32Array:
    """Return handwritten digits that took no part in finding the ranges for 8 bits.

    Those ranges are for what looks like handwriting; on noise they are left, and the
    answers mean nothing.
    """
    return preprocess(load_data("digits").test.images[:NUM_IMAGES])


def reference_outputs(network: Any, images: Float32Array) -> ReferenceOutputs:
    """Return what a Keras network of the documented layers makes of images."""
    features = images
    for layer in network.layers[:-1]:
        features = layer(features)
    kernel, bias = network.layers[-1].get_weights()
    logits = np.asarray(features) @ kernel + bias
    probabilities = np.asarray(network(images, training=False))
    return ReferenceOutputs(probabilities, float(np.ptp(logits, axis=1).max()))


def tolerance(keras: ReferenceOutputs) -> float:
    """Return by how much a probability may differ in float32."""
    return max(FLOAT_LEAST, FLOAT_SHARE * keras.span)


def check_float32(found: Float32Array, keras: ReferenceOutputs) -> str | None:
    """Refuse a probability that differs by more than rounding."""
    if problem := _check_shape(found, keras):
        return problem
    difference, allowed = float(np.abs(found - keras.probabilities).max()), tolerance(keras)
    if difference <= allowed:
        return None
    return f"Keras' probabilities within {allowed:.2g}; received a difference of {difference:.2g}"


def check_int8(found: Float32Array, keras: ReferenceOutputs) -> str | None:
    """Refuse answers that Keras would not give, and probabilities that are steps away."""
    if problem := _check_shape(found, keras):
        return problem
    given = np.take_along_axis(keras.probabilities, found.argmax(axis=1)[:, np.newaxis], axis=1)
    same = int((keras.probabilities.max(axis=1) - given[:, 0] <= INT8_MARGIN).sum())
    mean = float(np.abs(found - keras.probabilities).mean())
    if same >= INT8_MIN_AGREEMENT and mean <= INT8_MEAN:
        return None
    return (
        f"Keras' answer to {INT8_MIN_AGREEMENT} of {NUM_IMAGES} digits and its probabilities within "
        f"{INT8_MEAN:g} on average; received {same} and {mean:.2g}"
    )


def _check_shape(found: Float32Array, keras: ReferenceOutputs) -> str | None:
    wanted = keras.probabilities.shape
    return None if found.shape == wanted else f"the shape {wanted}; received {found.shape}"
