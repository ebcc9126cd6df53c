"""The page network as an ONNX file: a U-Net that finds handwritten digits on a page.

The graph is built in code from the arrays, as in `onnx_file`, so that a weights file can only
hold numbers. Ronneberger, Fischer and Brox, "U-Net: Convolutional networks for biomedical image
segmentation" (2015), with additions in place of concatenations, as in Lin et al., "Feature
pyramid networks for object detection" (2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

import mnistcnn
from mnistcnn.types import Float32Array
from mnistcnn.weights.arrays import (
    NUM_DIGIT_OUTPUTS,
    PAGE_NETWORK_CHANNELS,
    PAGE_NETWORK_WEIGHT_SHAPES,
    named_weights,
)

PAGE_INPUT_NAME, INK_NAME, DIGITS_NAME = "image", "ink", "digits"
# Sides of the input are multiples of this number of pixels.
PAGE_STRIDE = 2 ** len(PAGE_NETWORK_CHANNELS)

# Runtimes from late 2020 on read it.
_OPSET, _IR_VERSION = 13, 7
_DOUBLED = "doubled"


def page_network_to_onnx(weights: Sequence[NDArray[Any]]) -> bytes:
    """Return the page network as an ONNX file.

    Parameters
    ----------
    weights : sequence of numpy.ndarray
        ``float32`` arrays in the order of `PAGE_NETWORK_WEIGHT_SHAPES`.

    Returns
    -------
    bytes
        A model with the input ``image``, ``float32 (1, 3, h, w)`` in [0, 1], whose height and
        width are multiples of 32; and the outputs ``ink``, ``float32 (1, 2, h, w)`` in [0, 1]:
        coverage by the ink of digits and by other ink; and ``digits``, ``float32 (1, 14, h / 4,
        w / 4)``: for each block of 4 × 4 pixels the logit of a digit's center, the offset to it
        (x, y) in digit sizes, the logarithm of the digit's size in units of 32 pixels, and the
        logits of the ten classes.

    Raises
    ------
    ValueError
        If an array has another dtype or shape or is not finite.
    """
    arrays = named_weights(weights, PAGE_NETWORK_WEIGHT_SHAPES)
    initializers = [_initializer(name, array) for name, array in arrays.items()]
    scales = helper.make_tensor(_DOUBLED, TensorProto.FLOAT, [4], [1, 1, 2, 2])
    graph = helper.make_graph(
        _nodes(),
        "page network",
        [_float_tensor(PAGE_INPUT_NAME, [1, 3, "h", "w"])],
        [
            _float_tensor(INK_NAME, [1, 2, "h", "w"]),
            _float_tensor(DIGITS_NAME, [1, NUM_DIGIT_OUTPUTS, "h_4", "w_4"]),
        ],
        [*initializers, scales],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="mnistcnn",
        producer_version=mnistcnn.__version__,
    )
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _initializer(name: str, array: Float32Array) -> onnx.TensorProto:
    """Return an array as ONNX expects it: kernels of shape (out, in, rows, columns)."""
    if array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
    content = array.astype("<f4").tobytes()
    return helper.make_tensor(name, TensorProto.FLOAT, array.shape, content, raw=True)


def _nodes() -> list[onnx.NodeProto]:
    nodes: list[onnx.NodeProto] = []

    def node(op_type: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(op_type, inputs, [output], name=output, **attributes))
        return output

    def conv(previous: str, layer: str, *, stride: int = 1, output: str | None = None) -> str:
        kernel_shape = PAGE_NETWORK_WEIGHT_SHAPES[f"{layer}/kernel"][:2]
        # TensorFlow's "same": a stride of 2 on an even size pads only below and to the right.
        before = kernel_shape[0] // 2 if stride == 1 else 0
        after = kernel_shape[0] // 2
        return node(
            "Conv",
            [previous, f"{layer}/kernel", f"{layer}/bias"],
            output or f"{layer}/conv",
            kernel_shape=kernel_shape,
            strides=[stride] * 2,
            pads=[before, before, after, after],
        )

    def conv_relu(previous: str, layer: str, *, stride: int = 1) -> str:
        return node("Relu", [conv(previous, layer, stride=stride)], f"{layer}/relu")

    levels = [conv_relu(PAGE_INPUT_NAME, "stem", stride=2)]
    for i in range(1, len(PAGE_NETWORK_CHANNELS)):
        levels.append(conv_relu(conv_relu(levels[-1], f"down{i}_1", stride=2), f"down{i}_2"))
    for i in reversed(range(len(PAGE_NETWORK_CHANNELS) - 1)):
        lateral = conv(levels[i + 1], f"lateral{i}")
        # Nearest neighbor: each value becomes a 2 × 2 block.
        enlarged = node(
            "Resize",
            [lateral, "", _DOUBLED],
            f"lateral{i}/enlarged",
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        levels[i] = conv_relu(node("Add", [levels[i], enlarged], f"sum{i}"), f"up{i}")
    blocks = conv(levels[0], "ink")
    logits = node("DepthToSpace", [blocks], "ink/logits", blocksize=2, mode="DCR")
    node("Sigmoid", [logits], INK_NAME)
    conv(conv_relu(levels[1], "digits_1"), "digits_2", output=DIGITS_NAME)
    return nodes


def _float_tensor(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


__all__ = ["DIGITS_NAME", "INK_NAME", "PAGE_INPUT_NAME", "PAGE_STRIDE", "page_network_to_onnx"]
