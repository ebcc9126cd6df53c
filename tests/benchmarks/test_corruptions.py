"""The image corruptions that measure robustness."""

import numpy as np
import pytest

from benchmarks.accuracy.corruptions import CORRUPTIONS, STRENGTHS, corrupt


@pytest.fixture(scope="module")
def images(digits):
    return digits.train.images[:24].astype(np.float32) / 255


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corruption_grows_with_strength_and_is_reproducible(name, images):
    before = images.copy()
    changes = []
    for strength in STRENGTHS:
        corrupted = corrupt(name, images, strength)
        assert corrupted.shape == images.shape
        assert corrupted.dtype == np.float32
        assert corrupted.min() >= 0
        assert corrupted.max() <= 1
        np.testing.assert_array_equal(corrupted, corrupt(name, images, strength))
        changes.append(np.abs(corrupted - images).mean())
    np.testing.assert_array_equal(images, before)
    assert changes[0] > 0.001
    assert changes[0] < changes[2] < changes[4]
    assert np.abs(corrupt(name, images, 5) - images).max((1, 2)).min() > 0.05


@pytest.mark.parametrize("name", ["Gaussian noise", "lines", "rotation", "motion blur"])
def test_other_seed_gives_other_corruption(name, images):
    assert not np.array_equal(corrupt(name, images, 3), corrupt(name, images, 3, seed=1))


def test_corruptions_do_what_their_names_say(images):
    ink = images.sum((1, 2))
    assert (corrupt("thicker", images, 3).sum((1, 2)) > ink).all()
    assert (corrupt("thinner", images, 3).sum((1, 2)) < ink).all()
    np.testing.assert_allclose(corrupt("contrast", images, 3), 0.3 * images, atol=1e-6)
    assert (corrupt("brightness", images, 3) >= images).all()
    covered = corrupt("occlusion", images, 3)
    assert ((covered == images) | (covered == 0)).all()
    rows = np.arange(28)
    shifted = corrupt("shift", images, 2).sum(2) @ rows / corrupt("shift", images, 2).sum((1, 2))
    center = images.sum(2) @ rows / ink
    np.testing.assert_allclose(np.abs(shifted - center), 2, atol=0.3)
