"""Comparing a Keras model with the architecture of `build_model`."""

from __future__ import annotations

from typing import Any

from mnistcnn.backend import keras
from mnistcnn.models.cnn import build_model

# Settings of a layer that don't change the function it computes in inference, and among them
# those that don't change how it is trained either.
_IGNORED_SETTINGS = {
    "name", "seed", "rate", "kernel_initializer", "bias_initializer", "batch_shape", "dtype",
}  # fmt: skip
_TRAINING_ONLY_SETTINGS = {
    "trainable", "kernel_regularizer", "bias_regularizer", "activity_regularizer",
    "kernel_constraint", "bias_constraint",
}  # fmt: skip


def check_architecture(model: keras.Model) -> None:
    """Raise ``ValueError`` unless `model` computes the same function as a `build_model` model."""
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


def _layer_types(model: keras.Sequential) -> str:
    return ", ".join(type(layer).__name__ for layer in model.layers)


def _layer_config(layer: keras.layers.Layer, ignored: set[str]) -> dict[str, Any]:
    return {key: value for key, value in layer.get_config().items() if key not in ignored}
