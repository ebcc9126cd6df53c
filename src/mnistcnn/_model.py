"""The network: two convolutions and a dense layer, 34,826 parameters."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from mnistcnn import _checks
from mnistcnn._backend import keras
from mnistcnn._types import IMAGE_SIZE, NUM_CLASSES, PathLike
from mnistcnn._weights import read_weights

# What a layer's configuration says besides the function that it computes, and besides
# that function how it is trained.
_NOT_THE_FUNCTION = {
    "name", "seed", "rate", "kernel_initializer", "bias_initializer", "batch_shape", "dtype",
}  # fmt: skip
_TRAINING_ALONE = {
    "trainable", "kernel_regularizer", "bias_regularizer", "activity_regularizer",
    "kernel_constraint", "bias_constraint",
}  # fmt: skip


def build_model(
    *, dropout: float = 0.25, learning_rate: float = 1e-3, seed: int | None = None
) -> keras.Sequential:
    """Build and compile the documented network.

    Convolution 32 3×3 (ReLU), max-pooling 2×2, convolution 64 3×3 (ReLU), max-pooling
    2×2, flatten, dropout, dense 10 (softmax): 34,826 parameters, all trainable. It is
    compiled with Adam, categorical cross-entropy and accuracy.

    Parameters
    ----------
    dropout : float, default 0.25
        Share of the 1,600 features that training drops at random, in [0, 1).
    learning_rate : float, default 1e-3
        Adam's step size, above 0; the default is Keras' own.
    seed : int, optional
        Fixes the initial weights and what dropout drops: the same seed, the same
        network. ``None`` draws afresh.

    Returns
    -------
    keras.Sequential
        Takes ``float32 (n, 28, 28, 1)`` in [0, 1], gives ``float32 (n, 10)``: the
        probabilities of the digits 0 to 9.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or outside its range.

    Notes
    -----
    Weights start by Glorot's uniform rule (Glorot and Bengio, 2010), biases at 0.

    Examples
    --------
    >>> from mnistcnn import build_model
    >>> model = build_model(seed=0)
    >>> model.count_params()
    34826
    >>> [layer.name for layer in model.layers]
    ['conv1', 'pool1', 'conv2', 'pool2', 'flatten', 'dropout', 'probabilities']
    """
    rate = _checks.fraction("dropout", dropout)
    step = _checks.positive("learning_rate", learning_rate)
    seeds = _layer_seeds(_checks.optional_seed(seed))
    layers = keras.layers

    def glorot() -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seed=next(seeds))

    model = keras.Sequential(
        [
            keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="images"),
            layers.Conv2D(32, 3, activation="relu", kernel_initializer=glorot(), name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            layers.Conv2D(64, 3, activation="relu", kernel_initializer=glorot(), name="conv2"),
            layers.MaxPooling2D(2, name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dropout(rate, seed=next(seeds), name="dropout"),
            layers.Dense(
                NUM_CLASSES,
                activation="softmax",
                kernel_initializer=glorot(),
                name="probabilities",
            ),
        ],
        name="mnistcnn",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=step),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def load_model(path: PathLike) -> keras.Sequential:
    """Load the documented network from a file that Keras wrote.

    The network is built anew and takes only the numbers from the file, so nothing in a
    file can run. The optimizer starts fresh.

    Parameters
    ----------
    path : str or path-like
        A ``.keras``, ``.h5`` or ``.weights.h5`` file of this network, written by this
        package or by any script that builds the same layers.

    Returns
    -------
    keras.Sequential
        Compiled as `build_model` compiles it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name ends otherwise.
    CorruptFileError
        If the file is damaged, or holds a network of another architecture.

    Examples
    --------
    >>> from mnistcnn import build_model, load_model
    >>> build_model(seed=0).save("network.keras")
    >>> load_model("network.keras").count_params()
    34826
    """
    weights = read_weights(path)
    model = build_model()
    model.set_weights(weights)
    return model


def as_network(model: Any) -> keras.Model:
    """Return a Keras model as it is, and the network of a file."""
    if isinstance(model, keras.Model):
        return model
    try:
        _checks.path("model", model)
    except TypeError:
        raise TypeError(f"model must be a Keras model or a path; received {model!r}") from None
    return load_model(model)


def check_documented(model: keras.Model) -> None:
    """Refuse a network that computes another function than the documented one."""
    if difference := departure(model, in_training=False):
        raise ValueError(
            f"model must be the documented network, as build_model gives it; received {difference}"
        )


def departure(model: keras.Model, *, in_training: bool) -> str | None:
    """Say in what `model` is not what `build_model` makes; ``None`` if it is.

    Whatever it was called and began as. How its layers are trained counts only where
    `in_training` is true, how it is compiled does not count.
    """
    if type(model) is not keras.Sequential or not model.built:
        built = "" if model.built else " that is not built"
        return f"a keras.{type(model).__name__}{built}"
    reference = build_model()
    if [type(layer) for layer in model.layers] != [type(layer) for layer in reference.layers]:
        return f"the layers {', '.join(type(layer).__name__ for layer in model.layers) or 'none'}"
    if model.input_shape != reference.input_shape:
        return f"the input shape {model.input_shape}"
    ignored = _NOT_THE_FUNCTION if in_training else _NOT_THE_FUNCTION | _TRAINING_ALONE
    for layer, wanted in zip(model.layers, reference.layers, strict=True):
        if layer.dtype_policy.name != "float32":
            return f"{layer.name} with the dtype policy {layer.dtype_policy.name}"
        found, expected = _settings(layer, ignored), _settings(wanted, ignored)
        for key in {**found, **expected}:
            if found.get(key) != expected.get(key):
                return f"{layer.name} with {key} {found.get(key)!r}"
    return None


def _settings(layer: keras.layers.Layer, ignored: set[str]) -> dict[str, Any]:
    return {key: value for key, value in layer.get_config().items() if key not in ignored}


def _layer_seeds(seed: int | None) -> Iterator[int | None]:
    """Give each layer that draws a seed of its own."""
    if seed is None:
        return itertools.repeat(None)
    return iter(np.random.SeedSequence(seed).generate_state(4).tolist())
