"""Random augmentation: range, limits, reproducibility and training with it."""

import dataclasses

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from mnistcnn import build_model, train
from mnistcnn.backend import keras, tf
from mnistcnn.recipes import Augmentation, Recipe
from mnistcnn.training import augmentation
from mnistcnn.training.augmentation import Augmenter, random_textures, source_positions

IDENTITY = Augmentation()
FULL = Augmentation(
    rotation=10,
    shear=8,
    scale=0.1,
    translation=1.5,
    elastic_alpha=1,
    stroke_prob=0.4,
    degrade_prob=0.5,
    texture_std=0.3,
)


def augment(settings, images, step=0, seed=(1, 2)):
    return Augmenter(settings, seed)(tf.constant(images), tf.constant(step, tf.int64)).numpy()


@pytest.fixture(scope="module")
def images(digits):
    return digits.train.images[:96, ..., None].astype(np.float32) / 255


def test_no_augmentation_changes_nothing(images):
    np.testing.assert_allclose(augment(IDENTITY, images), images, atol=1e-6)


@pytest.fixture
def full_augmenter(small_banks):
    return Augmenter(FULL, (3, 4))


@hypothesis.settings(deadline=None, max_examples=25)
@given(count=st.integers(1, 21), step=st.integers(0, 2**31), seed=st.integers(0, 99))
def test_shape_dtype_and_range_hold_for_any_batch(full_augmenter, count, step, seed):
    x = np.random.default_rng(seed).uniform(size=(count, 28, 28, 1)).astype(np.float32)
    changed = full_augmenter(tf.constant(x), tf.constant(step, tf.int64)).numpy()
    assert changed.shape == x.shape
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1


@pytest.mark.usefixtures("small_banks")
def test_images_depend_on_seed_and_step_only(images):
    first = augment(FULL, images, step=5)
    np.testing.assert_array_equal(first, augment(FULL, images, step=5))
    assert np.abs(first - augment(FULL, images, step=6)).mean() > 0.01
    assert np.abs(first - augment(FULL, images, step=5, seed=(1, 3))).mean() > 0.01


def test_without_motion_each_pixel_is_read_from_its_own_position():
    positions = source_positions(IDENTITY, np.random.default_rng(0), 3)
    rows, columns = np.divmod(np.arange(784), 28)
    # In an image padded by one pixel.
    np.testing.assert_allclose(positions[0], np.stack([rows, columns], -1) + 1, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "least", "most"),
    [
        (Augmentation(rotation=30), 18.0, 30.0),
        (Augmentation(shear=30), 18.0, 30.0),
        (Augmentation(scale=0.2), 1.1, np.exp(0.2)),
        (Augmentation(translation=3), 2.0, 3.0),
    ],
    ids=["rotation", "shear", "scale", "translation"],
)
def test_affine_maps_stay_within_their_limits(settings, least, most):
    positions = source_positions(settings, np.random.default_rng(0), 300) - 1
    center = positions.reshape(-1, 28, 28, 2)[:, 13:15, 13:15]
    down, right = (center[:, 1, 0] - center[:, 0, 0]), (center[:, 0, 1] - center[:, 0, 0])
    if settings.rotation:
        found = np.degrees(np.arctan2(-down[:, 1], down[:, 0]))
        np.testing.assert_allclose(np.linalg.norm(down, axis=1), 1, atol=1e-4)
    elif settings.shear:
        found = np.degrees(np.arctan(down[:, 1] / down[:, 0]))
        np.testing.assert_allclose(right, [[0, 1]] * 300, atol=1e-4)
    elif settings.scale:
        found = 1 / np.concatenate([down[:, 0], right[:, 1]])
        assert found.min() >= np.exp(-settings.scale) - 1e-4
    else:
        found = (center.mean((1, 2)) - 13.5).ravel()
    assert least < np.abs(found).max() <= most + 1e-3
    assert found.min() < (1 if settings.scale else 0) < found.max()


@pytest.mark.usefixtures("small_banks")
def test_warping_equals_that_of_scipy(images):
    settings = Augmentation(rotation=20, shear=10, scale=0.1, translation=2, elastic_alpha=1.5)
    seed = (7, 8)
    positions = source_positions(settings, np.random.default_rng(seed), augmentation._NUM_FIELDS)
    changed = augment(settings, images[:8], seed=seed)
    expected = np.stack(
        [
            ndimage.map_coordinates(np.pad(images[0, ..., 0], 1), field.T, order=1)
            for field in positions
        ]
    )
    # The field of the first image is drawn at random in the graph.
    distance = np.abs(expected.reshape(-1, 28, 28) - changed[0, ..., 0]).max((1, 2))
    assert distance.min() < 1e-4
    field = positions[distance.argmin()]
    second = ndimage.map_coordinates(np.pad(images[1, ..., 0], 1), field.T, order=1)
    np.testing.assert_allclose(changed[1, ..., 0].ravel(), second, atol=1e-4)


def test_pixels_from_outside_the_image_are_black():
    changed = augment(Augmentation(translation=6), np.ones((64, 28, 28, 1), np.float32))
    sums = changed[..., 0].sum((1, 2))
    assert sums.min() < 26 * 26
    assert set(np.unique(changed[sums < 26 * 26][:, :, 13].round(3))) >= {0, 1}


def test_elastic_fields_have_the_given_strength():
    settings = Augmentation(elastic_alpha=2.0, elastic_sigma=4.0)
    displacement = source_positions(settings, np.random.default_rng(0), 200)
    displacement -= source_positions(IDENTITY, np.random.default_rng(0), 1)
    # Away from the border, where positions are clipped.
    inner = displacement.reshape(-1, 28, 28, 2)[:, 8:20, 8:20]
    strengths = np.sqrt((inner**2).mean((1, 2)))
    assert 0.85 < strengths.mean() < 1.15
    assert strengths.max() < 2 * 2.0
    steps = np.abs(np.diff(inner, axis=1)).mean() / np.abs(inner).mean()
    assert steps < 0.4  # neighboring pixels have similar displacements


def test_stroke_variation_applies_to_its_fraction_only(images):
    changed = augment(Augmentation(stroke_prob=0.5), images)
    ink = changed.sum((1, 2, 3)) / images.sum((1, 2, 3))
    dilated, eroded, blurred, rest = ink[:16], ink[16:32], ink[32:48], ink[48:]
    assert (dilated >= 1).all()
    assert dilated.mean() > 1.2
    assert (eroded <= 1 + 1e-6).all()
    assert eroded.mean() < 0.9
    assert 0.85 < blurred.mean() < 1.05
    np.testing.assert_allclose(rest, 1, atol=1e-5)


def test_degradation_applies_to_its_fraction_only(images):
    changed = augment(Augmentation(degrade_prob=0.25), images)
    np.testing.assert_allclose(changed[:72], images[:72], atol=1e-6)
    assert (np.abs(changed[72:] - images[72:]).max((1, 2, 3)) > 0.02).all()


def test_background_and_contrast_loss_stay_within_their_limits():
    blank_and_full = np.repeat(np.float32([0, 1]), 32)[:, None, None, None]
    x = np.broadcast_to(blank_and_full, (64, 28, 28, 1)).astype(np.float32)
    settings = Augmentation(
        degrade_prob=0.99, max_background=0.3, max_contrast_loss=0.5, texture_std=0.0
    )
    medians = np.median(augment(settings, x[1:])[..., 0], axis=(1, 2))
    assert medians[:30].max() <= 0.3
    assert medians[:30].max() > 0.15
    assert medians[33:].min() >= 0.5 - 1e-6


def test_textures_are_normalized_and_differ_in_grain():
    textures = random_textures(np.random.default_rng(0), 256)[..., 0]
    np.testing.assert_allclose(np.sqrt((textures**2).mean((1, 2))), 1, atol=1e-3)
    assert abs(textures.mean()) < 0.1
    grain = np.abs(np.diff(textures, axis=1)).mean((1, 2))
    assert grain.min() < 0.2
    assert grain.max() > 0.9


@pytest.mark.usefixtures("small_banks")
def test_training_with_augmentation_is_reproducible(xy):
    x, y = xy[0][:200], xy[1][:200]
    recipe = Recipe(
        name="augmented", epochs=1, batch_size=100, learning_rate=0.01, augmentation=FULL
    )

    def trained(recipe):
        model = build_model(seed=0)
        train(model, x, y, recipe=recipe, seed=1, verbose=0)
        return np.concatenate([weight.ravel() for weight in model.get_weights()])

    first = trained(recipe)
    np.testing.assert_array_equal(first, trained(recipe))
    plain = dataclasses.replace(recipe, augmentation=None)
    assert np.abs(first - trained(plain)).max() > 1e-3


@pytest.mark.usefixtures("small_banks")
def test_other_models_are_trained_with_the_same_augmentation(xy):
    batches = []

    class Recording(keras.Sequential):
        def train_step(self, data):
            tf.numpy_function(lambda batch: batches.append(batch.copy()), [data[0]], [])
            return super().train_step(data)

    model = Recording([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    recipe = Recipe(name="moved", epochs=2, batch_size=40, augmentation=Augmentation(translation=2))
    plain_recipe = dataclasses.replace(recipe, augmentation=None)
    x, y = xy[0][:80], xy[1][:80]
    for training_recipe in (recipe, recipe, plain_recipe):
        train(model, x, y, recipe=training_recipe, seed=3, verbose=0)
    first, again, plain = batches[:4], batches[4:8], batches[8:]
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - plain[0]).mean() > 0.01
    assert np.abs(first[0] - first[2]).mean() > 0.01
