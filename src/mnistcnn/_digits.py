"""scikit-learn's handwritten digits, brought to the layout of MNIST."""

from __future__ import annotations

import numpy as np

from mnistcnn._glyphs import lay_out
from mnistcnn._types import NUM_CLASSES, Dataset, Split

_FULL_INK = 16
_EVERY_NTH_TO_TEST = 5


def load_digits() -> Dataset:
    """Return 1,797 real handwritten digits: 1,442 to train on, 355 to test on.

    They are the optical digits of Alpaydin and Kaynak (1998) as scikit-learn ships
    them: 8 × 8 counts of ink in 0...16. Every fifth image of each class goes to the
    test part, in the order of the source.
    """
    from sklearn import datasets

    source = datasets.load_digits()
    images = np.stack([lay_out(image) for image in source.images.astype(np.float32) / _FULL_INK])
    labels = source.target.astype(np.uint8)
    in_test = np.zeros(len(labels), dtype=bool)
    for label in range(NUM_CLASSES):
        members = np.flatnonzero(labels == label)
        in_test[members[_EVERY_NTH_TO_TEST - 1 :: _EVERY_NTH_TO_TEST]] = True
    return Dataset(
        Split(images[~in_test], labels[~in_test]), Split(images[in_test], labels[in_test])
    )
