"""What the random distortions may do to a digit, and what they never do."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mnistcnn import build_model, train
from mnistcnn.backend import tf
from mnistcnn.recipes import Augmentation, Recipe
from mnistcnn.training.augmentation import Augmenter, source_positions, textures

STILL = Augmentation()
ALL = Augmentation(
    rotation=10,
    shear=8,
    scale=0.1,
    translation=1.5,
    elastic_alpha=1,
    stroke_prob=0.4,
    degrade_prob=0.5,
    texture_std=0.3,
)


def distort(plan, images, step=0, draw=(1, 2)):
    return Augmenter(plan, draw)(tf.constant(images), tf.constant(step, tf.int64)).numpy()


@pytest.fixture(scope="module")
def images(digits):
    return digits.train.images[:96, ..., None].astype(np.float32) / 255


def test_no_distortion_leaves_images_as_they_are(images):
    np.testing.assert_allclose(distort(STILL, images), images, atol=1e-6)


@pytest.fixture(scope="module")
def of_all():
    return Augmenter(ALL, (3, 4))


@settings(deadline=None)
@given(count=st.integers(1, 21), step=st.integers(0, 2**31), seed=st.integers(0, 99))
def test_shape_dtype_and_range_hold_for_any_batch(of_all, count, step, seed):
    x = np.random.default_rng(seed).uniform(size=(count, 28, 28, 1)).astype(np.float32)
    changed = of_all(tf.constant(x), tf.constant(step, tf.int64)).numpy()
    assert changed.shape == x.shape
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_the_same_draw_and_step_give_the_same_images_and_others_give_others(images):
    first = distort(ALL, images, step=5)
    np.testing.assert_array_equal(first, distort(ALL, images, step=5))
    assert np.abs(first - distort(ALL, images, step=6)).mean() > 0.01
    assert np.abs(first - distort(ALL, images, step=5, draw=(1, 3))).mean() > 0.01


def test_a_plan_without_motion_reads_each_pixel_where_it_is():
    positions = source_positions(STILL, np.random.default_rng(0), 3)
    rows, columns = np.divmod(np.arange(784), 28)
    # Counted in an image with a border of one pixel.
    np.testing.assert_allclose(positions[0], np.stack([rows, columns], -1) + 1, atol=1e-5)


@pytest.mark.parametrize(
    ("plan", "least", "most"),
    [
        (Augmentation(rotation=30), 18.0, 30.0),
        (Augmentation(shear=30), 18.0, 30.0),
        (Augmentation(scale=0.2), 1.1, np.exp(0.2)),
        (Augmentation(translation=3), 2.0, 3.0),
    ],
    ids=["rotation", "shear", "scale", "shift"],
)
def test_maps_stay_within_their_limits_and_use_them(plan, least, most):
    positions = source_positions(plan, np.random.default_rng(0), 300) - 1
    centre = positions.reshape(-1, 28, 28, 2)[:, 13:15, 13:15]
    down, right = (centre[:, 1, 0] - centre[:, 0, 0]), (centre[:, 0, 1] - centre[:, 0, 0])
    if plan.rotation:
        found = np.degrees(np.arctan2(-down[:, 1], down[:, 0]))
        np.testing.assert_allclose(np.linalg.norm(down, axis=1), 1, atol=1e-4)
    elif plan.shear:
        found = np.degrees(np.arctan(down[:, 1] / down[:, 0]))
        np.testing.assert_allclose(right, [[0, 1]] * 300, atol=1e-4)
    elif plan.scale:
        found = 1 / np.concatenate([down[:, 0], right[:, 1]])
        assert found.min() >= np.exp(-plan.scale) - 1e-4
    else:
        found = (centre.mean((1, 2)) - 13.5).ravel()
    assert least < np.abs(found).max() <= most + 1e-3
    assert found.min() < (1 if plan.scale else 0) < found.max()


def test_images_are_moved_as_scipy_would(images):
    plan = Augmentation(rotation=20, shear=10, scale=0.1, translation=2, elastic_alpha=1.5)
    draw = (7, 8)
    positions = source_positions(plan, np.random.default_rng(draw), 4096)
    changed = distort(plan, images[:8], draw=draw)
    expected = np.stack(
        [
            ndimage.map_coordinates(np.pad(images[0, ..., 0], 1), field.T, order=1)
            for field in positions
        ]
    )
    # One of the bank's fields moved the first image; which one is drawn in the graph.
    distance = np.abs(expected.reshape(-1, 28, 28) - changed[0, ..., 0]).max((1, 2))
    assert distance.min() < 1e-4
    field = positions[distance.argmin()]
    second = ndimage.map_coordinates(np.pad(images[1, ..., 0], 1), field.T, order=1)
    np.testing.assert_allclose(changed[1, ..., 0].ravel(), second, atol=1e-4)


def test_what_enters_is_black():
    changed = distort(Augmentation(translation=6), np.ones((64, 28, 28, 1), np.float32))
    sums = changed[..., 0].sum((1, 2))
    assert sums.min() < 26 * 26
    assert set(np.unique(changed[sums < 26 * 26][:, :, 13].round(3))) >= {0, 1}


def test_elastic_fields_have_the_asked_strength():
    plan = Augmentation(elastic_alpha=2.0, elastic_sigma=4.0)
    moved = source_positions(plan, np.random.default_rng(0), 200)
    moved -= source_positions(STILL, np.random.default_rng(0), 1)
    # Away from the border, where positions are held inside the image.
    inner = moved.reshape(-1, 28, 28, 2)[:, 8:20, 8:20]
    strengths = np.sqrt((inner**2).mean((1, 2)))
    assert 0.85 < strengths.mean() < 1.15
    assert strengths.max() < 2 * 2.0
    steps = np.abs(np.diff(inner, axis=1)).mean() / np.abs(inner).mean()
    assert steps < 0.4  # neighbours move alike


def test_strokes_change_in_their_share_alone(images):
    changed = distort(Augmentation(stroke_prob=0.5), images)
    ink = changed.sum((1, 2, 3)) / images.sum((1, 2, 3))
    thick, thin, soft, rest = ink[:16], ink[16:32], ink[32:48], ink[48:]
    assert (thick >= 1).all()
    assert thick.mean() > 1.2
    assert (thin <= 1 + 1e-6).all()
    assert thin.mean() < 0.9
    assert 0.85 < soft.mean() < 1.05
    np.testing.assert_allclose(rest, 1, atol=1e-5)


def test_soil_falls_on_its_share_alone(images):
    changed = distort(Augmentation(degrade_prob=0.25), images)
    np.testing.assert_allclose(changed[:72], images[:72], atol=1e-6)
    assert (np.abs(changed[72:] - images[72:]).max((1, 2, 3)) > 0.02).all()


def test_paper_and_fading_stay_within_their_limits():
    blank_and_full = np.repeat(np.float32([0, 1]), 32)[:, None, None, None]
    x = np.broadcast_to(blank_and_full, (64, 28, 28, 1)).astype(np.float32)
    plan = Augmentation(
        degrade_prob=0.99, max_background=0.3, max_contrast_loss=0.5, texture_std=0.0
    )
    medians = np.median(distort(plan, x[1:])[..., 0], axis=(1, 2))
    assert medians[:30].max() <= 0.3
    assert medians[:30].max() > 0.15
    assert medians[33:].min() >= 0.5 - 1e-6


def test_textures_have_mean_0_and_deviation_1_and_differ_in_grain():
    made = textures(np.random.default_rng(0), 256)[..., 0]
    np.testing.assert_allclose(np.sqrt((made**2).mean((1, 2))), 1, atol=1e-3)
    assert abs(made.mean()) < 0.1
    grain = np.abs(np.diff(made, axis=1)).mean((1, 2))
    assert grain.min() < 0.2
    assert grain.max() > 0.9


def test_training_with_augmentation_repeats_and_differs_by_seed(xy):
    x, y = xy[0][:256], xy[1][:256]
    recipe = Recipe(name="moved", epochs=2, batch_size=100, learning_rate=0.01, augmentation=ALL)

    def trained(seed, recipe=recipe):
        model = build_model(seed=0)
        train(model, x, y, recipe=recipe, seed=seed, verbose=0)
        return np.concatenate([weight.ravel() for weight in model.get_weights()])

    first = trained(1)
    np.testing.assert_array_equal(first, trained(1))
    assert np.abs(first - trained(2)).max() > 1e-3
    plain = dataclasses.replace(recipe, augmentation=None)
    assert np.abs(first - trained(1, plain)).max() > 1e-3


def test_other_networks_are_trained_on_the_same_distortions(xy, monkeypatch):
    import keras

    seen = []

    class Seeing(keras.Sequential):
        def train_step(self, data):
            tf.numpy_function(lambda batch: seen.append(batch.copy()), [data[0]], [])
            return super().train_step(data)

    model = Seeing([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
    recipe = Recipe(name="moved", epochs=2, batch_size=40, augmentation=Augmentation(translation=2))
    still = dataclasses.replace(recipe, augmentation=None)
    x, y = xy[0][:80], xy[1][:80]
    for one in (recipe, recipe, still):
        train(model, x, y, recipe=one, seed=3, verbose=0)
    moved, again, plain = seen[:4], seen[4:8], seen[8:]
    np.testing.assert_array_equal(moved, again)
    assert np.abs(moved[0] - plain[0]).mean() > 0.01
    assert np.abs(moved[0] - moved[2]).mean() > 0.01
