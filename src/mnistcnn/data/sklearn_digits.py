"""scikit-learn's handwritten digits in the format of MNIST."""

from __future__ import annotations

import numpy as np

from mnistcnn.data.size_normalization import to_mnist_format
from mnistcnn.types import NUM_CLASSES, Dataset, Split
from mnistcnn.utils.requirements import require

_MAX_INTENSITY = 16
_TEST_STRIDE = 5


def load_sklearn_digits() -> Dataset:
    """Return 1,797 handwritten digits, split into 1,442 training and 355 test images.

    They are the optical digits of Alpaydin and Kaynak (1998), which scikit-learn ships as
    images of 8 × 8 integers in 0...16. The test set is every fifth image of each class, in the
    original order.
    """
    require("the dataset 'digits'", "sklearn")
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
