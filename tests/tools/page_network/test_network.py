"""The page network computes the same with its batch normalization folded."""

import numpy as np
import pytest

from tools.page_network.network import FILTERS, NUM_OUTPUTS, build_page_network, fold_batch_norm

# The network is stored in float16, in at most 1.5 MB.
MAX_PARAMETERS = 750_000


@pytest.fixture(scope="module")
def model():
    model = build_page_network()
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if layer.name.endswith("_norm"):
            gamma, beta, mean, variance = (w.shape for w in layer.weights)
            layer.set_weights(
                [
                    generator.uniform(0.5, 1.5, gamma),
                    generator.normal(0, 0.1, beta),
                    generator.normal(0, 0.1, mean),
                    generator.uniform(0.5, 1.5, variance),
                ]
            )
    return model


def conv(x, arrays, name, strides=1):
    import tensorflow as tf

    kernel, bias = arrays[f"{name}/kernel"], arrays[f"{name}/bias"]
    return tf.nn.conv2d(x, kernel, strides, "SAME") + bias


def test_folded_arrays_compute_the_same(model):
    import tensorflow as tf

    arrays = fold_batch_norm(model)
    image = np.random.default_rng(1).random((1, 64, 96, 3), np.float32)
    features = [tf.nn.relu(conv(image, arrays, "stem", 2))]
    for i in range(1, len(FILTERS)):
        x = tf.nn.relu(conv(features[-1], arrays, f"down{i}_1", 2))
        features.append(tf.nn.relu(conv(x, arrays, f"down{i}_2")))
    x, merged = features[-1], {}
    for i in (3, 2, 1, 0):
        lateral = conv(x, arrays, f"lateral{i}")
        lateral = tf.repeat(tf.repeat(lateral, 2, axis=1), 2, axis=2)
        x = merged[i] = tf.nn.relu(conv(features[i] + lateral, arrays, f"up{i}"))
    digits = conv(tf.nn.relu(conv(merged[1], arrays, "digits_1")), arrays, "digits_2")
    expected = model(image)
    np.testing.assert_allclose(conv(merged[0], arrays, "ink"), expected[0], atol=1e-3)
    np.testing.assert_allclose(digits, expected[1], atol=1e-3)
    assert expected[0].shape == (1, 32, 48, 8)
    assert expected[1].shape == (1, 16, 24, NUM_OUTPUTS)


def test_network_is_small(model):
    assert sum(array.size for array in fold_batch_norm(model).values()) <= MAX_PARAMETERS
