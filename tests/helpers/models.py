"""Models and weights for tests, and the forward pass in NumPy."""

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES


def baseline_script_model():
    """The model as the baseline script builds it: uncompiled, with Keras' own layer names."""
    layers = keras.layers
    return keras.models.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(10, activation="softmax"),
        ]
    )


def random_weights(seed, scale=0.1, shapes=CNN_WEIGHT_SHAPES):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, scale, shape).astype(np.float32) for shape in shapes.values()]


def numpy_forward(weights, images):
    """The probabilities of images, computed in float64."""
    w1, b1, w2, b2, w3, b3 = (array.astype(float) for array in weights)

    def convolve(images, kernel, bias):
        windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), axis=(1, 2))
        features = np.einsum("nhwcij,ijcf->nhwf", windows, kernel, optimize=True)
        return np.maximum(features + bias, 0)

    def pool(images):
        n, h, w, c = images.shape
        return images[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))

    features = pool(convolve(pool(convolve(images.astype(float), w1, b1)), w2, b2))
    logits = features.reshape(len(images), -1) @ w3 + b3
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
