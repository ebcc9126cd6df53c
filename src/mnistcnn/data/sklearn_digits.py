"""scikit-learn's handwritten digits, brought to the layout of MNIST."""

from __future__ import annotations

import numpy as np

from mnistcnn.data.mnist_format import to_mnist_format
from mnistcnn.types import NUM_CLASSES, Dataset, Split

_MAX_INTENSITY = 16
_TEST_STRIDE = 5


def load_sklearn_digits() -> Dataset:
    """Return 1,797 real handwritten digits: 1,442 to train on, 355 to test on.

    They are the optical digits of Alpaydin and Kaynak (1998) as scikit-learn ships
    them: 8 × 8 counts of ink in 0...16. Every fifth image of each class goes to the
    test part, in the order of the source.
    """
    from sklearn import datasets

    source = datasets.load_digits()
    images = np.stack(
        [to_mnist_format(image) for image in source.images.astype(np.float32) / _MAX_INTENSITY]
    )
    labels = source.target.astype(np.uint8)
    in_test = np.zeros(len(labels), dtype=bool)
    for label in range(NUM_CLASSES):
        members = np.flatnonzero(labels == label)
        in_test[members[_TEST_STRIDE - 1 :: _TEST_STRIDE]] = True
    return Dataset(
        Split(images[~in_test], labels[~in_test]), Split(images[in_test], labels[in_test])
    )
