"""Metadata that every weights file carries: what the model takes and returns."""

from __future__ import annotations

import mnistcnn
from mnistcnn.types import NUM_CLASSES

INPUT_NAME, OUTPUT_NAME = "images", "probabilities"
PREPROCESSING = "gray levels 0...255 divided by 255, light digit on dark background"


def model_metadata() -> dict[str, str]:
    """Return the metadata entries of the CNN in the order in which they are written."""
    return {
        "description": f"CNN for handwritten digits; {INPUT_NAME}: float32 (n, 28, 28, 1) in "
        f"[0, 1]; {OUTPUT_NAME}: float32 (n, {NUM_CLASSES})",
        "labels": ",".join(map(str, range(NUM_CLASSES))),
        "preprocessing": PREPROCESSING,
        **_origin(),
    }


def page_network_metadata() -> dict[str, str]:
    """Return the metadata entries of the page network."""
    return {
        "description": "page network for handwritten digits; image: float32 (1, 3, h, w) in "
        "[0, 1]; ink: float32 (1, 2, h, w); digits: float32 (1, 18, h / 4, w / 4)",
        "preprocessing": "red, green and blue 0...255 divided by 255; sides padded to multiples "
        "of 32 with the values at the edge",
        **_origin(),
    }


def _origin() -> dict[str, str]:
    return {
        "written_by": f"mnistcnn {mnistcnn.__version__}",
        "license": "MIT (code; the rights in the weights are those of their author)",
    }
