"""The drawing page: docs/draw and the pretrained weights, bundled into one HTML file.

The file contains its style, scripts and weights, and its content security policy forbids all
requests. So it also works from a local disk, and what a visitor draws stays on the computer.
Without Sphinx: ``python docs/_ext/draw.py draw.html``.
"""

import base64
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.utils.atomic_write import write_text
from mnistcnn.weights.pretrained import load_pretrained_weights, load_rejector_weights

SOURCES = Path(__file__).parents[1] / "draw"
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
    "main",
)
SCRIPTS = tuple(f"{name}.js" for name in _NAMES)
NAME = "draw.html"
_POLICY = "default-src 'none'; img-src data:; style-src {style}; script-src {script}"


def page(home: str = "index.html") -> str:
    """Return the HTML of the page.

    Parameters
    ----------
    home : str
        Target of the link to the documentation.
    """
    style = _source("draw.css")
    scripts = "".join(map(_source, SCRIPTS))
    start = f'start("{weights()}", "{rejector_weights()}");'
    script = f'(() => {{\n"use strict";\n{scripts}{start}\n}})();\n'
    policy = _POLICY.format(style=_digest(style), script=_digest(script))
    parts = {"policy": policy, "style": style, "script": script, "home": home}
    text = _source("index.html")
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def weights() -> str:
    """Return the calibrated pretrained weights as 32-bit floats in base64."""
    return _encode(load_pretrained_weights("best").weights(calibrated=True))


def rejector_weights() -> str:
    """Return the calibrated weights of the rejector as 32-bit floats in base64."""
    return _encode(load_rejector_weights().weights(calibrated=True))


def _encode(arrays: Sequence[NDArray[np.float32]]) -> str:
    numbers = np.concatenate([array.ravel() for array in arrays])
    return base64.b64encode(numbers.astype("<f4").tobytes()).decode("ascii")


def build(path: Path) -> None:
    """Write the page to a file."""
    write_text(path, page())


def _source(name: str) -> str:
    return (SOURCES / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _build_with_docs(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        build(Path(app.outdir) / NAME)


def setup(app: Any) -> dict[str, bool]:
    """Build the page after the documentation."""
    app.connect("build-finished", _build_with_docs)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    build(Path(sys.argv[1]))
