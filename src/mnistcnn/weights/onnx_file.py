"""Writing the network as an ONNX file and reading its weights back.

The graph is built with ``onnx`` alone, so writing needs neither Keras nor a converter, and equal
arrays give equal bytes. ONNX convolutions are channels-first. Because the images have one
channel, a reshape of the input suffices, and the rows of the dense kernel are permuted into the
order in which channels-first features are flattened.

Reading takes the arrays by name; the graph in the file is neither run nor inspected.
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
from mnistcnn.utils.text import escape, quote_names
from mnistcnn.weights.arrays import (
    CNN_WEIGHT_SHAPES,
    MAX_BYTES,
    Shapes,
    cnn_shapes_for,
    named_weights,
)
from mnistcnn.weights.metadata import (
    INPUT_NAME,
    OUTPUT_NAME,
    model_metadata,
    stored_class_names,
)
from mnistcnn.weights.protobuf_fields import check_num_fields

# From late 2020: these operators have not changed since, and old runtimes read it.
_OPSET, _IR_VERSION = 13, 7
_POOLED_SIZE = 5  # height and width after the second pooling
_INPUT_SHAPE_NAME = "images.shape"


def to_onnx(
    weights: Sequence[NDArray[Any]],
    shapes: Shapes | None = None,
    *,
    class_names: Sequence[str] | None = None,
) -> bytes:
    """Return the network as an ONNX file.

    Parameters
    ----------
    weights : sequence of numpy.ndarray
        The six ``float32`` arrays as ``model.get_weights()`` returns them.
    shapes : mapping, optional
        `REJECTOR_WEIGHT_SHAPES`. Default: those of the CNN, for any number of classes.
    class_names : sequence of str, optional
        Names of the classes, for the metadata.

    Returns
    -------
    bytes
        A model with the input ``images``, ``float32 (n, 28, 28, 1)`` in [0, 1], and the output
        ``probabilities``, ``float32 (n, num_outputs)``.

    Raises
    ------
    ValueError
        If an array does not match `shapes`.
    """
    if shapes is None:
        shapes = cnn_shapes_for(np.shape(weights[-1]))
    initializers = [
        helper.make_tensor(
            name, TensorProto.FLOAT, array.shape, array.astype("<f4").tobytes(), raw=True
        )
        for name, array in _to_channels_first(named_weights(weights, shapes)).items()
    ]
    # 0 copies the batch dimension, which -1 could not infer for a batch of no images.
    initializers.append(
        helper.make_tensor(
            _INPUT_SHAPE_NAME, TensorProto.INT64, [4], [0, 1, IMAGE_SIZE, IMAGE_SIZE]
        )
    )
    graph = helper.make_graph(
        _nodes(),
        "mnistcnn",
        [_float_tensor(INPUT_NAME, ["n", IMAGE_SIZE, IMAGE_SIZE, 1])],
        [_float_tensor(OUTPUT_NAME, ["n", *shapes["dense.bias"]])],
        initializers,
    )
    metadata = model_metadata(shapes["dense.bias"][0], class_names)
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="mnistcnn",
        producer_version=mnistcnn.__version__,
        doc_string=metadata["description"],
    )
    helper.set_model_props(model, metadata)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def parse_onnx(content: bytes, *, limit: int = MAX_BYTES) -> onnx.ModelProto:
    """Return the model in an ONNX file of at most `limit` bytes, without running anything.

    Raises
    ------
    ValueError
        If the file is damaged or too large.
    """
    if len(content) > limit:
        raise ValueError(f"the file must be at most {limit:,} bytes; received {len(content):,}")
    try:
        check_num_fields(content, onnx.ModelProto.DESCRIPTOR)
        model: onnx.ModelProto = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf's implementations raise different exceptions
        raise ValueError(f"the file must be a valid ONNX file: {escape(error)}") from error
    return model


def from_onnx(content: bytes) -> list[Float32Array]:
    """Return the six arrays of a file that `to_onnx` wrote, in the order of ``get_weights()``.

    Raises
    ------
    ValueError
        If the file is damaged or too large, or does not contain the CNN's arrays.
    """
    return cnn_weights_of(parse_onnx(content))


def has_cnn_arrays(model: onnx.ModelProto) -> bool:
    """Return whether the arrays of an ONNX model have the names of the CNN's."""
    return sorted(array_names(model)) == sorted([*CNN_WEIGHT_SHAPES, _INPUT_SHAPE_NAME])


def cnn_weights_of(model: onnx.ModelProto) -> list[Float32Array]:
    """Return the six arrays of a model that `to_onnx` wrote; raise ``ValueError`` for another."""
    if not has_cnn_arrays(model):
        raise ValueError(
            f"the file must contain the arrays {', '.join(CNN_WEIGHT_SHAPES)}, as export_model "
            f"writes them; received {quote_names(array_names(model)) or 'none'}"
        )
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    shapes = cnn_shapes_for(tensors["dense.bias"].dims)
    arrays = {
        name: _to_array(tensors[name], _channels_first_shape(shapes[name])) for name in shapes
    }
    return list(named_weights(_to_channels_last(arrays), shapes).values())


def class_names_of_onnx(model: onnx.ModelProto) -> tuple[str, ...] | None:
    """Return the names of the classes in the metadata of an ONNX model, if any.

    Raises
    ------
    ValueError
        If they are not valid.
    """
    return stored_class_names({entry.key: entry.value for entry in model.metadata_props})


def array_names(model: onnx.ModelProto) -> list[str]:
    """Return the names of the arrays in an ONNX model."""
    # A name that is not valid UTF-8 is returned as bytes.
    names = [tensor.name for tensor in model.graph.initializer]
    return [name if isinstance(name, str) else repr(name) for name in names]


def _channels_first_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an array after `_to_channels_first`."""
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape


def _nodes() -> list[onnx.NodeProto]:
    def node(op_type: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(op_type, inputs, [output], name=output, **attributes)

    pooling = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [node("Reshape", [INPUT_NAME, _INPUT_SHAPE_NAME], "channels_first")]
    previous = "channels_first"
    for i in (1, 2):
        arrays = [f"conv{i}.kernel", f"conv{i}.bias"]
        nodes += [
            node("Conv", [previous, *arrays], f"conv{i}", kernel_shape=[3, 3]),
            node("Relu", [f"conv{i}"], f"relu{i}"),
            node("MaxPool", [f"relu{i}"], f"pool{i}", **pooling),
        ]
        previous = f"pool{i}"
    return [
        *nodes,
        node("Flatten", [previous], "flatten"),
        node("Gemm", ["flatten", "dense.kernel", "dense.bias"], "logits"),
        node("Softmax", ["logits"], OUTPUT_NAME, axis=1),
    ]


def _float_tensor(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _to_channels_first(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays with kernels of shape (out, in, rows, columns) and dense rows to match."""
    result = {
        name: array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
        for name, array in arrays.items()
    }
    num_outputs = arrays["dense.kernel"].shape[1]
    rows = arrays["dense.kernel"].reshape(_POOLED_SIZE, _POOLED_SIZE, -1, num_outputs)
    return result | {"dense.kernel": rows.transpose(2, 0, 1, 3).reshape(-1, num_outputs)}


def _to_channels_last(arrays: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Invert `_to_channels_first`; return the arrays in the order of ``get_weights()``."""
    num_outputs = arrays["dense.kernel"].shape[1]
    rows = arrays["dense.kernel"].reshape(-1, _POOLED_SIZE, _POOLED_SIZE, num_outputs)
    result = {**arrays, "dense.kernel": rows.transpose(1, 2, 0, 3).reshape(-1, num_outputs)}
    return [
        result[name].transpose(2, 3, 1, 0) if result[name].ndim == 4 else result[name]
        for name in CNN_WEIGHT_SHAPES
    ]


def _to_array(tensor: TensorProto, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the values of a tensor, after checking its type, shape and storage."""
    if tensor.data_location != TensorProto.DEFAULT or tensor.external_data:
        raise ValueError(f"arrays must be stored in the file; {tensor.name} is external")
    dims = tuple(tensor.dims)
    if tensor.data_type != TensorProto.FLOAT or dims != shape:
        raise ValueError(
            f"{tensor.name} must be float32 {shape}; "
            f"received data type {tensor.data_type} {escape(dims)}"
        )
    size = 4 * math.prod(shape)
    if len(tensor.raw_data) != size:
        raise ValueError(
            f"{tensor.name} must take {size:,} bytes; received {len(tensor.raw_data):,}"
        )
    return np.frombuffer(tensor.raw_data, "<f4").astype(np.float32).reshape(shape)
