"""Models and weights for tests, and the forward pass in NumPy."""

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES, PAGE_NETWORK_WEIGHT_SHAPES


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


class FitSequential(keras.Sequential):
    """A model that Keras' fit trains, because it overrides a method that fit calls."""

    def compute_loss(self, *args, **kwargs):
        return super().compute_loss(*args, **kwargs)


def letter_network(num_classes=26, seed=0):
    """A compiled network with three convolutions, which is not the baseline network."""
    layers = keras.layers
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.1),
            layers.Dense(num_classes, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


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


def page_network_forward(weights, image):
    """The raw outputs of the page network for an image ``(h, w, 3)``, computed by Keras."""
    arrays = dict(zip(PAGE_NETWORK_WEIGHT_SHAPES, weights, strict=True))

    def conv(x, layer, strides=1):
        kernel, bias = arrays[f"{layer}/kernel"], arrays[f"{layer}/bias"]
        return keras.ops.conv(x, kernel, strides, "same", "channels_last") + bias

    def conv_relu(x, layer, strides=1):
        return keras.ops.relu(conv(x, layer, strides))

    levels = [conv_relu(image[np.newaxis].astype(np.float32), "stem", 2)]
    for i in range(1, 5):
        levels.append(conv_relu(conv_relu(levels[-1], f"down{i}_1", 2), f"down{i}_2"))
    y = levels[4]
    outputs = {}
    for i in (3, 2, 1, 0):
        lateral = keras.ops.repeat(keras.ops.repeat(conv(y, f"lateral{i}"), 2, 1), 2, 2)
        y = outputs[i] = conv_relu(levels[i] + lateral, f"up{i}")
    blocks = np.asarray(conv(outputs[0], "ink"))[0]
    height, width = blocks.shape[:2]
    logits = blocks.reshape(height, width, 2, 2, 2).transpose(4, 0, 2, 1, 3)
    ink = 1 / (1 + np.exp(-logits.reshape(2, 2 * height, 2 * width)))
    digits = conv(conv_relu(outputs[1], "digits_1"), "digits_2")
    return ink, np.asarray(digits)[0].transpose(2, 0, 1)
