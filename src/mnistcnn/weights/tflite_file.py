"""The six arrays, taken back out of a LiteRT file. Nothing in the file is run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.types import Float32Array
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES, named_weights

# LiteRT's kernels are (out, rows, columns, in), its dense matrix (out, in).
_TO_KERAS = {4: (1, 2, 3, 0), 2: (1, 0), 1: (0,)}
_SHAPES = {
    tuple(shape[axis] for axis in np.argsort(_TO_KERAS[len(shape)]))
    for shape in CNN_WEIGHT_SHAPES.values()
}
# What the network has is far below; more would only be there to keep a reader busy.
_MOST = 64
# The format's numbers for its element types.
_DTYPES = {0: np.dtype("<f4"), 2: np.dtype("<i4"), 9: np.dtype("i1")}


def read_litert(content: bytes) -> list[Float32Array]:
    """Take the six arrays out of a ``.tflite`` file that `export_model` wrote.

    Each is known by its shape, since LiteRT names tensors as it likes. Integers of 8
    and 32 bits become what they stand for.

    Raises
    ------
    ValueError
        If the file is damaged or does not hold the network's arrays.
    """
    from ai_edge_litert.schema_py_generated import Model

    try:
        found = list(_constants(Model.GetRootAs(bytearray(content), 0)))
    except Exception as error:  # offsets that lead anywhere end in many ways
        raise ValueError(f"the file must be a whole LiteRT file: {error}") from error
    arrays = []
    for name, shape in CNN_WEIGHT_SHAPES.items():
        fitting = [array for array in found if array.shape == shape]
        if len(fitting) != 1:
            raise ValueError(
                f"the file must hold one array of shape {shape} for {name}; it holds {len(fitting)}"
            )
        arrays += fitting
    return list(named_weights(arrays).values())


def _constants(model: Any) -> Iterator[Float32Array]:
    """Give those numbers of the first graph that have the shape of one of the six."""
    graph = model.Subgraphs(0)
    for number in range(min(graph.TensorsLength(), _MOST)):
        tensor = graph.Tensors(number)
        shape = tuple(tensor.Shape(axis) for axis in range(min(tensor.ShapeLength(), 5)))
        buffer = model.Buffers(tensor.Buffer())
        if shape in _SHAPES and buffer.DataLength():
            stored = buffer.DataAsNumpy().view(_DTYPES[tensor.Type()]).reshape(shape)
            yield _dequantize(stored, tensor.Quantization()).transpose(_TO_KERAS[len(shape)])


def _dequantize(stored: NDArray[Any], quantisation: Any) -> Float32Array:
    """Return what the numbers stand for: scale × (number - zero), by output channel."""
    values = stored.astype(np.float32)
    if stored.dtype.kind == "f":
        return values
    count, channels = quantisation.ScaleLength(), len(stored)
    if count != channels or quantisation.QuantizedDimension() != 0:
        raise ValueError(f"scales must be one for each of {channels} channels; received {count}")
    along = (-1,) + (1,) * (stored.ndim - 1)
    zeros = np.float32(quantisation.ZeroPointAsNumpy()).reshape(along)
    scaled: Float32Array = quantisation.ScaleAsNumpy().reshape(along) * (values - zeros)
    return scaled
