"""The network for LiteRT, once called TensorFlow Lite: in float32, and quantised to 8 bits."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import tf
from mnistcnn.data.load import load_data
from mnistcnn.data.preprocessing import preprocess
from mnistcnn.export.tf_function import serving_module
from mnistcnn.types import Float32Array
from mnistcnn.utils.stderr import filter_stderr
from mnistcnn.weights.metadata import model_metadata

# What converter and interpreter say on standard error each time that all is well.
_NOISE = re.compile(
    rb"fully_quantize: |INFO: |WARNING: All log messages before absl|[IW]\d{4} \d\d:"
)


def write_float(weights: Sequence[NDArray[Any]], path: Path) -> None:
    """Write the network as it is."""
    path.write_bytes(_add_metadata(_convert(weights)))


def write_int8(weights: Sequence[NDArray[Any]], path: Path) -> None:
    """Write the network with weights and features of 8 bits; images and answers stay float32.

    The range of each layer's features is taken from scikit-learn's digits, all those of
    the training part in their order, so the same weights give the same file.
    """

    def representative() -> Iterator[list[Float32Array]]:
        for image in preprocess(load_data("digits").train.images):
            yield [image[np.newaxis]]

    path.write_bytes(_add_metadata(_convert(weights, representative)))


def run(path: Path, images: Float32Array) -> Float32Array:
    """Return what LiteRT makes of the images; of none it makes an error."""
    from ai_edge_litert.interpreter import Interpreter

    with filter_stderr(_NOISE):
        interpreter = Interpreter(model_content=path.read_bytes())
        (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()
        interpreter.resize_tensor_input(given["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
    probabilities: Float32Array = interpreter.get_tensor(wanted["index"])
    return probabilities


def _convert(weights: Sequence[NDArray[Any]], representative: Any = None) -> bytes:
    module = serving_module(weights)
    function = module.serve.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    if representative is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        # Without this an operation that can't be quantised would stay in floats.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with filter_stderr(_NOISE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
        content: bytes = converter.convert()
    return content


def _add_metadata(content: bytes) -> bytes:
    """Put into the file what it is, in the place that the format has for it."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    model.description = json.dumps(model_metadata())
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
