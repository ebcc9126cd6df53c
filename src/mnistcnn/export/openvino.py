"""Export to OpenVINO, by way of ONNX."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mnistcnn.export import onnx
from mnistcnn.export.source import ExportSource
from mnistcnn.types import Float32Array
from mnistcnn.utils import environment
from mnistcnn.weights.metadata import INPUT_NAME, OUTPUT_NAME


def write(source: ExportSource, path: Path) -> None:
    """Write the ``.xml`` file and, beside it, the ``.bin`` file with the weights."""
    openvino = environment.import_openvino()
    # openvino.convert_model would send telemetry.
    model = openvino.Core().read_model(onnx.content(source))
    for name, text in source.metadata.items():
        model.set_rt_info(text, ["mnistcnn", name])
    openvino.save_model(model, str(path), compress_to_fp16=False)


def predict(path: Path, images: Float32Array) -> Float32Array:
    """Return the probabilities that OpenVINO computes; fails for a batch of no images."""
    # On processors with bfloat16, OpenVINO would compute in it by default.
    precision = {"INFERENCE_PRECISION_HINT": "f32"}
    model = environment.import_openvino().Core().compile_model(str(path), "CPU", precision)
    return np.array(model({INPUT_NAME: images})[OUTPUT_NAME])
