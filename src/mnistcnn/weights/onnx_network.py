"""Checks of an ONNX file with any network, before ONNX Runtime runs it.

A graph of the operators listed here reads no file but its own and opens no connection. It has
neither branches nor loops, so it ends. Operators that create or repeat tensors of any size are not
among them, and the sizes that shape inference finds are limited.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import onnx
from onnx import AttributeProto, GraphProto, TensorProto, ValueInfoProto

from mnistcnn.types import IMAGE_SIZE
from mnistcnn.utils.text import escape, quote, quote_names
from mnistcnn.weights.onnx_ranks import check_ranks

MAX_NETWORK_BYTES = 256 << 20
_MAX_NODES = 10_000
_MAX_ELEMENTS = 1 << 26  # of a tensor, for one image
_MIN_CLASSES = 2
_DOMAINS = ("", "ai.onnx")
_OPERATORS = frozenset(
    """
    Abs Add And Cast Ceil Celu Clip Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual
    HardSigmoid HardSwish Identity LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mul Neg Not
    Or PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Softplus Softsign Sqrt Sub Sum Swish
    Tanh ThresholdedRelu Where Xor

    AveragePool BatchNormalization Conv Dropout Einsum Gemm GlobalAveragePool GlobalLpPool
    GlobalMaxPool GroupNormalization InstanceNormalization LRN LayerNormalization LogSoftmax
    LpNormalization LpPool MatMul MaxPool MeanVarianceNormalization RMSNormalization Softmax

    ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin
    ReduceProd ReduceSum ReduceSumSquare

    Concat Constant DepthToSpace Flatten Gather GatherND Pad Reshape Shape Size Slice
    SpaceToDepth Split Squeeze Transpose Unsqueeze
    """.split()  # noqa: SIM905  # readable in lines: elementwise, layers, reductions, shapes
)


def check_network(model: onnx.ModelProto) -> None:
    """Raise ``ValueError`` unless a model can classify images of 28 × 28 pixels safely.

    It must take one tensor of 784 floats per image and return one row of probabilities.
    """
    graph = model.graph
    if model.functions or graph.sparse_initializer or model.training_info:
        raise ValueError(
            "the network must have neither functions, sparse tensors nor training information"
        )
    if len(graph.node) > _MAX_NODES:
        raise ValueError(
            f"the network must have at most {_MAX_NODES:,} operators; received {len(graph.node):,}"
        )
    _check_operators(graph)
    for tensor in _tensors(graph):
        if tensor.data_location != TensorProto.DEFAULT or tensor.external_data:
            raise ValueError(f"arrays must be stored in the file; {_name(tensor.name)} is external")
    _check_input(graph)
    _check_output(graph)
    check_ranks(graph)
    _check_sizes(model)


def is_network(model: onnx.ModelProto) -> bool:
    """Return whether `check_network` accepts a model."""
    try:
        check_network(model)
    except ValueError:
        return False
    return True


def num_outputs(model: onnx.ModelProto) -> int:
    """Return the number of classes of a network that `check_network` accepts."""
    return _shape(model.graph.output[0])[1]


def _check_operators(graph: GraphProto) -> None:
    unknown = {
        node.op_type
        for node in graph.node
        if node.domain not in _DOMAINS or node.op_type not in _OPERATORS
    }
    nested = {
        node.op_type
        for node in graph.node
        for attribute in node.attribute
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS)
    }
    if unknown or nested:
        raise ValueError(
            "the network must consist of the operators of convolutional and dense networks; "
            f"received {quote_names(sorted(map(str, unknown | nested)))}"
        )


def _check_input(graph: GraphProto) -> None:
    initializers = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in initializers]
    num_pixels = IMAGE_SIZE * IMAGE_SIZE
    rule = f"the network must take one float32 tensor of {num_pixels} pixels per image, such as "
    rule += "(n, 28, 28, 1)"
    if len(inputs) != 1:
        raise ValueError(f"{rule}; received {len(inputs)} inputs")
    shape = _shape(inputs[0])
    sizes = shape[1:]
    if (
        inputs[0].type.tensor_type.elem_type != TensorProto.FLOAT
        or 0 in sizes
        or math.prod(sizes) != num_pixels
    ):
        raise ValueError(f"{rule}; received {_describe(inputs[0])}")


def _check_output(graph: GraphProto) -> None:
    rule = f"the network must return one row of at least {_MIN_CLASSES} probabilities per image"
    if len(graph.output) != 1:
        raise ValueError(f"{rule}; received {len(graph.output)} outputs")
    output = graph.output[0]
    shape = _shape(output)
    is_float = output.type.tensor_type.elem_type == TensorProto.FLOAT
    if not is_float or len(shape) != 2 or shape[1] < _MIN_CLASSES:
        raise ValueError(f"{rule}; received {_describe(output)}")


def _check_sizes(model: onnx.ModelProto) -> None:
    """Raise if a tensor whose size is known is too large."""
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:  # of protobuf and of the C++ code
        raise ValueError(f"the network must have consistent shapes: {escape(error)}") from error
    for value in inferred.graph.value_info:
        size = math.prod(dim for dim in _shape(value) if dim > 0)
        if size > _MAX_ELEMENTS:
            raise ValueError(
                f"a tensor of the network must have at most {_MAX_ELEMENTS:,} elements; "
                f"{_name(value.name)} has {size:,}"
            )


def _shape(value: ValueInfoProto) -> tuple[int, ...]:
    """Return the sizes of a tensor, 0 where they are not fixed."""
    return tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)


def _describe(value: ValueInfoProto) -> str:
    code = value.type.tensor_type.elem_type
    kind = "float32" if code == TensorProto.FLOAT else f"data type {code}"
    sizes = ", ".join(str(size) if size else "n" for size in _shape(value))
    return f"{_name(value.name)}: {kind} ({sizes})"


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from _tensors_of(attribute)


def _tensors_of(attribute: AttributeProto) -> Iterable[TensorProto]:
    sparse = [attribute.sparse_tensor, *attribute.sparse_tensors]
    parts = [part for tensor in sparse for part in (tensor.values, tensor.indices)]
    return [attribute.t, *attribute.tensors, *parts]


def _name(name: object) -> str:
    return quote(name if isinstance(name, str) else repr(name), limit=40)
