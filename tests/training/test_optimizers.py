"""The optimizers of the recipes."""

import dataclasses

import numpy as np
import pytest

from mnistcnn import build_model
from mnistcnn.backend import keras
from mnistcnn.recipes import Recipe
from mnistcnn.training.learning_rate_schedules import OneCycleSchedule
from mnistcnn.training.optimizers import Muon, make_optimizer

RECIPE = Recipe(name="any", epochs=1, batch_size=8, learning_rate=0.01, warmup=0.2, beta_1=0.8)


def updates(recipe, gradients):
    """Return how one step changes each of the network's six arrays."""
    model = build_model(seed=0)
    before = model.get_weights()
    make_optimizer(recipe, steps=100).apply(gradients, model.trainable_variables)
    return [new - old for new, old in zip(model.get_weights(), before, strict=True)]


@pytest.fixture(scope="module")
def gradients():
    generator = np.random.default_rng(0)
    shapes = [array.shape for array in build_model(seed=0).get_weights()]
    return [generator.standard_normal(shape).astype(np.float32) for shape in shapes]


def test_make_optimizer():
    adam = make_optimizer(RECIPE, steps=50)
    assert type(adam) is keras.optimizers.Adam
    assert (adam.beta_1, adam.beta_2) == (0.8, 0.999)
    muon = make_optimizer(dataclasses.replace(RECIPE, optimizer="muon"), steps=50)
    assert type(muon) is Muon
    assert (muon.adam_beta_1, muon.adam_beta_2) == (0.8, 0.999)
    assert (muon.weight_decay, muon.adam_weight_decay) == (0, 0)
    assert muon._learning_rate.get_config() == adam._learning_rate.get_config()


def test_muon_differs_from_adam_in_the_second_kernel_only(gradients):
    adam = updates(RECIPE, gradients)
    muon = updates(dataclasses.replace(RECIPE, optimizer="muon"), gradients)
    for index, (one, other) in enumerate(zip(adam, muon, strict=True)):
        if index == 2:
            assert np.abs(one - other).max() > 1e-4
        else:
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-7)


def test_muon_orthogonalizes_the_update(gradients):
    update = updates(dataclasses.replace(RECIPE, optimizer="muon"), gradients)[2]
    u, _, v = np.linalg.svd(gradients[2].reshape(288, 64), full_matrices=False)
    nearest, update = -(u @ v).ravel(), update.ravel()
    cosine = nearest @ update / np.linalg.norm(nearest) / np.linalg.norm(update)
    assert cosine > 0.95
    rate = float(OneCycleSchedule(0.01, steps=100, warmup=0.2)(0))
    # The root mean square of the update is a fifth of the rate, similar to that of Adam.
    assert np.sqrt((update**2).mean()) == pytest.approx(0.2 * rate, rel=0.2)
