"""Scaling the logits of a network, by scaling the weights of its last layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mnistcnn.backend import keras

_Layers = keras.layers
# Layers after the logits, or between them and the weights, that keep a constant factor.
_HOMOGENEOUS = (
    _Layers.Softmax, _Layers.Flatten, _Layers.Reshape, _Layers.Permute, _Layers.Dropout,
    _Layers.GlobalAveragePooling2D, _Layers.GlobalMaxPooling2D, _Layers.AveragePooling2D,
    _Layers.MaxPooling2D, _Layers.Identity,
)  # fmt: skip
_AFFINE = (_Layers.Dense, _Layers.Conv2D)


def divide_logits(model: keras.Model, divisor: float) -> None:
    """Divide the logits of a network by a number: the weights of the layer that computes them.

    Raises
    ------
    ValueError
        If the last layer with weights is not a ``Dense`` or ``Conv2D`` layer followed by a
        softmax.
    """
    layer = _last_affine_layer(model)
    layer.set_weights([array / array.dtype.type(divisor) for array in layer.get_weights()])


def _last_affine_layer(model: keras.Model) -> keras.layers.Layer:
    has_softmax = False
    for layer in _reversed_layers(model):
        name = _activation(layer)
        if name not in {None, "linear", "softmax"} or (name == "softmax" and has_softmax):
            break
        has_softmax |= name == "softmax"
        if isinstance(layer, _AFFINE) and has_softmax:
            return layer
        if not isinstance(layer, (*_HOMOGENEOUS, _Layers.Activation)):
            break
    raise ValueError(
        "model must end in a Dense or Conv2D layer and a softmax, so that its logits can be "
        f"divided; received {', '.join(type(each).__name__ for each in model.layers[-3:])}"
    )


def _reversed_layers(model: Any) -> Iterator[keras.layers.Layer]:
    """Yield the layers of a model and of the models in it, the last one first."""
    for layer in reversed(model.layers):
        if isinstance(layer, keras.Model):
            yield from _reversed_layers(layer)
        else:
            yield layer


def _activation(layer: keras.layers.Layer) -> str | None:
    """Return the name of a layer's activation function, ``None`` if it has none."""
    if isinstance(layer, _Layers.Softmax):
        return "softmax"
    function = getattr(layer, "activation", None)
    return None if function is None else getattr(function, "__name__", "")
