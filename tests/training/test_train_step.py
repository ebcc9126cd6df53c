"""The fast training step equals that of Keras, and other models do not use it."""

import numpy as np
import pytest

from mnistcnn import build_model
from mnistcnn.backend import keras, tf
from mnistcnn.training.train_step import TrainStep, supports_fast_step
from tests.training.model_variants import VARIANTS


def test_the_baseline_network_has_the_fast_step():
    model = build_model(dropout=0.5, learning_rate=0.1)
    assert supports_fast_step(model)
    # As in the published notebook.
    model.compile("sgd", keras.losses.categorical_crossentropy, metrics=["accuracy"])
    assert supports_fast_step(model)


@pytest.mark.parametrize("build", VARIANTS)
def test_other_models_have_no_fast_step(build):
    assert not supports_fast_step(build())


@pytest.mark.parametrize("optimizer", ["sgd", pytest.param("adam", marks=pytest.mark.slow)])
def test_the_fast_step_equals_that_of_keras(xy, optimizer):
    models = []
    for _ in range(2):
        model = build_model(seed=2, dropout=0)
        model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
        model.optimizer.build(model.trainable_variables)
        models.append(model)
    one, other = models
    step = TrainStep(one)
    train_step, test_step = (
        tf.function(function, reduce_retracing=True) for function in (step.train, step.test)
    )
    initial = [variable.numpy() for variable in [*one.variables, *one.optimizer.variables]]
    for size in (1, 2, 7, 64):
        for model in models:
            variables = [*model.variables, *model.optimizer.variables]
            for variable, value in zip(variables, initial, strict=True):
                variable.assign(value)
        x, y = (tf.constant(array[:size]) for array in xy)
        step.reset()
        train_step(x, y)
        expected = other.train_on_batch(x, y, return_dict=True)
        for a, b in zip(one.optimizer.variables, other.optimizer.variables, strict=True):
            assert np.allclose(a, b, atol=1e-6), a.path
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            assert np.allclose(a, b, atol=1e-6 if optimizer == "sgd" else 2e-3)
        assert step.metrics() == pytest.approx(expected, rel=1e-4)
        step.reset()
        test_step(x, y)
        assert step.metrics() == pytest.approx(one.test_on_batch(x, y, return_dict=True), rel=1e-4)
        other.reset_metrics()
        one.reset_metrics()


def test_a_batch_of_one_image_counts_once(xy):
    x, y = xy
    model = build_model(seed=2, dropout=0, learning_rate=1e-9)
    model.optimizer.build(model.trainable_variables)
    step = TrainStep(model)
    step.reset()
    losses = []
    for part in (slice(0, 7), slice(7, 8)):
        tf.function(step.train)(tf.constant(x[part]), tf.constant(y[part]))
        losses.append(model.evaluate(x[part], y[part], verbose=0)[0])
    expected = (7 * losses[0] + losses[1]) / 8
    assert losses[0] != pytest.approx(losses[1], rel=1e-2)
    assert step.metrics()["loss"] == pytest.approx(expected, rel=1e-4)


def test_dropout_is_active_in_training_only(xy):
    x, y = (tf.constant(array[:64]) for array in xy)
    model = build_model(seed=0, dropout=0.9)
    model.optimizer.build(model.trainable_variables)
    step = TrainStep(model)
    losses = []
    for step_fn in (step.test, step.test, step.train):
        step.reset()
        tf.function(step_fn)(x, y)
        losses.append(step.metrics()["loss"])
    assert losses[0] == losses[1]
    assert losses[2] != pytest.approx(losses[0], rel=1e-2)
