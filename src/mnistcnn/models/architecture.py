"""models.architecture"""

from __future__ import annotations

from typing import Any

from mnistcnn.backend import keras
from mnistcnn.models.cnn import build_model

# What a layer's configuration says besides the function that it computes, and besides
# that function how it is trained.
_IGNORED_SETTINGS = {
    "name", "seed", "rate", "kernel_initializer", "bias_initializer", "batch_shape", "dtype",
}  # fmt: skip
_TRAINING_ONLY_SETTINGS = {
    "trainable", "kernel_regularizer", "bias_regularizer", "activity_regularizer",
    "kernel_constraint", "bias_constraint",
}  # fmt: skip


def check_architecture(model: keras.Model) -> None:
    """Refuse a network that computes another function than the documented one."""
    if difference := architecture_mismatch(model, in_training=False):
        raise ValueError(
            f"model must be the documented network, as build_model gives it; received {difference}"
        )


def architecture_mismatch(model: keras.Model, *, in_training: bool) -> str | None:
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
    ignored = _IGNORED_SETTINGS if in_training else _IGNORED_SETTINGS | _TRAINING_ONLY_SETTINGS
    for layer, wanted in zip(model.layers, reference.layers, strict=True):
        if layer.dtype_policy.name != "float32":
            return f"{layer.name} with the dtype policy {layer.dtype_policy.name}"
        found, expected = _layer_config(layer, ignored), _layer_config(wanted, ignored)
        for key in {**found, **expected}:
            if found.get(key) != expected.get(key):
                return f"{layer.name} with {key} {found.get(key)!r}"
    return None


def _layer_config(layer: keras.layers.Layer, ignored: set[str]) -> dict[str, Any]:
    return {key: value for key, value in layer.get_config().items() if key not in ignored}
