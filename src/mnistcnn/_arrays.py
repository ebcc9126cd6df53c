"""The six arrays of the network: what they must be, and how safetensors holds them.

NumPy and safetensors are all it takes. safetensors files hold numbers alone; nothing in
one can run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from mnistcnn._about import about
from mnistcnn._manifest import DTYPE, only_names
from mnistcnn._types import WEIGHTS, Float32Array

# The six arrays take 139,304 bytes and a header.
MOST_BYTES = 256 << 10


Shapes = Mapping[str, tuple[int, ...]]


def network_arrays(
    weights: Sequence[NDArray[Any]], shapes: Shapes = WEIGHTS
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


def check_array(name: str, array: NDArray[Any], shapes: Shapes = WEIGHTS) -> None:
    """Refuse what is not the array of that name of the network of `shapes`."""
    if array.dtype != DTYPE or array.shape != shapes[name]:
        raise ValueError(
            f"{name} must be {DTYPE} {shapes[name]}; received {array.dtype} {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite; received NaN or infinity")


def safetensors_bytes(weights: Sequence[NDArray[Any]]) -> bytes:
    """Return the arrays as a safetensors file; the same arrays give the same bytes."""
    # One entry, since safetensors writes several in an order that differs each time.
    return save(network_arrays(weights), metadata={"mnistcnn": json.dumps(about())})


def read_safetensors(content: bytes) -> list[Float32Array]:
    """Return the six arrays of a safetensors file in the order in which Keras takes them.

    Raises
    ------
    ValueError
        If the file is damaged or does not hold the network's arrays.
    """
    found = stored_arrays(content)
    return list(network_arrays([found[name] for name in WEIGHTS]).values())


def stored_arrays(content: bytes) -> dict[str, NDArray[Any]]:
    """Return what a safetensors file holds, if its names are those of the network."""
    try:
        found: dict[str, NDArray[Any]] = load(content)
    except Exception as error:  # a header can be wrong in many ways
        raise ValueError(f"the file must be whole safetensors; received {error}") from error
    only_names("the file", found, tuple(WEIGHTS), "arrays")
    return found
