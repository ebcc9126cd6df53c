"""Random split of a data set into a training and a test set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stratified_test_mask(
    labels: NDArray[np.uint8], test_size: float, seed: int | None
) -> NDArray[np.bool_]:
    """Return which images are for testing: the same fraction of each class, at random.

    The number of images is the rounded fraction of all.

    Parameters
    ----------
    labels : numpy.ndarray
        ``uint8`` of shape ``(n,)``.
    test_size : float
        Fraction in (0, 1]. With 1, all images are for testing.
    seed : int or None
        Seed of the selection; None draws afresh.
    """
    generator = np.random.default_rng(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    exact = test_size * sizes
    counts = np.floor(exact).astype(int)
    # The classes with the largest remainders receive the images that are missing from the total.
    missing = round(test_size * len(labels)) - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    in_test = np.zeros(len(labels), dtype=bool)
    for label, count in zip(classes, counts, strict=True):
        members = np.flatnonzero(labels == label)
        in_test[generator.permutation(members)[:count]] = True
    return in_test
