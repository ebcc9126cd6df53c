"""The network for OpenVINO, read from its ONNX form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn import _runtimes
from mnistcnn._about import INPUT, OUTPUT, about
from mnistcnn._onnx import onnx_bytes
from mnistcnn._types import Float32Array


def write(weights: Sequence[NDArray[Any]], path: Path) -> None:
    """Write the .xml file and, beside it, the .bin file with the numbers."""
    openvino = _runtimes.openvino()
    # Not openvino.convert_model, which would report each use.
    model = openvino.Core().read_model(onnx_bytes(weights))
    for name, text in about().items():
        model.set_rt_info(text, ["mnistcnn", name])
    openvino.save_model(model, str(path), compress_to_fp16=False)


def run(path: Path, images: Float32Array) -> Float32Array:
    """Return what OpenVINO makes of the images; of none it makes an error."""
    # Where a processor has bfloat16, OpenVINO would compute in it.
    precision = {"INFERENCE_PRECISION_HINT": "f32"}
    network = _runtimes.openvino().Core().compile_model(str(path), "CPU", precision)
    return np.array(network({INPUT: images})[OUTPUT])
