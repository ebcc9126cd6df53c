"""Conversion of arrays as files hold them to images ``uint8 (n, 28, 28)`` and labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.data.formats.raw import RawSplit
from mnistcnn.types import IMAGE_SIZE, NUM_PIXELS, Split, UInt8Array
from mnistcnn.utils.text import escape
from mnistcnn.utils.validation import check_same_length

MAX_CLASSES = 256
_BLOCK = 4096  # images converted at a time, since the temporary arrays are larger
# Shapes of the images of a file, without their number.
_SHAPES = (
    (IMAGE_SIZE, IMAGE_SIZE),
    (NUM_PIXELS,),
    (IMAGE_SIZE, IMAGE_SIZE, 1),
    (1, IMAGE_SIZE, IMAGE_SIZE),
)


def convert_split(part: str, raw: RawSplit, *, transpose: bool, first_label: int) -> Split:
    """Return the images and labels of a part of a data set.

    Parameters
    ----------
    part : str
        Name of the part in messages: ``"train"`` or ``"test"``.
    raw : RawSplit
        Images of shape ``(n, 28, 28)``, ``(n, 784)``, ``(n, 28, 28, 1)`` or
        ``(n, 1, 28, 28)``: integers in 0...255, floats in [0, 1] or floats that are such
        integers. Labels of shape ``(n,)`` or ``(n, 1)``, or one-hot.
    transpose : bool
        Whether rows and columns of the images are exchanged.
    first_label : int
        Label of the first class, which becomes 0.

    Raises
    ------
    ValueError
        If a shape, a length or a value is invalid. For a label, the message names its row.
    """
    images = _convert_images(part, raw.images)
    if transpose:
        images = np.ascontiguousarray(images.transpose(0, 2, 1))
    labels = _convert_labels(part, raw.labels, first_label)
    check_same_length(f"{part} images", len(images), f"{part} labels", len(labels))
    return Split(images, labels)


def _convert_images(part: str, array: NDArray[Any]) -> UInt8Array:
    if array.shape[1:] not in _SHAPES or array.ndim == 1:
        raise ValueError(
            f"{part} images must have shape (n, 28, 28), (n, 784), (n, 28, 28, 1) or "
            f"(n, 1, 28, 28); received {escape(array.shape)}"
        )
    images = array.reshape(-1, IMAGE_SIZE, IMAGE_SIZE)
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    low, high = (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)
    scale = 255 if images.dtype.kind == "b" or (images.dtype.kind == "f" and high <= 1) else 1
    if not (low >= 0 and high <= 255):  # NaN too
        raise ValueError(
            f"{part} images must be integers in 0...255 or floats in [0, 1]; "
            f"received {low:g}...{high:g}"
        )
    result = np.empty(images.shape, np.uint8)
    for first in range(0, len(images), _BLOCK):
        block = images[first : first + _BLOCK]
        if scale == 1 and block.dtype.kind == "f" and not np.array_equal(block, np.rint(block)):
            raise ValueError(
                f"{part} images of floats must lie in [0, 1] or be integers; "
                f"received fractions in {low:g}...{high:g}"
            )
        result[first : first + _BLOCK] = np.rint(block * float(scale)) if scale > 1 else block
    return result


def _convert_labels(part: str, array: NDArray[Any], first_label: int) -> UInt8Array:
    labels = array[:, 0] if array.shape[1:] == (1,) else array
    if labels.ndim == 2 and _is_one_hot(labels):
        classes: UInt8Array = labels.argmax(axis=1).astype(np.uint8)
        return classes
    if labels.ndim != 1:
        raise ValueError(
            f"{part} labels must have shape (n,) or be one-hot; received {escape(array.shape)}"
        )
    last_label = first_label + MAX_CLASSES - 1
    # NaN fails all comparisons, so the condition states what is valid.
    valid = (labels >= first_label) & (labels <= last_label)
    if labels.dtype.kind == "f":
        valid &= labels == np.rint(labels)
    if not valid.all():
        row = int(np.flatnonzero(~valid)[0])
        raise ValueError(
            f"{part} labels must be integers in {first_label}...{last_label}; "
            f"received {labels[row]:g} in row {row + 1:,}"
        )
    return np.subtract(labels.astype(np.int64), first_label).astype(np.uint8)


def _is_one_hot(labels: NDArray[Any]) -> bool:
    return (
        1 < labels.shape[1] <= MAX_CLASSES
        and bool(((labels == 0) | (labels == 1)).all())
        and bool((labels.sum(axis=1) == 1).all())
    )


def class_names_of(splits: Iterable[Split]) -> tuple[str, ...]:
    """Return the labels themselves as names: at least the ten digits."""
    highest = max((int(split.labels.max(initial=0)) for split in splits), default=0)
    return tuple(str(label) for label in range(max(highest + 1, 10)))
