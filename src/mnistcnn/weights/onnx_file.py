"""The network as an ONNX file, built from its six arrays, and the arrays taken back out.

Nothing but NumPy and ``onnx`` takes part, so a file needs neither Keras nor a converter,
and the same arrays give the same bytes. ONNX convolves with the channels first. Images
have one channel, so turning them is a change of shape alone, and the rows of the last
kernel are put into the order in which channels-first features are flattened.

Reading takes numbers by their names and never runs or follows the graph that a file holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

import mnistcnn
from mnistcnn.types import IMAGE_SIZE, Float32Array
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES, MAX_BYTES, Shapes, named_weights
from mnistcnn.weights.metadata import INPUT_NAME, OUTPUT_NAME, model_metadata

# From late 2020: what these layers need has not changed since, and old runtimes read it.
_OPSET, _IR_VERSION = 13, 7
_SIDE = 5  # what the second pooling leaves: each channel 5 x 5
_SHAPE = "images.shape"
_MAX_NAMES, _MAX_SHOWN = 8, 40


def to_onnx(weights: Sequence[NDArray[Any]], shapes: Shapes = CNN_WEIGHT_SHAPES) -> bytes:
    """Return the network as an ONNX file.

    Parameters
    ----------
    weights : sequence of numpy.ndarray
        The six ``float32`` arrays as ``model.get_weights()`` gives them.
    shapes : mapping
        Those of the network: `WEIGHTS`, or `DETECTOR_WEIGHTS`, which has more outputs.

    Returns
    -------
    bytes
        A model that takes ``images``, ``float32 (n, 28, 28, 1)`` in [0, 1] for any n, and
        gives ``probabilities``, ``float32 (n, 10)``.

    Raises
    ------
    ValueError
        If an array is not the network's.
    """
    stored = [
        helper.make_tensor(
            name, TensorProto.FLOAT, array.shape, array.astype("<f4").tobytes(), raw=True
        )
        for name, array in to_channels_first(named_weights(weights, shapes)).items()
    ]
    # 0 keeps the number of images, also of none.
    stored.append(
        helper.make_tensor(_SHAPE, TensorProto.INT64, [4], [0, 1, IMAGE_SIZE, IMAGE_SIZE])
    )
    graph = helper.make_graph(
        _nodes(),
        "mnistcnn",
        [_float_tensor(INPUT_NAME, ["n", IMAGE_SIZE, IMAGE_SIZE, 1])],
        [_float_tensor(OUTPUT_NAME, ["n", *shapes["dense.bias"]])],
        stored,
    )
    said = model_metadata(shapes["dense.bias"][0])
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="mnistcnn",
        producer_version=mnistcnn.__version__,
        doc_string=said["description"],
    )
    helper.set_model_props(model, said)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def from_onnx(content: bytes) -> list[Float32Array]:
    """Take the six arrays out of a file that `onnx_bytes` wrote.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    list of numpy.ndarray
        The six ``float32`` arrays in the order in which Keras takes them.

    Raises
    ------
    ValueError
        If the file is damaged, too large, or does not hold the network's arrays.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(
            f"the file must hold at most {MAX_BYTES:,} bytes; it holds {len(content):,}"
        )
    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf's own errors depend on how it was built
        raise ValueError(f"the file must be a whole ONNX file: {error}") from error
    stored = model.graph.initializer
    # What is no text comes as bytes.
    names = [name if isinstance(name, str) else repr(name) for name in (t.name for t in stored)]
    if sorted(names) != sorted([*CNN_WEIGHT_SHAPES, _SHAPE]):
        raise ValueError(
            f"the file must hold the arrays {', '.join(CNN_WEIGHT_SHAPES)} as export_model writes them; "
            f"it holds {_format_names(names)}"
        )
    expected = to_channels_first(
        {name: np.empty(shape) for name, shape in CNN_WEIGHT_SHAPES.items()}
    )
    arrays = {
        tensor.name: _array(tensor, expected[tensor.name].shape)
        for tensor in stored
        if tensor.name != _SHAPE
    }
    return list(named_weights(to_channels_last(arrays)).values())


def _nodes() -> list[onnx.NodeProto]:
    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(kind, inputs, [output], name=output, **attributes)

    pooling = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [node("Reshape", [INPUT_NAME, _SHAPE], "channels_first")]
    before = "channels_first"
    for i in (1, 2):
        arrays = [f"conv{i}.kernel", f"conv{i}.bias"]
        nodes += [
            node("Conv", [before, *arrays], f"conv{i}", kernel_shape=[3, 3]),
            node("Relu", [f"conv{i}"], f"relu{i}"),
            node("MaxPool", [f"relu{i}"], f"pool{i}", **pooling),
        ]
        before = f"pool{i}"
    return [
        *nodes,
        node("Flatten", [before], "flatten"),
        node("Gemm", ["flatten", "dense.kernel", "dense.bias"], "logits"),
        node("Softmax", ["logits"], OUTPUT_NAME, axis=1),
    ]


def _float_tensor(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def to_channels_first(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Turn kernels of (rows, columns, in, out) to (out, in, rows, columns), the last alike."""
    turned = {
        name: array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
        for name, array in arrays.items()
    }
    outputs = arrays["dense.kernel"].shape[1]
    rows = turned["dense.kernel"].reshape(_SIDE, _SIDE, -1, outputs)
    return turned | {"dense.kernel": rows.transpose(2, 0, 1, 3).reshape(-1, outputs)}


def to_channels_last(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Undo `to_channels_first`, and give the order in which Keras takes the arrays."""
    outputs = arrays["dense.kernel"].shape[1]
    rows = arrays["dense.kernel"].reshape(-1, _SIDE, _SIDE, outputs)
    turned = {**arrays, "dense.kernel": rows.transpose(1, 2, 0, 3).reshape(-1, outputs)}
    return [
        turned[name].transpose(2, 3, 1, 0) if turned[name].ndim == 4 else turned[name]
        for name in CNN_WEIGHT_SHAPES
    ]


def _array(tensor: TensorProto, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the numbers of a tensor, if it is of that shape and holds them itself."""
    if tensor.data_location != TensorProto.DEFAULT or tensor.external_data:
        raise ValueError(f"the file must hold its arrays itself; {tensor.name} is elsewhere")
    found = tuple(tensor.dims)
    if tensor.data_type != TensorProto.FLOAT or found != shape:
        raise ValueError(
            f"{tensor.name} must be float32 {shape}; received data type {tensor.data_type} {found}"
        )
    size = 4 * math.prod(shape)
    if len(tensor.raw_data) != size:
        raise ValueError(
            f"{tensor.name} must take {size:,} bytes; it takes {len(tensor.raw_data):,}"
        )
    return np.frombuffer(tensor.raw_data, "<f4").astype(np.float32).reshape(shape)


def _format_names(names: list[str]) -> str:
    """Return the first of the names, for a file may have any number of any length."""
    if not names:
        return "none"
    shown = ", ".join(repr(name[:_MAX_SHOWN]) for name in names[:_MAX_NAMES])
    return f"{shown}, ..." if len(names) > _MAX_NAMES else shown
