"""Array types, and the containers of a data set."""

from __future__ import annotations

import os
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnistcnn.public import public

IMAGE_SIZE = 28
NUM_CLASSES = 10
DIGIT_NAMES = tuple(map(str, range(NUM_CLASSES)))

UInt8Array: TypeAlias = NDArray[np.uint8]
Float32Array: TypeAlias = NDArray[np.float32]
Float64Array: TypeAlias = NDArray[np.float64]
Int64Array: TypeAlias = NDArray[np.int64]
PathLike: TypeAlias = str | os.PathLike[str]


@public
class Split(NamedTuple):
    """Images and their labels, in the same order.

    Attributes
    ----------
    images : numpy.ndarray
        ``uint8`` of shape ``(n, 28, 28)``; 0 is the background, 255 full ink.
    labels : numpy.ndarray
        ``uint8`` of shape ``(n,)``; the digits 0 to 9.
    """

    images: UInt8Array
    labels: UInt8Array


@public
class Dataset(NamedTuple):
    """A training set and a test set, which unpack as those of ``keras.datasets`` do.

    Attributes
    ----------
    train, test : Split
        The two sets, without an image in common.

    Examples
    --------
    >>> import mnistcnn
    >>> (x_train, y_train), (x_test, y_test) = mnistcnn.load_data("digits")
    >>> x_train.shape, y_train.shape
    ((1442, 28, 28), (1442,))
    """

    train: Split
    test: Split
