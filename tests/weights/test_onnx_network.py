"""Checks of ONNX files with any network."""

import copy

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mnistcnn.weights.onnx_network import check_network, num_outputs
from tests.helpers.onnx_networks import dense_network


@pytest.mark.parametrize(
    "shape", [("n", 28, 28, 1), ("n", 1, 28, 28), ("n", 784), ("n", 28, 28), (1, 28, 28, 1)]
)
def test_networks_of_784_pixels_are_accepted(shape):
    model, _ = dense_network(shape=shape, num_classes=26)
    check_network(model)
    assert num_outputs(model) == 26


def add_node(op_type, **attributes):
    def change(model):
        inputs = attributes.pop("inputs", ["kernel"])
        model.graph.node.append(helper.make_node(op_type, inputs, ["extra"], **attributes))

    return change


def add_loop(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], [], body=body))


def add_subgraph(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Relu", ["kernel"], ["extra"], body=body))


def add_function(model):
    model.functions.add(name="f", domain="mine")


def add_external_array(model):
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def add_external_constant(model):
    tensor = numpy_helper.from_array(np.zeros(3), "secret")
    tensor.external_data.add(key="location", value="/etc/passwd")
    model.graph.node.append(helper.make_node("Constant", [], ["extra"], value=tensor))


def add_input(model):
    model.graph.input.append(copy.deepcopy(model.graph.input[0]))


def add_output(model):
    model.graph.output.append(copy.deepcopy(model.graph.output[0]))


def take_integers(model):
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64


def take_rows(model):
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 32


def take_any_size(model):
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "height"


def return_any_number(model):
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_param = "k"


def return_maps(model):
    model.graph.output[0].type.tensor_type.shape.dim.add(dim_value=2)


def return_one(model):
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 1


def pad_hugely(model):
    pads = numpy_helper.from_array(np.array([0, 0, 10**9, 0]), "pads")
    model.graph.initializer.append(pads)
    add_node("Pad", inputs=["kernel", "pads"])(model)


def be_long(model):
    model.graph.node.extend([model.graph.node[0]] * 10_001)


OPERATORS = (
    "the network must consist of the operators of convolutional and dense networks; received "
)
INPUT = r"the network must take one float32 tensor of 784 pixels per image, such as \(n, 28, 28, 1\); received "
OUTPUT = "the network must return one row of at least 2 probabilities per image; received "


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (add_node("Tile"), OPERATORS + "'Tile'"),
        (add_node("Relu", domain="evil"), OPERATORS + "'Relu'"),
        (add_node("Relu\x1b[31m"), OPERATORS + r"'Relu\\x1b\[31m'"),
        (add_loop, OPERATORS + "'Loop'"),
        (add_subgraph, OPERATORS + "'Relu'"),
        (add_function, "the network must have neither functions, sparse tensors nor training information"),
        (add_external_array, "arrays must be stored in the file; 'kernel' is external"),
        (add_external_constant, "arrays must be stored in the file; 'secret' is external"),
        (add_input, INPUT + "2 inputs"),
        (take_integers, INPUT + r"'pixels': data type 7 \(n, 28, 28, 1\)"),
        (take_rows, INPUT + r"'pixels': float32 \(n, 32, 28, 1\)"),
        (take_any_size, INPUT + r"'pixels': float32 \(n, n, 28, 1\)"),
        (add_output, OUTPUT + "2 outputs"),
        (return_any_number, OUTPUT + r"'outputs': float32 \(n, n\)"),
        (return_maps, OUTPUT + r"'outputs': float32 \(n, 3, 2\)"),
        (return_one, OUTPUT + r"'outputs': float32 \(n, 1\)"),
        (pad_hugely, r"a tensor of the network must have at most 67,108,864 elements; 'extra' has [\d,]+"),
        (be_long, "the network must have at most 10,000 operators; received 10,004"),
    ],
)  # fmt: skip
def test_other_networks_are_rejected(change, message):
    model, _ = dense_network()
    change(model)
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_network(model)


def test_an_empty_model_is_rejected():
    with pytest.raises(ValueError, match=f"^{INPUT}0 inputs$"):
        check_network(onnx.ModelProto())
