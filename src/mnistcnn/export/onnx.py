"""Export to ONNX: by the package's own writer or, for another architecture, by Keras' exporter."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, helper, load_model, numpy_helper

import mnistcnn
from mnistcnn.export.source import ExportSource, input_spec
from mnistcnn.types import Float32Array
from mnistcnn.utils import environment
from mnistcnn.weights.metadata import INPUT_NAME, OUTPUT_NAME
from mnistcnn.weights.onnx_classifier import OnnxClassifier
from mnistcnn.weights.onnx_file import to_onnx

_BATCH = "n"  # name of the dimension


def content(source: ExportSource) -> bytes:
    """Return the content of the ONNX file."""
    if source.is_cnn:
        return to_onnx(source.weights, class_names=source.class_names)
    environment.require_extra("the export of your own network to ONNX", "tf2onnx", "tf2onnx")
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "model.onnx"
        source.model.export(path, format="onnx", verbose=False, input_signature=[input_spec()])
        model = load_model(path)
    _replace_erfc(model)
    _rename(model)
    model.producer_name, model.producer_version = "mnistcnn", mnistcnn.__version__
    model.doc_string = source.metadata["description"]
    helper.set_model_props(model, source.metadata)
    serialized: bytes = model.SerializeToString(deterministic=True)
    return serialized


def write(source: ExportSource, path: Path) -> None:
    """Write the file."""
    path.write_bytes(content(source))


def predict(path: Path, images: Float32Array) -> Float32Array:
    """Return the probabilities that ONNX Runtime computes."""
    return OnnxClassifier(path.read_bytes()).predict_proba(images[..., 0])


def _rename(model: ModelProto) -> None:
    """Give input, output and batch dimension the names that all formats have."""
    (graph_input,), (graph_output,) = model.graph.input, model.graph.output
    names = {graph_input.name: INPUT_NAME, graph_output.name: OUTPUT_NAME}
    for node in model.graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(tensor, tensor) for tensor in tensors]
    for value in (graph_input, graph_output):
        value.name = names[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = _BATCH


def _replace_erfc(model: ModelProto) -> None:
    """Replace Erfc, which tf2onnx 1.17 leaves in GELU and ONNX does not have, by 1 - Erf."""
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        one, erf = f"{node.output[0]}/one", f"{node.output[0]}/erf"
        model.graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), one))
        nodes.append(helper.make_node("Erf", node.input, [erf], name=erf))
        nodes.append(helper.make_node("Sub", [one, erf], node.output, name=node.name))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence tf2onnx: what it can't convert, ONNX Runtime reports when it loads the model."""
    logger = logging.getLogger("tf2onnx")
    disabled = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Keras' patch of tf2onnx for NumPy 2
            yield
    finally:
        logger.disabled = disabled
