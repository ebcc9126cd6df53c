"""The baseline network, the check that a model is one, and the teacher network for distillation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mnistcnn.backend import keras
from mnistcnn.models.classes import set_class_names
from mnistcnn.public import public
from mnistcnn.types import IMAGE_SIZE, NUM_CLASSES
from mnistcnn.utils.validation import (
    check_fraction,
    check_positive,
    check_seed,
    resolve_classes,
)

# Settings of a layer that don't change the function it computes in inference, and among them
# those that don't change how it is trained either.
_IGNORED_SETTINGS = {
    "name", "seed", "rate", "kernel_initializer", "bias_initializer", "batch_shape", "dtype",
    "units",  # the number of classes
}  # fmt: skip
_TRAINING_ONLY_SETTINGS = {
    "trainable", "kernel_regularizer", "bias_regularizer", "activity_regularizer",
    "kernel_constraint", "bias_constraint",
}  # fmt: skip


@public
def build_model(
    *,
    num_classes: int | None = None,
    class_names: Sequence[str] | None = None,
    dropout: float = 0.25,
    learning_rate: float = 1e-3,
    seed: int | None = None,
) -> keras.Sequential:
    """Build and compile the baseline network.

    Conv2D 32 3×3 (ReLU), MaxPooling2D 2×2, Conv2D 64 3×3 (ReLU), MaxPooling2D 2×2, Flatten,
    Dropout, Dense 10 (softmax): 34,826 parameters, all trainable. The optimizer is Adam, the
    loss categorical cross-entropy, the metric accuracy.

    Parameters
    ----------
    num_classes : int, optional
        Number of classes, the units of the dense layer, at least 2. Default: the number of
        `class_names`, or 10.
    class_names : sequence of str, optional
        Name of each class, which the model keeps as its attribute `class_names`: `train` saves
        it in ``.keras`` files, `evaluate` and `export_model` use it. Default: the numbers.
    dropout : float, default 0.25
        Dropout rate of the 1,600 features before the dense layer, in [0, 1).
    learning_rate : float, default 1e-3
        Learning rate of Adam, greater than 0; the default is that of Keras.
    seed : int, optional
        Seed of the initial weights and of dropout. By default they are not reproducible.

    Returns
    -------
    keras.Sequential
        Its input is ``float32 (n, 28, 28, 1)`` in [0, 1], its output ``float32 (n, 10)``: the
        probabilities of the digits 0 to 9, or ``float32 (n, num_classes)``.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is outside its range.

    Notes
    -----
    Kernels are initialized with the Glorot uniform initializer (Glorot and Bengio, 2010),
    biases with zeros.

    Examples
    --------
    >>> from mnistcnn import build_model
    >>> model = build_model(seed=0)
    >>> model.count_params()
    34826
    >>> [layer.name for layer in model.layers]
    ['conv1', 'pool1', 'conv2', 'pool2', 'flatten', 'dropout', 'probabilities']
    >>> build_model(class_names=["cat", "dog", "bird"]).output_shape
    (None, 3)
    """
    num_classes, names = resolve_classes(num_classes, class_names, minimum=2)
    rate = check_fraction("dropout", dropout)
    learning_rate = check_positive("learning_rate", learning_rate)
    seeds = _layer_seeds(check_seed(seed))
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
                num_classes,
                activation="softmax",
                kernel_initializer=glorot(),
                name="probabilities",
            ),
        ],
        name="mnistcnn",
    )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    set_class_names(model, names)
    return model


def _layer_seeds(seed: int | None) -> Iterator[int | None]:
    """Yield a seed for each layer with an initializer or dropout."""
    if seed is None:
        return itertools.repeat(None)
    return iter(np.random.SeedSequence(seed).generate_state(4).tolist())


def check_architecture(model: keras.Model) -> None:
    """Raise ``ValueError`` unless `model` computes the same function as a `build_model` model.

    It may have any number of classes.
    """
    if mismatch := architecture_mismatch(model, in_training=False):
        raise ValueError(f"model must have the architecture of build_model; received {mismatch}")


def architecture_mismatch(model: keras.Model, *, in_training: bool) -> str | None:
    """Return the first difference from a `build_model` model, or ``None``.

    Names, initial weights and compilation are not compared. Settings that affect only training,
    such as regularizers, are compared if `in_training` is true.
    """
    if type(model) is not keras.Sequential or not model.built:
        state = "" if model.built else "unbuilt "
        return f"{state}keras.{type(model).__name__} instead of a built keras.Sequential"
    reference = build_model()
    if _layer_types(model) != _layer_types(reference):
        return f"layers {_layer_types(model) or 'none'} instead of {_layer_types(reference)}"
    if model.input_shape != reference.input_shape:
        return f"input shape {model.input_shape} instead of {reference.input_shape}"
    ignored = _IGNORED_SETTINGS if in_training else _IGNORED_SETTINGS | _TRAINING_ONLY_SETTINGS
    for layer, reference_layer in zip(model.layers, reference.layers, strict=True):
        if layer.dtype_policy.name != "float32":
            return f"{layer.name} with dtype policy {layer.dtype_policy.name} instead of float32"
        config, expected = _layer_config(layer, ignored), _layer_config(reference_layer, ignored)
        for key in {**config, **expected}:
            if config.get(key) != expected.get(key):
                return (
                    f"{layer.name} with {key}={config.get(key)!r} instead of {expected.get(key)!r}"
                )
    return None


def build_teacher(*, num_classes: int = NUM_CLASSES, seed: int | None = None) -> keras.Sequential:
    """Build a teacher network with five convolutions: 143,978 parameters for ten classes.

    Compiled as in `build_model`. Convolution kernels are initialized with the He normal
    initializer (He et al., 2015).
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(7).tolist())
    layers = keras.layers

    def convolution(filters: int) -> keras.layers.Layer:
        initializer = keras.initializers.HeNormal(seed=next(seeds))
        return layers.Conv2D(filters, 3, activation="relu", kernel_initializer=initializer)

    model = keras.Sequential(
        [
            keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1)),
            convolution(32),
            convolution(32),
            layers.MaxPooling2D(2),
            convolution(64),
            convolution(64),
            layers.MaxPooling2D(2),
            convolution(128),
            layers.Flatten(),
            layers.Dropout(0.25, seed=next(seeds)),
            layers.Dense(
                num_classes,
                activation="softmax",
                kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            ),
        ],
        name="teacher",
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def _layer_types(model: keras.Sequential) -> str:
    return ", ".join(type(layer).__name__ for layer in model.layers)


def _layer_config(layer: keras.layers.Layer, ignored: set[str]) -> dict[str, Any]:
    return {key: value for key, value in layer.get_config().items() if key not in ignored}
