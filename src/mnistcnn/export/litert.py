"""Export to LiteRT (formerly TensorFlow Lite), in float32 and quantized to 8 bits."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mnistcnn.backend import tf
from mnistcnn.data.load import load_data
from mnistcnn.data.preprocessing import preprocess
from mnistcnn.export.source import ExportSource
from mnistcnn.export.tf_function import serving_module
from mnistcnn.types import Float32Array
from mnistcnn.utils.stderr import filter_stderr

# What the converter and the interpreter print on standard error on success. The converter to 8 bits
# also prints a line that begins with "fully_quantize: ", without the C library's stream.
_NOISE = re.compile(rb"INFO: |WARNING: All log messages before absl|[IW]\d{4} \d\d:")

RepresentativeDataset = Callable[[], Iterator[list[Float32Array]]]


def write_float32(source: ExportSource, path: Path) -> None:
    """Write the model in float32."""
    path.write_bytes(_add_metadata(_convert(source), source))


def write_int8(source: ExportSource, path: Path) -> None:
    """Write the model with 8-bit weights and activations, and float32 input and output.

    The activation ranges are calibrated on all training images of scikit-learn's digits, in
    order, so equal weights give equal files.
    """

    def representative_dataset() -> Iterator[list[Float32Array]]:
        for image in preprocess(load_data("digits").train.images):
            yield [image[np.newaxis]]

    path.write_bytes(_add_metadata(_convert(source, representative_dataset), source))


def predict(path: Path, images: Float32Array) -> Float32Array:
    """Return the probabilities that LiteRT computes; fails for a batch of no images."""
    from ai_edge_litert.interpreter import Interpreter

    with filter_stderr(_NOISE):
        interpreter = Interpreter(model_content=path.read_bytes())
        (inputs,), (outputs,) = interpreter.get_input_details(), interpreter.get_output_details()
        interpreter.resize_tensor_input(inputs["index"], images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(inputs["index"], images)
        interpreter.invoke()
    probabilities: Float32Array = interpreter.get_tensor(outputs["index"])
    return probabilities


def _convert(
    source: ExportSource, representative_dataset: RepresentativeDataset | None = None
) -> bytes:
    module = serving_module(source)
    function = module.serve.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    if representative_dataset is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative_dataset
        # Otherwise an operator that can't be quantized would silently stay in float32.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with filter_stderr(_NOISE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
        content: bytes = converter.convert()
    return content


def _add_metadata(content: bytes, source: ExportSource) -> bytes:
    """Write the metadata into the description field of the file."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    model.description = json.dumps(source.metadata)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
