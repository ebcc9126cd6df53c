"""The network as TensorFlow's SavedModel, a folder, and the arrays taken back out."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import tf
from mnistcnn.export.tf_function import serving_module
from mnistcnn.types import Float32Array
from mnistcnn.utils.safe_read import read_limited
from mnistcnn.weights.arrays import CNN_WEIGHT_SHAPES, named_weights
from mnistcnn.weights.metadata import INPUT_NAME, OUTPUT_NAME, model_metadata

SIGNATURE = "serving_default"
# What TensorFlow writes; assets.extra is where it leaves room for others' files.
_MAIN = "saved_model.pb"
_MAX_BYTES = 1 << 20
_ENTRIES = {_MAIN, "fingerprint.pb", "variables", "assets", "assets.extra"}


def write(weights: Sequence[NDArray[Any]], path: Path) -> None:
    """Write the folder."""
    module = serving_module(weights)
    tf.saved_model.save(module, str(path), signatures={SIGNATURE: module.serve})
    extra = path / "assets.extra"
    extra.mkdir()
    (extra / "mnistcnn.json").write_text(
        json.dumps(model_metadata(), indent=2) + "\n", encoding="utf-8"
    )


def run(path: Path, images: Float32Array) -> Float32Array:
    """Return what TensorFlow makes of the images."""
    signature = tf.saved_model.load(str(path)).signatures[SIGNATURE]
    return np.asarray(signature(**{INPUT_NAME: tf.constant(images)})[OUTPUT_NAME])


def read(path: Path) -> list[Float32Array]:
    """Take the six arrays out of a folder that `write` wrote. Nothing in it is run.

    Raises
    ------
    FileNotFoundError
        If the folder is no SavedModel.
    ValueError
        If it is damaged, too large, or does not hold the network's arrays.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    content = read_limited(path / _MAIN, limit=_MAX_BYTES)
    try:
        graphs = SavedModel.FromString(content).meta_graphs
    except Exception as error:  # protobuf's own errors depend on how it was built
        raise ValueError(f"the folder must hold a whole SavedModel: {error}") from error
    nodes = [node for graph in graphs for node in graph.graph_def.node if node.op == "Const"]
    tensors = [node.attr["value"].tensor for node in nodes]
    arrays = []
    for name, shape in CNN_WEIGHT_SHAPES.items():
        fitting = [one for one in tensors if _holds(one, shape)]
        if len(fitting) != 1:
            raise ValueError(
                f"the folder must hold one array of shape {shape} for {name}; "
                f"it holds {len(fitting)}"
            )
        arrays.append(np.frombuffer(fitting[0].tensor_content, "<f4").reshape(shape))
    return list(named_weights([one.astype(np.float32) for one in arrays]).values())


def _holds(tensor: Any, shape: tuple[int, ...]) -> bool:
    found = tuple(dimension.size for dimension in tensor.tensor_shape.dim)
    whole = len(tensor.tensor_content) == 4 * math.prod(shape)
    return found == shape and tensor.dtype == tf.float32.as_datatype_enum and whole


def check_replaceable(path: Path) -> None:
    """Refuse a folder that holds anything else than a SavedModel, for it would be lost."""
    if not path.is_dir():
        return
    held = sorted(entry.name for entry in path.iterdir())
    others = [name for name in held if name not in _ENTRIES]
    if others or (held and _MAIN not in held):
        raise FileExistsError(
            f"{path} must be free, an empty folder or a SavedModel, since it is replaced; "
            f"it holds {', '.join(map(repr, (others or held)[:3]))}"
        )
