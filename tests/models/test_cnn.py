"""The baseline network and the teacher."""

import random

import numpy as np
import pytest

from mnistcnn import build_model
from mnistcnn.backend import keras
from mnistcnn.models.classes import get_class_names
from mnistcnn.models.cnn import architecture_mismatch
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES
from tests.helpers.models import numpy_forward


def equal_weights(model, other):
    return all(map(np.array_equal, model.get_weights(), other.get_weights()))


def test_layers_and_parameters(network):
    assert isinstance(network, keras.Sequential)
    assert network.count_params() == 34_826
    assert sum(int(np.prod(v.shape)) for v in network.trainable_weights) == 34_826
    assert [(layer.name, type(layer).__name__, layer.count_params()) for layer in network.layers] == [
        ("conv1", "Conv2D", 320),
        ("pool1", "MaxPooling2D", 0),
        ("conv2", "Conv2D", 18_496),
        ("pool2", "MaxPooling2D", 0),
        ("flatten", "Flatten", 0),
        ("dropout", "Dropout", 0),
        ("probabilities", "Dense", 16_010),
    ]  # fmt: skip
    assert network.input_shape == (None, 28, 28, 1)
    assert network.output_shape == (None, 10)
    assert [tuple(weight.shape) for weight in network.weights] == list(CNN_WEIGHT_SHAPES.values())
    assert network.get_layer("conv1").activation is keras.activations.relu
    assert network.get_layer("conv2").activation is keras.activations.relu
    assert network.get_layer("probabilities").activation is keras.activations.softmax
    assert network.get_layer("dropout").rate == 0.25


def test_probabilities_are_those_of_the_layers(network):
    x = np.random.default_rng(0).random((2, 28, 28, 1), dtype=np.float32)
    expected = numpy_forward(network.get_weights(), x)
    assert np.allclose(network(x), expected, atol=1e-5)


def test_compilation(network):
    assert isinstance(network.optimizer, keras.optimizers.Adam)
    assert float(network.optimizer.learning_rate) == pytest.approx(1e-3)
    assert network.loss == "categorical_crossentropy"


def test_options_are_used():
    model = build_model(dropout=0, learning_rate=0.5)
    assert model.get_layer("dropout").rate == 0
    assert float(model.optimizer.learning_rate) == 0.5


def test_equal_seeds_give_equal_weights(network):
    assert equal_weights(build_model(seed=0), network)
    assert not equal_weights(build_model(seed=1), network)
    assert not equal_weights(build_model(), build_model())
    kernels = [w for w in network.get_weights() if w.ndim > 1]
    assert all(abs(kernel).min() < abs(kernel).max() for kernel in kernels)


def test_the_global_random_generators_are_unchanged():
    keras.utils.set_random_seed(5)
    expected = random.random(), float(keras.random.uniform(()))
    keras.utils.set_random_seed(5)
    build_model(seed=0)
    assert (random.random(), float(keras.random.uniform(()))) == expected


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(dropout=1.0), ValueError, r"dropout must lie in \[0, 1\); received 1\.0"),
        (dict(dropout=-0.1), ValueError, r"dropout must lie in \[0, 1\); received -0\.1"),
        (dict(dropout="0.2"), TypeError, "dropout must be a number; received '0.2'"),
        (dict(dropout=float("nan")), ValueError, "dropout must be finite; received nan"),
        (dict(learning_rate=0), ValueError, "learning_rate must be greater than 0; received 0"),
        (dict(learning_rate=True), TypeError, "learning_rate must be a number; received True"),
        (dict(seed=-1), ValueError, "seed must be at least 0; received -1"),
        (dict(seed=1.5), TypeError, "seed must be an integer; received 1.5"),
    ],
)
def test_options_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        build_model(**options)


def test_any_number_of_classes():
    model = build_model(num_classes=26, seed=0)
    assert model.output_shape == (None, 26)
    assert model.count_params() == 34_826 + 16 * 1601
    assert architecture_mismatch(model, in_training=True) is None
    assert get_class_names(model, 26) == tuple(map(str, range(26)))


def test_class_names_are_an_attribute():
    model = build_model(class_names=["a", "b", "c"])
    assert (model.output_shape, model.class_names) == ((None, 3), ("a", "b", "c"))
    assert getattr(build_model(), "class_names", None) is None


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_classes": 1}, ValueError, "num_classes must be at least 2; received 1"),
        ({"num_classes": "26"}, TypeError, "num_classes must be an integer; received '26'"),
        ({"class_names": ["a"]}, ValueError, "the number of class_names must be at least 2; received 1"),
        ({"class_names": ["a", "b"], "num_classes": 3}, ValueError, "class_names must hold 3 names; received 2"),
    ],
)  # fmt: skip
def test_classes_are_checked(options, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        build_model(**options)
