"""What a file that carries the network says of itself to whoever meets it elsewhere."""

from __future__ import annotations

import mnistcnn
from mnistcnn.types import NUM_CLASSES

INPUT_NAME, OUTPUT_NAME = "images", "probabilities"
PREPROCESSING = "grey values 0...255 divided by 255, light ink on dark paper"


def model_metadata() -> dict[str, str]:
    """Return the entries in the order in which they are written."""
    return {
        "description": f"handwritten digits by the documented network; {INPUT_NAME}: float32 "
        f"(n, 28, 28, 1) in [0, 1]; {OUTPUT_NAME}: float32 (n, {NUM_CLASSES})",
        "labels": ",".join(map(str, range(NUM_CLASSES))),
        "preprocessing": PREPROCESSING,
        "written_by": f"mnistcnn {mnistcnn.__version__}",
        "license": "MIT (the network; the weights belong to whoever trained them)",
    }
