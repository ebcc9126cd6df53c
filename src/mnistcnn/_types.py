"""The shapes that everything else speaks of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

IMAGE_SIZE = 28
NUM_CLASSES = 10
# The six arrays of the network, in the order in which Keras holds them.
WEIGHTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "conv1.kernel": (3, 3, 1, 32),
        "conv1.bias": (32,),
        "conv2.kernel": (3, 3, 32, 64),
        "conv2.bias": (64,),
        "dense.kernel": (1600, 10),
        "dense.bias": (10,),
    }
)
# Those of the smaller network that tells digits from what is none: the first ten outputs are
# the digits, the others kinds of what is none.
DETECTOR_WEIGHTS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "conv1.kernel": (3, 3, 1, 16),
        "conv1.bias": (16,),
        "conv2.kernel": (3, 3, 16, 24),
        "conv2.bias": (24,),
        "dense.kernel": (600, 24),
        "dense.bias": (24,),
    }
)
NETWORKS = (WEIGHTS, DETECTOR_WEIGHTS)

# What the files of a network that Keras writes end in.
MODEL_SUFFIXES = (".keras", ".h5")

UInt8Array: TypeAlias = NDArray[np.uint8]
Float32Array: TypeAlias = NDArray[np.float32]
Float64Array: TypeAlias = NDArray[np.float64]
Int64Array: TypeAlias = NDArray[np.int64]
PathLike: TypeAlias = str | os.PathLike[str]


class Split(NamedTuple):
    """Images and their labels, in the same order.

    Attributes
    ----------
    images : numpy.ndarray
        ``uint8`` of shape ``(n, 28, 28)``; 0 is paper, 255 full ink.
    labels : numpy.ndarray
        ``uint8`` of shape ``(n,)``; the digits 0 to 9.
    """

    images: UInt8Array
    labels: UInt8Array


class Dataset(NamedTuple):
    """A training part and a test part; unpacks as Keras' data sets do.

    Attributes
    ----------
    train, test : Split
        The two parts. No image is in both.

    Examples
    --------
    >>> import mnistcnn
    >>> (x_train, y_train), (x_test, y_test) = mnistcnn.load_data("digits")
    >>> x_train.shape, y_train.shape
    ((1442, 28, 28), (1442,))
    """

    train: Split
    test: Split
