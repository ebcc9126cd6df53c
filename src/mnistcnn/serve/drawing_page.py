"""The drawing page: the files of ``draw/`` and the pretrained weights, bundled into one HTML file.

The file contains its style, scripts and weights, and its content security policy forbids all
requests. So it also works from a local disk, and what a visitor draws stays on the computer.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistcnn.weights.pretrained import load_pretrained_weights, load_rejector_weights

SOURCES = Path(__file__).parent / "draw"
# In the order of their dependencies.
_NAMES = (
    "gray_image",
    "brightness",
    "resize",
    "size_normalization",
    "digit_crop",
    "components",
    "binarization",
    "network",
    "segmentation",
    "reading_order",
    "recognizer",
    "strokes",
    "drawing",
    "image_input",
    "rendering",
    "app",
    "controls",
    "camera",
    "frame",
    "main",
)
SCRIPTS = tuple(f"{name}.js" for name in _NAMES)
_POLICY = "default-src 'none'; img-src data:; style-src {style}; script-src {script}"


def drawing_page(home: str = "index.html") -> str:
    """Return the HTML of the page.

    Parameters
    ----------
    home : str
        Target of the link to the documentation.
    """
    style = _source("draw.css")
    scripts = "".join(map(_source, SCRIPTS))
    start = f'start("{encode_weights()}", "{encode_rejector_weights()}");'
    script = f'(() => {{\n"use strict";\n{scripts}{start}\n}})();\n'
    policy = _POLICY.format(style=_digest(style), script=_digest(script))
    parts = {"policy": policy, "style": style, "script": script, "home": home}
    text = _source("index.html")
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def encode_weights() -> str:
    """Return the calibrated pretrained weights as 32-bit floats in base64."""
    return _encode(load_pretrained_weights("best").weights(calibrated=True))


def encode_rejector_weights() -> str:
    """Return the calibrated weights of the rejector as 32-bit floats in base64."""
    return _encode(load_rejector_weights().weights(calibrated=True))


def _encode(arrays: Sequence[NDArray[np.float32]]) -> str:
    numbers = np.concatenate([array.ravel() for array in arrays])
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode("ascii")


def _source(name: str) -> str:
    return (SOURCES / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"
