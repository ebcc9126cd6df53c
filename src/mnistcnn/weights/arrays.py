"""The weight arrays of each network: names and shapes, checks, and the safetensors format."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from mnistcnn.types import Float32Array
from mnistcnn.utils.text import escape
from mnistcnn.utils.validation import check_keys
from mnistcnn.weights.metadata import model_metadata

Shapes = Mapping[str, tuple[int, ...]]

# In the order of `model.get_weights()`.
CNN_WEIGHT_SHAPES: Shapes = MappingProxyType(
    {
        "conv1.kernel": (3, 3, 1, 32),
        "conv1.bias": (32,),
        "conv2.kernel": (3, 3, 32, 64),
        "conv2.bias": (64,),
        "dense.kernel": (1600, 10),
        "dense.bias": (10,),
    }
)
# The first ten outputs of the rejector are the digits, the others kinds of non-digits.
REJECTOR_WEIGHT_SHAPES: Shapes = MappingProxyType(
    {
        "conv1.kernel": (3, 3, 1, 16),
        "conv1.bias": (16,),
        "conv2.kernel": (3, 3, 16, 24),
        "conv2.bias": (24,),
        "dense.kernel": (600, 24),
        "dense.bias": (24,),
    }
)
DTYPE = "float32"

KERAS_SUFFIXES = (".keras", ".h5")

# Limit of an ONNX or safetensors file; the six arrays of the CNN take 139,304 bytes.
MAX_BYTES = 256 << 10


def named_weights(
    weights: Sequence[NDArray[Any]], shapes: Shapes = CNN_WEIGHT_SHAPES
) -> dict[str, Float32Array]:
    """Return the arrays by name, each C-contiguous.

    Raises
    ------
    ValueError
        If their number, a dtype or a shape differs from `shapes`, or a value is not finite.
    """
    if len(weights) != len(shapes):
        raise ValueError(f"weights must be {len(shapes)} arrays; received {len(weights)}")
    arrays = {
        name: np.ascontiguousarray(array) for name, array in zip(shapes, weights, strict=True)
    }
    for name, array in arrays.items():
        if array.dtype != DTYPE or array.shape != shapes[name]:
            raise ValueError(
                f"{name} must be {DTYPE} {shapes[name]}; "
                f"received {escape(array.dtype)} {escape(array.shape)}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite; received NaN or infinity")
    return arrays


def to_safetensors(weights: Sequence[NDArray[Any]], shapes: Shapes = CNN_WEIGHT_SHAPES) -> bytes:
    """Return the arrays as a safetensors file; equal arrays give equal bytes."""
    (num_outputs,) = shapes["dense.bias"]
    # A single metadata entry, because safetensors writes several in random order.
    metadata = {"mnistcnn": json.dumps(model_metadata(num_outputs))}
    return save(named_weights(weights, shapes), metadata=metadata)


def from_safetensors(content: bytes, shapes: Shapes = CNN_WEIGHT_SHAPES) -> dict[str, Float32Array]:
    """Return the arrays of a safetensors file by name, in the order of `shapes`.

    Raises
    ------
    ValueError
        If the file is damaged or holds other arrays.
    """
    try:
        arrays: dict[str, NDArray[Any]] = load(content)
    except Exception as error:  # a damaged header raises many kinds of exceptions
        raise ValueError(f"the file must be a valid safetensors file: {escape(error)}") from error
    check_keys("the file", arrays, tuple(shapes), "arrays")
    return named_weights([arrays[name] for name in shapes], shapes)
