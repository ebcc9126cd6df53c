"""Export to TensorFlow's SavedModel, a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.backend import tf
from mnistcnn.export.tf_function import serving_module
from mnistcnn.types import Float32Array
from mnistcnn.weights.metadata import INPUT_NAME, OUTPUT_NAME, model_metadata

_SIGNATURE = "serving_default"
_GRAPH_FILE = "saved_model.pb"
# assets.extra is TensorFlow's place for other programs' files.
_ENTRIES = {_GRAPH_FILE, "fingerprint.pb", "variables", "assets", "assets.extra"}


def write(weights: Sequence[NDArray[Any]], path: Path) -> None:
    """Write the folder."""
    module = serving_module(weights)
    tf.saved_model.save(module, str(path), signatures={_SIGNATURE: module.serve})
    extra = path / "assets.extra"
    extra.mkdir()
    metadata = json.dumps(model_metadata(), indent=2) + "\n"
    (extra / "mnistcnn.json").write_text(metadata, encoding="utf-8")


def predict(path: Path, images: Float32Array) -> Float32Array:
    """Return the probabilities that TensorFlow computes."""
    signature = tf.saved_model.load(str(path)).signatures[_SIGNATURE]
    return np.asarray(signature(**{INPUT_NAME: tf.constant(images)})[OUTPUT_NAME])


def check_replaceable(path: Path) -> None:
    """Raise ``FileExistsError`` if a folder has content other than a SavedModel."""
    if not path.is_dir():
        return
    entries = sorted(entry.name for entry in path.iterdir())
    foreign = [name for name in entries if name not in _ENTRIES]
    if foreign or (entries and _GRAPH_FILE not in entries):
        listed = ", ".join(map(repr, (foreign or entries)[:3]))
        raise FileExistsError(
            f"{path} must not exist, be empty or be a SavedModel, because it is replaced; "
            f"it contains {listed}"
        )
