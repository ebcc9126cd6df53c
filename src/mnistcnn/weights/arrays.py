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
from mnistcnn.weights.metadata import model_metadata, page_network_metadata

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
# Channels of the page network at each level, from 1/2 of the image size to 1/32.
PAGE_NETWORK_CHANNELS = (16, 32, 64, 112, 128)
# Outputs of its second head: the center, the offset (x, y) to it, the size, the ten classes and
# the four quarter turns.
NUM_DIGIT_OUTPUTS = 18
_HEAD_CHANNELS = 48
# Digit ink and other ink of each pixel of a 2 × 2 block.
_NUM_INK_OUTPUTS = 8


def _page_network_shapes() -> dict[str, tuple[int, ...]]:
    channels = PAGE_NETWORK_CHANNELS
    kernels = {"stem": (3, 3, 3, channels[0])}
    for i in range(1, len(channels)):
        kernels[f"down{i}_1"] = (3, 3, channels[i - 1], channels[i])
        kernels[f"down{i}_2"] = (3, 3, channels[i], channels[i])
    for i in reversed(range(len(channels) - 1)):
        kernels[f"lateral{i}"] = (1, 1, channels[i + 1], channels[i])
        kernels[f"up{i}"] = (3, 3, channels[i], channels[i])
    kernels["ink"] = (3, 3, channels[0], _NUM_INK_OUTPUTS)
    kernels["digits_1"] = (3, 3, channels[1], _HEAD_CHANNELS)
    kernels["digits_2"] = (1, 1, _HEAD_CHANNELS, NUM_DIGIT_OUTPUTS)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, shape in kernels.items():
        shapes |= {f"{layer}/kernel": shape, f"{layer}/bias": shape[-1:]}
    return shapes


PAGE_NETWORK_WEIGHT_SHAPES: Shapes = MappingProxyType(_page_network_shapes())
DTYPE = "float32"

KERAS_SUFFIXES = (".keras", ".h5")

# Limits of an ONNX or safetensors file; the six arrays of the CNN take 139,304 bytes, and those of
# the page network 1,451,668 in half precision.
MAX_BYTES, MAX_PAGE_NETWORK_BYTES = 256 << 10, 2 << 20


def named_weights(
    weights: Sequence[NDArray[Any]], shapes: Shapes = CNN_WEIGHT_SHAPES, *, dtype: str = DTYPE
) -> dict[str, Float32Array]:
    """Return the arrays by name, each ``float32`` and C-contiguous.

    Parameters
    ----------
    weights : sequence of numpy.ndarray
        The arrays in the order of `shapes`.
    shapes : mapping
        Names and shapes.
    dtype : str, default "float32"
        Required dtype of `weights`.

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
        if array.dtype != dtype or array.shape != shapes[name]:
            raise ValueError(
                f"{name} must be {dtype} {shapes[name]}; "
                f"received {escape(array.dtype)} {escape(array.shape)}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite; received NaN or infinity")
    return {name: array.astype(np.float32, copy=False) for name, array in arrays.items()}


def storage_dtype(shapes: Shapes) -> str:
    """Return the dtype in a safetensors file: half precision for the page network only."""
    return "float16" if shapes is PAGE_NETWORK_WEIGHT_SHAPES else DTYPE


def to_safetensors(weights: Sequence[NDArray[Any]], shapes: Shapes = CNN_WEIGHT_SHAPES) -> bytes:
    """Return the arrays as a safetensors file; equal arrays give equal bytes."""
    if shapes is PAGE_NETWORK_WEIGHT_SHAPES:
        description = page_network_metadata()
    else:
        description = model_metadata()
    # A single metadata entry, because safetensors writes several in random order.
    metadata = {"mnistcnn": json.dumps(description)}
    dtype = storage_dtype(shapes)
    with np.errstate(over="ignore"):  # infinity is reported next
        arrays = [array.astype(dtype) for array in named_weights(weights, shapes).values()]
    named_weights(arrays, shapes, dtype=dtype)
    return save(dict(zip(shapes, arrays, strict=True)), metadata=metadata)


def from_safetensors(content: bytes, shapes: Shapes = CNN_WEIGHT_SHAPES) -> dict[str, Float32Array]:
    """Return the ``float32`` arrays of a safetensors file by name, in the order of `shapes`.

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
    dtype = storage_dtype(shapes)
    return named_weights([arrays[name] for name in shapes], shapes, dtype=dtype)
