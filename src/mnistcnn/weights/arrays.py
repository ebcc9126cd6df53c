"""The weight arrays of each network: names and shapes, checks, and the safetensors format."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from mnistcnn.types import NUM_CLASSES, Float32Array
from mnistcnn.utils.safe_read import loads_json
from mnistcnn.utils.text import escape
from mnistcnn.utils.validation import check_keys
from mnistcnn.weights.metadata import (
    model_metadata,
    page_network_metadata,
    stored_class_names,
)

Shapes = Mapping[str, tuple[int, ...]]

NUM_FEATURES = 1600  # inputs of the dense layer


def cnn_weight_shapes(num_classes: int = NUM_CLASSES) -> Shapes:
    """Return the shapes of the CNN, in the order of `model.get_weights()`."""
    return MappingProxyType(
        {
            "conv1.kernel": (3, 3, 1, 32),
            "conv1.bias": (32,),
            "conv2.kernel": (3, 3, 32, 64),
            "conv2.bias": (64,),
            "dense.kernel": (NUM_FEATURES, num_classes),
            "dense.bias": (num_classes,),
        }
    )


CNN_WEIGHT_SHAPES = cnn_weight_shapes()
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
# Limits of the JSON header of a safetensors file. The names of 2,400 classes, the most that the
# arrays have room for, take up to 1.1 MB. Of other files, thousands of arrays would take seconds.
_MAX_HEADER_BYTES, _MAX_HEADER_VALUES, _MAX_DEPTH = 4 << 20, 100_000, 4

KERAS_SUFFIXES = (".keras", ".h5")

# Limits of an ONNX or safetensors file; the six arrays of the CNN take 139,304 bytes for ten
# classes, as in the pretrained weights, and 6.5 MB for a thousand, those of the page network
# 1,451,668 in half precision.
MAX_BYTES, MAX_PRETRAINED_BYTES, MAX_PAGE_NETWORK_BYTES = 16 << 20, 256 << 10, 2 << 20


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


def cnn_shapes_for(bias_shape: Sequence[int]) -> Shapes:
    """Return the shapes of the CNN whose last bias has this shape; of any other, for ten classes.

    The shape may come from a file, whose arrays are then compared with the result.
    """
    is_valid = len(bias_shape) == 1 and bias_shape[0] > 0
    return cnn_weight_shapes(bias_shape[0]) if is_valid else CNN_WEIGHT_SHAPES


def storage_dtype(shapes: Shapes) -> str:
    """Return the dtype in a safetensors file: half precision for the page network only."""
    return "float16" if shapes is PAGE_NETWORK_WEIGHT_SHAPES else DTYPE


def to_safetensors(
    weights: Sequence[NDArray[Any]],
    shapes: Shapes | None = None,
    *,
    class_names: Sequence[str] | None = None,
) -> bytes:
    """Return the arrays as a safetensors file; equal arrays give equal bytes.

    `shapes` are by default those of the CNN, for any number of classes.
    """
    if shapes is None:
        shapes = cnn_shapes_for(np.shape(weights[-1]))
    if shapes is PAGE_NETWORK_WEIGHT_SHAPES:
        description = page_network_metadata()
    else:
        description = model_metadata(shapes["dense.bias"][0], class_names)
    # A single metadata entry, because safetensors writes several in random order.
    metadata = {"mnistcnn": json.dumps(description)}
    dtype = storage_dtype(shapes)
    with np.errstate(over="ignore"):  # infinity is reported next
        arrays = [array.astype(dtype) for array in named_weights(weights, shapes).values()]
    named_weights(arrays, shapes, dtype=dtype)
    return save(dict(zip(shapes, arrays, strict=True)), metadata=metadata)


def from_safetensors(content: bytes, shapes: Shapes | None = None) -> dict[str, Float32Array]:
    """Return the ``float32`` arrays of a safetensors file by name, in the order of `shapes`.

    `shapes` are by default those of the CNN, for any number of classes.

    Raises
    ------
    ValueError
        If the file is damaged or holds other arrays.
    """
    try:
        _read_header(content)
        arrays: dict[str, NDArray[Any]] = load(content)
    except Exception as error:  # a damaged header raises many kinds of exceptions
        raise ValueError(f"the file must be a valid safetensors file: {escape(error)}") from error
    check_keys("the file", arrays, tuple(CNN_WEIGHT_SHAPES if shapes is None else shapes), "arrays")
    if shapes is None:
        shapes = cnn_shapes_for(arrays["dense.bias"].shape)
    dtype = storage_dtype(shapes)
    return named_weights([arrays[name] for name in shapes], shapes, dtype=dtype)


def class_names_of_safetensors(content: bytes) -> tuple[str, ...] | None:
    """Return the names of the classes that a safetensors file of the CNN holds, if any.

    Raises
    ------
    ValueError
        If the metadata of the package are damaged.
    """
    text = (_read_header(content).get("__metadata__") or {}).get("mnistcnn")
    if text is None:
        return None
    metadata = loads_json("the metadata", text, max_depth=_MAX_DEPTH)
    return stored_class_names(metadata) if isinstance(metadata, dict) else None


def _read_header(content: bytes) -> dict[str, Any]:
    """Return the header of a safetensors file: JSON that follows its length.

    Raises
    ------
    ValueError
        If it is not an object, or too large. Other damage is left to the library.
    """
    length = int.from_bytes(content[:8], "little")
    if length > _MAX_HEADER_BYTES:
        raise ValueError(
            f"the header must take at most {_MAX_HEADER_BYTES:,} bytes; received {length:,}"
        )
    header = loads_json(
        "the header", content[8 : 8 + length], max_depth=_MAX_DEPTH, max_values=_MAX_HEADER_VALUES
    )
    if not isinstance(header, dict):
        raise ValueError("the header must hold an object; received another value")  # noqa: TRY004
    return header
