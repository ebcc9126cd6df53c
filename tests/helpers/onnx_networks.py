"""Small networks as ONNX files, written without Keras."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def dense_network(*, shape=("n", 28, 28, 1), num_classes=3, softmax=True, class_names=None, seed=0):
    """Return a model of one dense layer, and its kernel; it can be changed before it is saved."""
    kernel = np.random.default_rng(seed).normal(0, 0.1, (784, num_classes)).astype(np.float32)
    batch = shape[0] if isinstance(shape[0], int) else -1
    initializers = [
        numpy_helper.from_array(kernel, "kernel"),
        numpy_helper.from_array(np.array([batch, 784]), "shape"),
    ]
    last = "logits" if softmax else "outputs"
    nodes = [
        helper.make_node("Reshape", ["pixels", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "kernel"], [last]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["outputs"], axis=1))
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, [shape[0], num_classes])],
        initializers,
    )
    opsets = [helper.make_opsetid("", 13)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    if class_names is not None:
        helper.set_model_props(model, {"class_names": json.dumps(class_names)})
    return model, kernel


def save(model, path):
    onnx.save(model, path)
    return path


def expected(kernel, images):
    """Return the probabilities of raw images."""
    logits = images.reshape(-1, 784) / np.float32(255) @ kernel
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
