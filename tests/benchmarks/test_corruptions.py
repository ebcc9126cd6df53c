"""The damage by which robustness is measured."""

import numpy as np
import pytest

from benchmarks.accuracy.corruptions import CORRUPTIONS, STRENGTHS, corrupt


@pytest.fixture(scope="module")
def images(digits):
    return digits.train.images[:24].astype(np.float32) / 255


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_kind_damages_more_with_its_strength_and_repeats(name, images):
    before = images.copy()
    changes = []
    for strength in STRENGTHS:
        damaged = corrupt(name, images, strength)
        assert damaged.shape == images.shape
        assert damaged.dtype == np.float32
        assert damaged.min() >= 0
        assert damaged.max() <= 1
        np.testing.assert_array_equal(damaged, corrupt(name, images, strength))
        changes.append(np.abs(damaged - images).mean())
    np.testing.assert_array_equal(images, before)
    assert changes[0] > 0.001
    assert changes[0] < changes[2] < changes[4]
    assert np.abs(corrupt(name, images, 5) - images).max((1, 2)).min() > 0.05


@pytest.mark.parametrize("name", ["Gaussian noise", "lines", "rotation", "motion blur"])
def test_another_seed_gives_other_damage(name, images):
    assert not np.array_equal(corrupt(name, images, 3), corrupt(name, images, 3, seed=1))


def test_kinds_do_what_they_say(images):
    ink = images.sum((1, 2))
    assert (corrupt("thicker", images, 3).sum((1, 2)) > ink).all()
    assert (corrupt("thinner", images, 3).sum((1, 2)) < ink).all()
    np.testing.assert_allclose(corrupt("contrast", images, 3), 0.3 * images, atol=1e-6)
    assert (corrupt("brightness", images, 3) >= images).all()
    covered = corrupt("occlusion", images, 3)
    assert ((covered == images) | (covered == 0)).all()
    rows = np.arange(28)
    moved = corrupt("shift", images, 2).sum(2) @ rows / corrupt("shift", images, 2).sum((1, 2))
    centre = images.sum(2) @ rows / ink
    np.testing.assert_allclose(np.abs(moved - centre), 2, atol=0.3)
