"""Export to TensorFlow's SavedModel, a folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from mnistcnn.backend import tf
from mnistcnn.export.source import ExportSource
from mnistcnn.export.tf_function import serving_module
from mnistcnn.types import Float32Array
from mnistcnn.weights.metadata import INPUT_NAME, OUTPUT_NAME

_SIGNATURE = "serving_default"
_GRAPH_FILE = "saved_model.pb"
_METADATA_FILE = "assets.extra/mnistcnn.json"
# The files of a SavedModel that hold no data of the user, by relative path.
_REPLACEABLE = re.compile(
    r"saved_model\.pb|fingerprint\.pb|variables(/variables\.(index|data-\d+-of-\d+))?"
    r"|assets|assets\.extra(/mnistcnn\.json)?"
)


def write(source: ExportSource, path: Path) -> None:
    """Write the folder."""
    module = serving_module(source)
    tf.saved_model.save(module, str(path), signatures={_SIGNATURE: module.serve})
    # assets.extra is TensorFlow's place for other programs' files.
    metadata_file = path / _METADATA_FILE
    metadata_file.parent.mkdir()
    metadata = json.dumps(source.metadata, indent=2) + "\n"
    metadata_file.write_text(metadata, encoding="utf-8")


def predict(path: Path, images: Float32Array) -> Float32Array:
    """Return the probabilities that TensorFlow computes."""
    signature = tf.saved_model.load(str(path)).signatures[_SIGNATURE]
    return np.asarray(signature(**{INPUT_NAME: tf.constant(images)})[OUTPUT_NAME])


def check_replaceable(folder: Path, *, name: Path) -> None:
    """Raise ``FileExistsError`` if a folder has content other than a SavedModel.

    `name` is the path in the message.
    """
    if not folder.is_dir():
        return
    for pattern in ("*", "**/*"):  # a folder of the user may be large
        entries = sorted(path.relative_to(folder).as_posix() for path in folder.glob(pattern))
        foreign = [entry for entry in entries if not _REPLACEABLE.fullmatch(entry)]
        if foreign or (entries and _GRAPH_FILE not in entries):
            listed = ", ".join(map(repr, (foreign or entries)[:3]))
            raise FileExistsError(
                f"{name} must not exist, be empty or be a SavedModel, because it is replaced; "
                f"it contains {listed}"
            )
