"""Preprocessing of raw images and labels to the input of the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mnistcnn.public import public
from mnistcnn.types import Float32Array
from mnistcnn.utils.text import quote
from mnistcnn.utils.validation import (
    check_array,
    check_images,
    check_labels,
    check_same_length,
    is_one_hot,
    one_hot,
    resolve_classes,
)


@overload
def preprocess(images: ArrayLike) -> Float32Array: ...
@overload
def preprocess(
    images: ArrayLike,
    labels: ArrayLike,
    *,
    num_classes: int | None = None,
    class_names: Sequence[str] | None = None,
) -> tuple[Float32Array, Float32Array]: ...


@public
def preprocess(
    images: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    num_classes: int | None = None,
    class_names: Sequence[str] | None = None,
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
        a column of a ``DataFrame`` (or a scalar for a single image), one-hot of shape
        ``(n, num_classes)``, or names among `class_names`.
    num_classes : int, optional
        Number of classes, at least 1. Default: the number of `class_names`, or 10.
    class_names : sequence of str, optional
        Name of each class, if the labels are names.

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
        If a shape, a length or a value is invalid, such as NaN or a label out of range, which
        is reported with its row, counted from 0.

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
    >>> _, y = preprocess(images, ["c", "a"], class_names=["a", "b", "c"])
    >>> y.argmax(axis=1)
    array([2, 0])
    """
    array = check_images(images)
    if array.dtype.kind == "f":
        x = np.array(array, dtype=np.float32, order="C")
    else:
        x = np.divide(array, np.float32(255), dtype=np.float32, order="C")
    x = x[..., np.newaxis]
    if labels is None:
        return x
    y = _one_hot(labels, *resolve_classes(num_classes, class_names), named=class_names is not None)
    check_same_length("images", len(x), "labels", len(y))
    return x, y


def _one_hot(
    labels: ArrayLike, num_classes: int, class_names: tuple[str, ...], *, named: bool
) -> Float32Array:
    if named:
        labels = _indices(labels, class_names)
    array = check_array("labels", labels)
    if is_one_hot(array, num_classes):
        return np.array(array, dtype=np.float32, order="C")
    advice = "give num_classes for more classes" if not named else ""
    return one_hot(check_labels(array, num_classes, advice=advice), num_classes)


def _indices(labels: ArrayLike, class_names: tuple[str, ...]) -> ArrayLike:
    """Return the number of each class that `labels` name; return other labels unchanged."""
    array = np.atleast_1d(np.asarray(labels))
    is_text = array.dtype.kind == "U" or (
        array.dtype.kind == "O" and all(isinstance(name, str) for name in array.flat)
    )
    if array.ndim != 1 or not array.size or not is_text:
        return labels
    numbers = {name: number for number, name in enumerate(class_names)}
    for row, name in enumerate(array):
        if name not in numbers:
            raise ValueError(
                f"labels must be among the {len(class_names)} class_names; "
                f"received {quote(str(name))} in row {row}"
            )
    indices: NDArray[np.intp] = np.array([numbers[name] for name in array], np.intp)
    return indices
