"""Preprocessing of raw images and labels to the input of the network."""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from mnistcnn.public import public
from mnistcnn.types import NUM_CLASSES, Float32Array
from mnistcnn.utils.validation import (
    check_array,
    check_images,
    check_int,
    check_labels,
    check_same_length,
    is_one_hot,
)


@overload
def preprocess(images: ArrayLike) -> Float32Array: ...
@overload
def preprocess(
    images: ArrayLike, labels: ArrayLike, *, num_classes: int = NUM_CLASSES
) -> tuple[Float32Array, Float32Array]: ...


@public
def preprocess(
    images: ArrayLike, labels: ArrayLike | None = None, *, num_classes: int = NUM_CLASSES
) -> Float32Array | tuple[Float32Array, Float32Array]:
    """Scale images to [0, 1], add a channel axis and one-hot encode labels.

    These are the three steps of the baseline: ``astype(float32) / 255``, ``expand_dims(-1)``
    and ``to_categorical``. The result is always a new array, and the input is unchanged.
    Preprocessing is idempotent: preprocessed images and labels are returned unchanged.

    Parameters
    ----------
    images : array_like
        One image or a batch: shape ``(28, 28)``, ``(n, 28, 28)``, ``(28, 28, 1)`` or
        ``(n, 28, 28, 1)``, or a table of 784 pixels per row, such as a pandas
        ``DataFrame``: shape ``(n, 784)``. Integers of any dtype must lie in 0...255 and
        are divided by 255; floats must lie in [0, 1] and are not scaled.
    labels : array_like, optional
        One label per image: integers in ``0...num_classes - 1`` of shape ``(n,)``, such as
        a column of a ``DataFrame`` (or a scalar for a single image), or one-hot of shape
        ``(n, num_classes)``.
    num_classes : int, default 10
        Number of classes.

    Returns
    -------
    x : numpy.ndarray
        ``float32`` of shape ``(n, 28, 28, 1)`` in [0, 1], C-contiguous.
    y : numpy.ndarray
        ``float32`` of shape ``(n, num_classes)``, a single 1 in each row. Only if
        `labels` is given; the result is then the pair ``(x, y)``.

    Raises
    ------
    TypeError
        If the images or labels are not numbers (object, string, boolean, complex).
    ValueError
        If a shape, a length or a value is invalid, such as NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from mnistcnn import preprocess
    >>> images = np.full((2, 28, 28), 51, dtype=np.uint8)
    >>> x, y = preprocess(images, [3, 7])
    >>> x.shape, x.dtype, float(x[0, 0, 0, 0])
    ((2, 28, 28, 1), dtype('float32'), 0.20000000298023224)
    >>> y.argmax(axis=1)
    array([3, 7])
    """
    array = check_images(images)
    if array.dtype.kind == "f":
        x = np.array(array, dtype=np.float32, order="C")
    else:
        x = np.divide(array, np.float32(255), dtype=np.float32, order="C")
    x = x[..., np.newaxis]
    if labels is None:
        return x
    y = _one_hot(labels, check_int("num_classes", num_classes, minimum=1))
    check_same_length("images", len(x), "labels", len(y))
    return x, y


def _one_hot(labels: ArrayLike, num_classes: int) -> Float32Array:
    array = check_array("labels", labels)
    if is_one_hot(array, num_classes):
        return np.array(array, dtype=np.float32, order="C")
    classes = check_labels(array, num_classes)
    encoded = np.zeros((len(classes), num_classes), dtype=np.float32)
    encoded[np.arange(len(classes)), classes] = 1
    return encoded
