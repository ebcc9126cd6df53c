"""The page network: a small fully convolutional network that finds handwritten digits on a page.

A U-Net (Ronneberger et al., 2015) whose skip connections are added, as in a feature pyramid
network (Lin et al., 2017), with two heads. At full resolution it predicts the coverage of each
pixel by the ink of handwritten digits and by other ink. At a quarter of the resolution it predicts
where the digits are, as CenterNet (Zhou et al., 2019) and Panoptic-DeepLab (Cheng et al., 2020)
do: a heat map of their centers and, on their ink, the offset to the center, the size and the
class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Filters at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution.
FILTERS = (16, 32, 64, 112, 128)
HEAD_FILTERS = 48
# Sides of an image must be multiples of this.
STRIDE = 32
# Outputs of the head at a quarter of the resolution.
NUM_OUTPUTS = 1 + 2 + 1 + 10
# Probability of a center before training, as for any rare class (Lin et al., 2018).
_CENTER_PRIOR = 0.01
_BATCH_NORM_EPSILON = 1e-3


def build_page_network() -> Any:
    """Return a Keras model with batch normalization, ready to be trained.

    It maps ``float32 (n, h, w, 3)`` in [0, 1] to the logits of the ink, ``(n, h / 2, w / 2, 8)``,
    which `depth_to_space` brings to ``(n, h, w, 2)``, and to the raw outputs at a quarter of the
    resolution, ``(n, h / 4, w / 4, 14)``.
    """
    from mnistcnn.backend import keras

    layers = keras.layers

    def conv(x: Any, name: str, filters: int, strides: int = 1) -> Any:
        x = layers.Conv2D(
            filters, 3, strides=strides, padding="same", use_bias=False, name=name,
            kernel_initializer="he_normal",
        )(x)  # fmt: skip
        x = layers.BatchNormalization(
            momentum=0.98, epsilon=_BATCH_NORM_EPSILON, name=f"{name}_norm"
        )(x)
        return layers.ReLU()(x)

    image = keras.Input((None, None, 3))
    features = [conv(image, "stem", FILTERS[0], 2)]
    for i, filters in enumerate(FILTERS[1:], 1):
        features.append(conv(conv(features[-1], f"down{i}_1", filters, 2), f"down{i}_2", filters))
    x = features[-1]
    merged = {}
    for i in reversed(range(len(FILTERS) - 1)):
        lateral = layers.Conv2D(FILTERS[i], 1, name=f"lateral{i}")(x)
        lateral = layers.UpSampling2D(2, interpolation="nearest")(lateral)
        x = merged[i] = conv(layers.Add()([features[i], lateral]), f"up{i}", FILTERS[i])
    ink = layers.Conv2D(8, 3, padding="same", name="ink")(merged[0])
    hidden = conv(merged[1], "digits_1", HEAD_FILTERS)
    bias = np.zeros(NUM_OUTPUTS, np.float32)
    bias[0] = np.log(_CENTER_PRIOR / (1 - _CENTER_PRIOR))
    digits = layers.Conv2D(
        NUM_OUTPUTS, 1, name="digits_2", bias_initializer=keras.initializers.Constant(bias)
    )(hidden)
    return keras.Model(image, [ink, digits])


def fold_batch_norm(model: Any) -> dict[str, NDArray[np.float32]]:
    """Return the kernels and biases by name, with each batch normalization folded into its layer.

    Names are ``layer/kernel``, ``(height, width, inputs, outputs)``, and ``layer/bias``.
    """
    arrays: dict[str, NDArray[np.float32]] = {}
    names = {layer.name for layer in model.layers}
    for layer in model.layers:
        if not hasattr(layer, "kernel"):
            continue
        kernel = np.asarray(layer.kernel)
        if f"{layer.name}_norm" in names:
            norm = model.get_layer(f"{layer.name}_norm")
            gamma, beta, mean, variance = (np.asarray(weight) for weight in norm.weights)
            factor = gamma / np.sqrt(variance + _BATCH_NORM_EPSILON)
            kernel, bias = kernel * factor, beta - mean * factor
        else:
            bias = np.asarray(layer.bias)
        arrays[f"{layer.name}/kernel"] = kernel.astype(np.float32)
        arrays[f"{layer.name}/bias"] = bias.astype(np.float32)
    return arrays


def unfold_batch_norm(
    model: Any, arrays: Mapping[str, NDArray[np.floating[Any]]], images: NDArray[np.float32]
) -> None:
    """Load what `fold_batch_norm` returned into a model, to train it further.

    The statistics of each batch normalization are those of some images, ``float32 (n, h, w, 3)``,
    and the norm of each kernel is that of a new one, on which the effective learning rate depends.
    """
    from mnistcnn.backend import keras

    names = {layer.name for layer in model.layers}
    normalized = []
    for layer in model.layers:
        if not hasattr(layer, "kernel"):
            continue
        layer.kernel.assign(arrays[f"{layer.name}/kernel"])
        if f"{layer.name}_norm" in names:
            normalized.append(layer)
            ones = np.ones(layer.filters, np.float32)
            bias = np.float32(arrays[f"{layer.name}/bias"])
            model.get_layer(f"{layer.name}_norm").set_weights(
                [ones * np.sqrt(1 + _BATCH_NORM_EPSILON), bias, 0 * ones, ones]
            )
        else:
            layer.bias.assign(arrays[f"{layer.name}/bias"])
    probe = keras.Model(model.input, [layer.output for layer in normalized])
    sums = [np.zeros((2, layer.filters)) for layer in normalized]
    for image in images:
        for total, output in zip(sums, probe(image[np.newaxis], training=False), strict=True):
            flat = np.asarray(output, np.float64).reshape(-1, output.shape[-1])
            total += [flat.mean(axis=0), (flat**2).mean(axis=0)]
    for layer, total in zip(normalized, sums, strict=True):
        mean, square = total / len(images)
        kernel = np.asarray(layer.kernel)
        factor = np.sqrt(2) / np.maximum(np.sqrt((kernel**2).sum(axis=(0, 1, 2))), 1e-6)
        variance = np.maximum(square - mean**2, 0) * factor**2
        layer.kernel.assign(kernel * factor)
        bias = np.asarray(arrays[f"{layer.name}/bias"], np.float64)
        gamma = np.sqrt(variance + _BATCH_NORM_EPSILON) / factor
        model.get_layer(f"{layer.name}_norm").set_weights(
            [gamma, bias + mean, mean * factor, variance]
        )
