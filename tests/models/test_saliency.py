"""Grad-CAM and input gradients against finite differences, and the place of the feature maps."""

import numpy as np
import pytest

from mnistcnn.backend import keras
from mnistcnn.models.saliency import saliency_maps
from tests.helpers.models import letter_network

layers = keras.layers


def logits_of(model, x):
    """The logits up to a constant per image, in float64."""
    return np.log(np.asarray(model(x), np.float64))


@pytest.fixture(scope="module")
def noise():
    """Images without equal pixels, between which the maximum of a pool would be undecided."""
    return np.random.default_rng(0).random((5, 28, 28, 1), np.float32)


def test_gradients_equal_finite_differences(network, noise):
    """Differences of two logits, since the probabilities determine them up to a constant."""
    x = noise[:2]
    layer = network.get_layer("conv2")
    first, second = (
        saliency_maps(network, layer, x, np.full(2, c)).gradients.astype(float) for c in (3, 8)
    )
    step = 1e-3
    for row, column in ((10, 12), (14, 14), (20, 9)):
        above, below = x.copy(), x.copy()
        above[:, row, column], below[:, row, column] = (
            x[:, row, column] + step,
            x[:, row, column] - step,
        )
        change = (logits_of(network, above) - logits_of(network, below)) / (2 * step)
        expected = change[:, 3] - change[:, 8]
        assert first[:, row, column] - second[:, row, column] == pytest.approx(expected, abs=3e-3)


def test_grad_cam_of_a_network_with_mean_pooling_is_its_class_activation_map(xy):
    """For such a network Grad-CAM is proportional to the sum of maps by the weights of the class."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    x, classes = xy[0][:5], np.array([0, 1, 2, 3, 0])
    maps = np.asarray(keras.Model(model.inputs, model.get_layer("conv").output)([x]))
    kernel = np.asarray(model.layers[-1].kernel)
    expected = np.maximum(np.einsum("nhwc,cn->nhw", maps, kernel[:, classes]), 0) / 24**2
    result = saliency_maps(model, model.get_layer("conv"), x, classes)
    assert result.grad_cam == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("end", ["dense", "softmax layer", "activation", "mean of two"])
def test_every_end_of_a_network(end, noise):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((28, 28, 1))
    conv = layers.Conv2D(4, 5, 2, activation="relu")
    features = layers.Flatten()(conv(inputs))
    outputs = {
        "dense": lambda: layers.Dense(3, activation="softmax")(features),
        "softmax layer": lambda: layers.Softmax()(layers.Dense(3)(features)),
        "activation": lambda: layers.Activation("softmax")(layers.Dense(3)(features)),
        "mean of two": lambda: layers.Average()(
            [layers.Dense(3, activation="softmax")(features) for _ in range(2)]
        ),
    }[end]()
    model = keras.Model(inputs, outputs)
    x = noise[:2]
    first, second = (
        saliency_maps(model, conv, x, np.full(2, c)).gradients[:, 13, 13] for c in (0, 1)
    )
    above, below = x.copy(), x.copy()
    above[:, 13, 13] += 1e-3
    below[:, 13, 13] -= 1e-3
    change = (logits_of(model, above) - logits_of(model, below)) / 2e-3
    assert first - second == pytest.approx(change[:, 0] - change[:, 1], abs=3e-3)


def test_the_maps_of_the_baseline_lie_in_the_middle_of_what_they_depend_on(network, xy):
    """Position i of the second convolution depends on the pixels 2 i to 2 i + 7."""
    maps = saliency_maps(network, network.get_layer("conv2"), xy[0][:1], np.array([0]))
    assert maps.grad_cam.shape == (1, 11, 11)
    assert maps.extent == (3, 25, 25, 3)  # cells of 2 pixels: the first from 3 to 5
    first = saliency_maps(network, network.get_layer("conv1"), xy[0][:1], np.array([0]))
    assert first.extent == (1, 27, 27, 1)


def test_the_maps_of_other_networks(xy):
    model = letter_network()
    conv = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)][-1]
    maps = saliency_maps(model, conv, xy[0][:1], np.array([25]))
    assert maps.grad_cam.shape == (1, 14, 14)
    assert maps.extent == (0, 28, 28, 0)
