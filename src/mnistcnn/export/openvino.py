"""The network for OpenVINO, read from its ONNX form, and the arrays taken back out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from mnistcnn.types import Float32Array
from mnistcnn.utils import environment
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES, MAX_BYTES, named_weights
from mnistcnn.weights.metadata import INPUT_NAME, OUTPUT_NAME, model_metadata
from mnistcnn.weights.onnx_file import to_channels_first, to_channels_last, to_onnx

_MAX_SHOWN = 40


def write(weights: Sequence[NDArray[Any]], path: Path) -> None:
    """Write the .xml file and, beside it, the .bin file with the numbers."""
    openvino = environment.import_openvino()
    # Not openvino.convert_model, which would report each use.
    model = openvino.Core().read_model(to_onnx(weights))
    for name, text in model_metadata().items():
        model.set_rt_info(text, ["mnistcnn", name])
    openvino.save_model(model, str(path), compress_to_fp16=False)


def run(path: Path, images: Float32Array) -> Float32Array:
    """Return what OpenVINO makes of the images; of none it makes an error."""
    # Where a processor has bfloat16, OpenVINO would compute in it.
    precision = {"INFERENCE_PRECISION_HINT": "f32"}
    network = environment.import_openvino().Core().compile_model(str(path), "CPU", precision)
    return np.array(network({INPUT_NAME: images})[OUTPUT_NAME])


def read(path: Path) -> list[Float32Array]:
    """Take the six arrays out of the two files that `write` wrote, without OpenVINO.

    Raises
    ------
    FileNotFoundError
        If one of the files is absent.
    ValueError
        If they are damaged, too large, or do not hold the network's arrays.
    """
    described = read_limited(path, limit=MAX_BYTES).decode(errors="replace")
    numbers = read_limited(path.with_suffix(".bin"), limit=MAX_BYTES)
    if "<!" in described:  # where XML keeps what grows when it is read
        raise ValueError("the file must hold elements alone; it holds a declaration")
    try:
        layers = ET.fromstring(described).iter("layer")  # noqa: S314  # no declaration, no entity
    except ET.ParseError as error:
        raise ValueError(f"the file must be whole XML: {error}") from None
    data = {one.get("name"): one.find("data") for one in layers if one.get("type") == "Const"}
    expected = to_channels_first(
        {name: np.empty(shape) for name, shape in CNN_WEIGHT_SHAPES.items()}
    )
    arrays = {
        name: _array(name, data.get(name), numbers, expected[name].shape)
        for name in CNN_WEIGHT_SHAPES
    }
    return list(named_weights(to_channels_last(arrays)).values())


def _array(
    name: str, data: ET.Element | None, numbers: bytes, shape: tuple[int, ...]
) -> Float32Array:
    given = {} if data is None else data.attrib
    size = 4 * math.prod(shape)
    wanted = {"element_type": "f32", "shape": ", ".join(map(str, shape)), "size": str(size)}
    found = {key: given.get(key) for key in wanted}
    if found != wanted:
        shown = {key: text and text[:_MAX_SHOWN] for key, text in found.items()}
        raise ValueError(f"{name} must be there with {wanted}; received {shown}")
    first = given.get("offset", "")
    if not (first.isdecimal() and len(first) < 8 and int(first) + size <= len(numbers)):
        raise ValueError(
            f"{name} must lie within the {len(numbers):,} bytes of the .bin file; "
            f"received offset {first[:20]!r}"
        )
    return np.frombuffer(numbers, "<f4", size // 4, int(first)).astype(np.float32).reshape(shape)
