"""Division of the logits, for every way in which a network can end."""

import numpy as np
import pytest

from mnistcnn import build_model
from mnistcnn.backend import keras
from mnistcnn.models.logits import divide_logits
from tests.helpers.models import baseline_script_model

layers = keras.layers


def network(*ends):
    return keras.Sequential(
        [keras.Input((28, 28, 1)), layers.Conv2D(4, 5, 3, activation="relu"), *ends]
    )


def functional():
    inputs = keras.Input((28, 28, 1))
    features = layers.Flatten()(layers.Conv2D(4, 5, 3, activation="relu")(inputs))
    return keras.Model(inputs, layers.Softmax()(layers.Dense(7)(features)))


ENDS = {
    "baseline": build_model,
    "script": baseline_script_model,
    "functional": functional,
    "activation": lambda: network(
        layers.Flatten(), layers.Dense(6), layers.Dropout(0.5), layers.Activation("softmax")
    ),
    "convolution": lambda: network(
        layers.Conv2D(5, 1), layers.GlobalAveragePooling2D(), layers.Softmax()
    ),
    "nested": lambda: keras.Sequential(
        [network(layers.Flatten(), layers.Dense(6, use_bias=False)), layers.Softmax()]
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_logits_are_divided(end, xy):
    model = ENDS[end]()
    images = xy[0][:20]
    before = np.log(np.asarray(model(images)))
    divide_logits(model, 2.5)
    after = np.log(np.asarray(model(images)))
    before, after = (each - each.mean(axis=1, keepdims=True) for each in (before, after))
    assert after == pytest.approx(before / 2.5, abs=1e-5)


@pytest.mark.parametrize(
    ("model", "received"),
    [
        (lambda: network(layers.Flatten(), layers.Dense(6)), "Conv2D, Flatten, Dense"),
        (
            lambda: network(layers.Flatten(), layers.Dense(6, activation="sigmoid")),
            "Flatten, Dense",
        ),
        (
            lambda: network(layers.Flatten(), layers.Dense(6), layers.ReLU(), layers.Softmax()),
            "Dense, ReLU, Softmax",
        ),
        (
            lambda: network(
                layers.Flatten(), layers.Dense(6, activation="softmax"), layers.Softmax()
            ),
            "Flatten, Dense, Softmax",
        ),
        (lambda: keras.Sequential([layers.Softmax()]), "Softmax"),
    ],
)
def test_other_ends_are_an_error(model, received):
    message = rf"model must end in a Dense or Conv2D layer and a softmax, .* received .*{received}$"
    with pytest.raises(ValueError, match=message):
        divide_logits(model(), 2)
