"""Export to OpenVINO, by way of ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.types import Float32Array
from mnistcnn.utils import environment
from mnistcnn.weights.metadata import INPUT_NAME, OUTPUT_NAME, model_metadata
from mnistcnn.weights.onnx_file import to_onnx


def write(weights: Sequence[NDArray[Any]], path: Path) -> None:
    """Write the ``.xml`` file and, beside it, the ``.bin`` file with the weights."""
    openvino = environment.import_openvino()
    # openvino.convert_model would send telemetry.
    model = openvino.Core().read_model(to_onnx(weights))
    for name, text in model_metadata().items():
        model.set_rt_info(text, ["mnistcnn", name])
    openvino.save_model(model, str(path), compress_to_fp16=False)


def predict(path: Path, images: Float32Array) -> Float32Array:
    """Return the probabilities that OpenVINO computes; fails for a batch of no images."""
    # On processors with bfloat16, OpenVINO would compute in it by default.
    precision = {"INFERENCE_PRECISION_HINT": "f32"}
    model = environment.import_openvino().Core().compile_model(str(path), "CPU", precision)
    return np.array(model({INPUT_NAME: images})[OUTPUT_NAME])
