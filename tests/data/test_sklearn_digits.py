"""scikit-learn's digits in the format of MNIST."""

import numpy as np
from sklearn import datasets

from mnistcnn import load_data
from tests.helpers.http_server import datasets_equal


def test_the_split_is_stratified_and_complete(digits):
    assert (digits.train.images.shape, digits.test.images.shape) == ((1442, 28, 28), (355, 28, 28))
    assert digits.train.images.dtype == digits.train.labels.dtype == np.uint8
    counts = [np.bincount(split.labels, minlength=10) for split in digits]
    assert sum(counts).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.all(np.abs(counts[1] / sum(counts) - 0.2) < 0.01)


def test_images_have_the_format_of_mnist(digits):
    """The ink fits a 20 × 20 box, and its center of mass is within half a pixel of the center."""
    positions = np.arange(28)
    for image in np.concatenate([digits.train.images, digits.test.images]):
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        assert 18 <= max(height, width) <= 20
        mass = image.sum(dtype=float)
        center = np.array([image.sum(axis=1) @ positions, image.sum(axis=0) @ positions]) / mass
        assert np.all(np.abs(center - 14) <= 0.5), center
        assert image.max() > 200


def test_labels_are_those_of_the_source_and_no_image_is_in_both_sets(digits):
    source = datasets.load_digits()
    assert sorted(np.concatenate([s.labels for s in digits])) == sorted(source.target)
    train, test = ({image.tobytes() for image in split.images} for split in digits)
    assert not train & test


def test_images_resemble_those_of_the_source(digits):
    """Sampled at the pixels of the source, an image correlates with the source."""
    source = datasets.load_digits()
    image = digits.train.images[0]
    assert digits.train.labels[0] == source.target[0] == 0
    original = source.images[0]
    rows, columns = np.flatnonzero(original.any(axis=1)), np.flatnonzero(original.any(axis=0))
    original = original[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    ys = rows[0] + (np.arange(original.shape[0]) + 0.5) * len(rows) / original.shape[0]
    xs = columns[0] + (np.arange(original.shape[1]) + 0.5) * len(columns) / original.shape[1]
    sampled = image[np.ix_(ys.astype(int), xs.astype(int))]
    assert np.corrcoef(sampled.ravel(), original.ravel())[0, 1] > 0.9


def test_loading_is_deterministic(digits):
    assert datasets_equal(load_data("digits"), digits)
