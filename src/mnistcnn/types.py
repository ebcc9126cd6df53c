"""Array types, and the containers of a data set."""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mnistcnn.notebook import html
from mnistcnn.public import public

IMAGE_SIZE = 28
NUM_PIXELS = IMAGE_SIZE * IMAGE_SIZE
NUM_CLASSES = 10
_MAX_COUNTED_CLASSES = 26
_NUM_SHOWN = 10
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
        ``uint8`` of shape ``(n,)``; the digits 0 to 9 or, of other classes, the index in
        `Dataset.class_names`.
    """

    images: UInt8Array
    labels: UInt8Array

    def __repr__(self) -> str:
        return f"Split(images={_summary(self.images)}, labels={_summary(self.labels)})"


class _Splits(NamedTuple):
    """The elements of `Dataset`."""

    train: Split
    test: Split


@public
class Dataset(_Splits):
    """A training set and a test set, which unpack as those of ``keras.datasets`` do.

    Parameters
    ----------
    train, test : Split
        The two sets, without an image in common.
    class_names : tuple of str, default the ten digits
        Name of each label: ``class_names[label]``.

    Examples
    --------
    >>> import mnistcnn
    >>> dataset = mnistcnn.load_data("digits")
    >>> (x_train, y_train), (x_test, y_test) = dataset
    >>> x_train.shape, y_train.shape
    ((1442, 28, 28), (1442,))
    >>> dataset.class_names
    ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9')
    """

    # A class attribute, since methods of tuples such as _replace do not call __new__.
    class_names: tuple[str, ...] = DIGIT_NAMES

    def __new__(cls, train: Split, test: Split, class_names: tuple[str, ...] = DIGIT_NAMES) -> Self:
        """Create the data set."""
        dataset = super().__new__(cls, train, test)
        if class_names != DIGIT_NAMES:
            dataset.class_names = class_names
        return dataset

    def __repr__(self) -> str:
        return (
            f"Dataset({len(self.train.labels):,} training images, "
            f"{len(self.test.labels):,} test images, {len(self.class_names)} classes)"
        )

    def _repr_html_(self) -> str:
        names, images = self.class_names, self.train.images[:_NUM_SHOWN]
        parts = [html.heading("Dataset", repr(self).removeprefix("Dataset"))]
        if images.dtype == np.uint8 and images.ndim == 3 and len(images):
            strip = np.concatenate(images, axis=1)
            parts.append(html.gray_image(strip, alt="The first training images"))
        if len(names) <= _MAX_COUNTED_CLASSES:
            counts = [
                (title, *(f"{count:,}" for count in _class_counts(split, len(names))))
                for title, split in zip(("training", "test"), self, strict=True)
            ]
            parts.append(html.table(counts, header=("images", *names)))
        return html.block(*parts)


def _class_counts(split: Split, num_classes: int) -> list[int]:
    return [int(np.count_nonzero(split.labels == label)) for label in range(num_classes)]


def _summary(array: Any) -> str:
    return f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
