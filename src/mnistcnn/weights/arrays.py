"""The six arrays of the network: what they must be, and how safetensors holds them.

NumPy and safetensors are all it takes. safetensors files hold numbers alone; nothing in
one can run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from mnistcnn.types import Float32Array
from mnistcnn.utils.validation import check_keys
from mnistcnn.weights.metadata import model_metadata

# The six arrays of the network, in the order in which Keras holds them.
CNN_WEIGHT_SHAPES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "conv1.kernel": (3, 3, 1, 32),
        "conv1.bias": (32,),
        "conv2.kernel": (3, 3, 32, 64),
        "conv2.bias": (64,),
        "dense.kernel": (1600, 10),
        "dense.bias": (10,),
    }
)
# Those of the smaller network that tells digits from what is none: the first ten outputs are
# the digits, the others kinds of what is none.
REJECTOR_WEIGHT_SHAPES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "conv1.kernel": (3, 3, 1, 16),
        "conv1.bias": (16,),
        "conv2.kernel": (3, 3, 16, 24),
        "conv2.bias": (24,),
        "dense.kernel": (600, 24),
        "dense.bias": (24,),
    }
)
ARCHITECTURES = (CNN_WEIGHT_SHAPES, REJECTOR_WEIGHT_SHAPES)

# What the files of a network that Keras writes end in.
KERAS_SUFFIXES = (".keras", ".h5")

# The six arrays take 139,304 bytes and a header.
MAX_BYTES = 256 << 10


Shapes = Mapping[str, tuple[int, ...]]


def named_weights(
    weights: Sequence[NDArray[Any]], shapes: Shapes = CNN_WEIGHT_SHAPES
) -> dict[str, Float32Array]:
    """Return the arrays by name, each contiguous, if they are those of the network of `shapes`.

    Raises
    ------
    ValueError
        If there are more or fewer, or one is of another dtype or shape, or not finite.
    """
    if len(weights) != len(shapes):
        raise ValueError(f"weights must be {len(shapes)} arrays; received {len(weights)}")
    arrays = {key: np.ascontiguousarray(one) for key, one in zip(shapes, weights, strict=True)}
    for key, array in arrays.items():
        check_array(key, array, shapes)
    return arrays


def check_array(name: str, array: NDArray[Any], shapes: Shapes = CNN_WEIGHT_SHAPES) -> None:
    """Refuse what is not the array of that name of the network of `shapes`."""
    if array.dtype != DTYPE or array.shape != shapes[name]:
        raise ValueError(
            f"{name} must be {DTYPE} {shapes[name]}; received {array.dtype} {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite; received NaN or infinity")


def to_safetensors(weights: Sequence[NDArray[Any]]) -> bytes:
    """Return the arrays as a safetensors file; the same arrays give the same bytes."""
    # One entry, since safetensors writes several in an order that differs each time.
    return save(named_weights(weights), metadata={"mnistcnn": json.dumps(model_metadata())})


def from_safetensors(content: bytes) -> list[Float32Array]:
    """Return the six arrays of a safetensors file in the order in which Keras takes them.

    Raises
    ------
    ValueError
        If the file is damaged or does not hold the network's arrays.
    """
    found = read_arrays(content)
    return list(named_weights([found[name] for name in CNN_WEIGHT_SHAPES]).values())


def read_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """Return what a safetensors file holds, if its names are those of the network."""
    try:
        found: dict[str, NDArray[Any]] = load(content)
    except Exception as error:  # a header can be wrong in many ways
        raise ValueError(f"the file must be whole safetensors; received {error}") from error
    check_keys("the file", found, tuple(CNN_WEIGHT_SHAPES), "arrays")
    return found


DTYPE = "float32"
