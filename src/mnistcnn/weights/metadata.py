"""Metadata that every weights file carries: what the model takes and returns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import mnistcnn
from mnistcnn.types import NUM_CLASSES
from mnistcnn.utils.safe_read import loads_json
from mnistcnn.utils.validation import check_class_names, default_class_names

INPUT_NAME, OUTPUT_NAME = "images", "probabilities"
PREPROCESSING = "gray levels 0...255 divided by 255, light digit on dark background"


CLASS_NAMES_KEY = "class_names"


def model_metadata(
    num_outputs: int = NUM_CLASSES, class_names: Sequence[str] | None = None
) -> dict[str, str]:
    """Return the metadata entries in the order in which they are written.

    The names of classes that are not numbered are an entry of JSON, since they may contain
    commas.
    """
    subject = "handwritten digits"
    labels = {}
    if class_names is not None and tuple(class_names) != default_class_names(num_outputs):
        subject = f"images of {num_outputs} classes"
        labels = {CLASS_NAMES_KEY: json.dumps(list(class_names))}
    elif num_outputs == NUM_CLASSES:
        labels = {"labels": ",".join(default_class_names(num_outputs))}
    return {
        "description": f"CNN for {subject}; {INPUT_NAME}: float32 (n, 28, 28, 1) in "
        f"[0, 1]; {OUTPUT_NAME}: float32 (n, {num_outputs})",
        **labels,
        "preprocessing": PREPROCESSING,
        **_origin(),
    }


def stored_class_names(metadata: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the names of the classes in the metadata of a file; ``None`` if it has none.

    Raises
    ------
    ValueError
        If they are not a list of valid names.
    """
    text = metadata.get(CLASS_NAMES_KEY)
    if text is None:
        return None
    try:
        names = loads_json("class_names", text, max_depth=1) if isinstance(text, str) else text
        return check_class_names(names)
    except TypeError as error:
        raise ValueError(str(error)) from None


def page_network_metadata() -> dict[str, str]:
    """Return the metadata entries of the page network."""
    return {
        "description": "page network for handwritten digits; image: float32 (1, 3, h, w) in "
        "[0, 1]; ink: float32 (1, 2, h, w); digits: float32 (1, 14, h / 4, w / 4)",
        "preprocessing": "red, green and blue 0...255 divided by 255; sides padded to multiples "
        "of 32 with the values at the edge",
        **_origin(),
    }


def _origin() -> dict[str, str]:
    return {
        "written_by": f"mnistcnn {mnistcnn.__version__}",
        "license": "MIT (code; the rights in the weights are those of their author)",
    }
