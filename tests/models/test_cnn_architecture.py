"""Comparing a model with the architecture of build_model."""

import pytest

from mnistcnn import build_model
from mnistcnn.backend import keras
from mnistcnn.models.cnn import architecture_mismatch, check_architecture
from tests.helpers.models import baseline_script_model

LAYERS = "Conv2D, MaxPooling2D, Conv2D, MaxPooling2D, Flatten, Dropout, Dense"


def changed(index, *, shape=(28, 28, 1), **config):
    """The baseline script's model with one layer's configuration changed."""
    model = baseline_script_model()
    layers = [type(layer).from_config(layer.get_config()) for layer in model.layers]
    layers[index] = type(layers[index]).from_config({**layers[index].get_config(), **config})
    return keras.Sequential([keras.Input(shape), *layers])


def functional():
    images = keras.Input((28, 28, 1))
    return keras.Model(images, baseline_script_model()(images))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (functional, "keras.Functional instead of a built keras.Sequential"),
        (lambda: keras.Sequential([keras.layers.Dense(10)]), "unbuilt keras.Sequential instead of a built keras.Sequential"),
        (lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(10)]), f"layers Dense instead of {LAYERS}"),
        (lambda: changed(0, activation="tanh"), "conv2d.* with activation='tanh' instead of 'relu'"),
        (lambda: changed(0, padding="same"), "conv2d.* with padding='same' instead of 'valid'"),
        (lambda: changed(-1, activation="linear"), "dense.* with activation='linear' instead of 'softmax'"),
        (lambda: changed(2, filters=32), "conv2d.* with filters=32 instead of 64"),
        (lambda: changed(0, dtype="float16"), "conv2d.* with dtype policy float16 instead of float32"),
        (lambda: changed(0, shape=(29, 29, 1)), r"input shape \(None, 29, 29, 1\) instead of \(None, 28, 28, 1\)"),
    ],
)  # fmt: skip
def test_another_architecture_is_rejected(make, message):
    expected = f"^model must have the architecture of build_model; received {message}$"
    with pytest.raises(ValueError, match=expected):
        check_architecture(make())


def test_names_rate_seed_and_compilation_are_not_compared():
    assert architecture_mismatch(baseline_script_model(), in_training=True) is None
    assert architecture_mismatch(build_model(dropout=0.5, seed=1), in_training=True) is None


def test_training_settings_are_compared_only_for_training():
    model = build_model()
    model.layers[2].kernel_regularizer = keras.regularizers.L2(0.1)
    assert architecture_mismatch(model, in_training=False) is None
    assert "conv2 with kernel_regularizer=" in architecture_mismatch(model, in_training=True)
