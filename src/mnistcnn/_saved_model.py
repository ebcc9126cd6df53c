"""The network as TensorFlow's SavedModel, a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn._about import INPUT, OUTPUT, about
from mnistcnn._backend import tf
from mnistcnn._graph import module_of
from mnistcnn._types import Float32Array

SIGNATURE = "serving_default"
# What TensorFlow writes; assets.extra is where it leaves room for others' files.
_MAIN = "saved_model.pb"
_ENTRIES = {_MAIN, "fingerprint.pb", "variables", "assets", "assets.extra"}


def write(weights: Sequence[NDArray[Any]], path: Path) -> None:
    """Write the folder."""
    module = module_of(weights)
    tf.saved_model.save(module, str(path), signatures={SIGNATURE: module.serve})
    extra = path / "assets.extra"
    extra.mkdir()
    (extra / "mnistcnn.json").write_text(json.dumps(about(), indent=2) + "\n", encoding="utf-8")


def run(path: Path, images: Float32Array) -> Float32Array:
    """Return what TensorFlow makes of the images."""
    signature = tf.saved_model.load(str(path)).signatures[SIGNATURE]
    return np.asarray(signature(**{INPUT: tf.constant(images)})[OUTPUT])


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
