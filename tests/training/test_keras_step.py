"""The step for any Keras model equals that of Keras."""

import numpy as np
import pytest

from mnistcnn import train
from mnistcnn.backend import keras, tf
from mnistcnn.training.keras_step import KerasStep, _treats_images_separately, supports_keras_step
from tests.helpers.models import FitSequential, letter_network
from tests.training import model_variants
from tests.training.model_variants import VARIANTS, compiled

layers = keras.layers
WITHOUT_STEP = {
    model_variants.custom_step, model_variants.eager,
}  # fmt: skip


@pytest.mark.parametrize("build", VARIANTS)
def test_most_models_have_a_step(build):
    model = build()
    model(np.zeros((1, 28, 28, 1), np.float32))
    assert supports_keras_step(model) == (build not in WITHOUT_STEP)


def test_a_model_that_overrides_a_method_of_fit_has_no_step():
    stack = [keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10)]
    assert supports_keras_step(compiled(keras.Sequential(stack)))
    assert not supports_keras_step(compiled(FitSequential(stack)))


def test_xla_on_request_is_left_to_fit():
    assert not supports_keras_step(compiled(letter_network(), jit_compile=True))


def with_layer(layer):
    stack = [keras.Input((28, 28, 1)), layer, layers.Flatten(), layers.Dense(10, "softmax")]
    return compiled(keras.Sequential(stack))


def with_operation():
    images = keras.Input((28, 28, 1))
    centered = images - keras.ops.mean(images, axis=0, keepdims=True)
    outputs = layers.Dense(10, "softmax")(layers.Flatten()(centered))
    return compiled(keras.Model(images, outputs))


def residual():
    images = keras.Input((28, 28, 1))
    block = keras.Sequential([layers.Conv2D(4, 3, padding="same"), layers.LayerNormalization()])
    features = layers.Add()([images, block(images)])
    outputs = layers.Dense(10, "softmax")(layers.GlobalMaxPooling2D()(features))
    return compiled(keras.Model(images, outputs))


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (letter_network, True),
        (residual, True),
        (lambda: with_layer(layers.Conv2D(2, 3, kernel_regularizer="l2")), True),
        (lambda: with_layer(layers.BatchNormalization()), False),
        (lambda: with_layer(layers.Conv2D(2, 3, activity_regularizer="l2")), False),
        (lambda: with_layer(layers.Conv2D(2, 3, activation=lambda x: x)), False),
        (lambda: with_layer(layers.Lambda(lambda x: x)), False),
        (lambda: with_layer(layers.RandomRotation(0.1)), False),
        (with_operation, False),
        (model_variants.subclassed, False),
        (model_variants.custom_loss, False),
        (lambda: compiled(letter_network(10), loss=keras.losses.CategoricalCrossentropy(reduction="sum")), False),
        (lambda: compiled(letter_network(10), loss=keras.losses.CategoricalFocalCrossentropy()), True),
    ],
)  # fmt: skip
def test_batches_are_split_only_if_images_are_treated_separately(build, expected):
    assert _treats_images_separately(build()) == expected


MODELS = {
    "letters": lambda: letter_network(10),
    "residual": residual,
    "regularized": lambda: with_layer(layers.Conv2D(2, 3, kernel_regularizer="l2")),
    "normalized": lambda: with_layer(layers.BatchNormalization()),
    "sum": lambda: compiled(letter_network(10), loss=keras.losses.CategoricalCrossentropy(reduction="sum")),
    "mixed precision": lambda: in_half_precision(lambda: letter_network(10)),
    "sparse": lambda: compiled(letter_network(10), loss="sparse_categorical_crossentropy"),
    "more metrics": lambda: compiled(letter_network(10), metrics=["accuracy", "auc"], weighted_metrics=["accuracy"]),
}  # fmt: skip


def in_half_precision(build):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return build()
    finally:
        keras.config.set_dtype_policy("float32")


# With each model once; the other half is slow.
UNWEIGHTED = ("residual", "regularized", "normalized", "sparse")


@pytest.mark.parametrize(
    ("name", "weighted"),
    [
        pytest.param(
            name, weighted, marks=[pytest.mark.slow] if weighted == (name in UNWEIGHTED) else []
        )
        for name in MODELS
        for weighted in (False, True)
    ],
)
def test_the_step_equals_that_of_keras(xy, name, weighted):
    models = [MODELS[name]() for _ in range(2)]
    one, other = models
    other.set_weights(one.get_weights())
    for model in models:
        for layer in model.layers:
            if isinstance(layer, layers.Dropout):
                layer.rate = 0
        options = {"loss": model.loss, "metrics": ["accuracy"]}
        if name == "more metrics":
            options |= {"metrics": ["accuracy", "auc"], "weighted_metrics": ["accuracy"]}
        model.compile(keras.optimizers.SGD(0.1), **options)
        model.optimizer.build(model.trainable_variables)
    step = KerasStep(one)
    train_step, test_step = (
        tf.function(function, reduce_retracing=True) for function in (step.train, step.test)
    )
    weights = np.linspace(0, 2, 64, dtype=np.float32)
    for size in (1, 2, 7, 64):
        x, y = (tf.constant(array[:size]) for array in xy)
        options = {"sample_weight": tf.constant(weights[:size])} if weighted else {}
        step.reset()
        train_step(x, y, **options)
        labels = xy[1][:size].argmax(axis=1) if name == "sparse" else y
        expected = other.train_on_batch(x, labels, return_dict=True, **options)
        tolerance = 2e-3 if name == "mixed precision" else 1e-5
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            assert np.allclose(a, b, atol=tolerance)
        close = {"rel": 1e-2 if name == "mixed precision" else 1e-4, "abs": 1e-6}
        assert step.metrics() == pytest.approx(expected, **close)
        state = step.metric_state()
        step.reset()
        test_step(x, y, **options)
        other.reset_metrics()
        expected = other.test_on_batch(x, labels, return_dict=True, **options)
        assert step.metrics() == pytest.approx(expected, **close)
        step.set_metric_state(state)
        assert all(map(np.array_equal, step.metric_state().values(), state.values()))
        other.reset_metrics()


def test_the_loop_gives_the_results_of_fit(xy):
    """With augmentation off and without dropout, in the same order of images."""
    histories, weights = [], []
    start = letter_network(10).get_weights()
    for kind in (keras.Sequential, FitSequential):
        source = letter_network(10)
        stack = [keras.Input((28, 28, 1))]
        stack += [layer for layer in source.layers if not isinstance(layer, layers.Dropout)]
        model = compiled(kind(stack), keras.optimizers.SGD(0.1))
        model.set_weights(start)
        options = dict(epochs=2, batch_size=51, callbacks=[], seed=3, verbose=0)
        histories.append(train(model, *xy, **options).history)
        weights.append(model.get_weights())
    assert supports_keras_step(model) is False
    for name, values in histories[1].items():
        assert histories[0][name] == pytest.approx(values, rel=1e-3), name
    assert all(np.allclose(a, b, atol=1e-4) for a, b in zip(*weights, strict=True))


def test_one_execution_runs_many_steps(xy, monkeypatch):
    ends = []
    monkeypatch.setattr(
        keras.callbacks.ProgbarLogger,
        "on_train_batch_end",
        lambda self, batch, logs: ends.append(batch),
    )
    data = [np.repeat(array, 2, axis=0) for array in xy]
    options = dict(epochs=1, batch_size=5, validation_split=0.0, callbacks=[], verbose=1)
    train(with_layer(layers.MaxPooling2D()), *data, **options)
    assert ends[-1] == 141
    assert len(ends) < 100
