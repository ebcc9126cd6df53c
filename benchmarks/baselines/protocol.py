"""How a peer and the benchmark speak: a line "go" in, a line of JSON out.

A peer stays alive between its turns, so that the sides can take turns without importing
anything again. Import this before NumPy or a framework: it confines the process to the
cores it was given.
"""

import argparse
import json
import os
import resource
import sys
import time
from typing import Any


def options() -> argparse.Namespace:
    """Read what every peer is told, and confine the process to its cores."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="an .npz file with Keras' four arrays")
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--cores", type=int, required=True)
    parser.add_argument("--style", default="")
    parser.add_argument("--model", default="", help="a folder with exported files")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])
    return given


def wait() -> None:
    """Wait for the next turn; end when there is none."""
    line = sys.stdin.readline()
    if line.strip() != "go":
        sys.exit(0)


def tell(**figures: Any) -> None:
    """Answer, with the peak memory so far."""
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux KiB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(json.dumps({**figures, "peak_mib": round(peak)}), flush=True)


def images(path: str, count: int) -> tuple[Any, Any]:
    """Return the first `count` training images as the document prepares them, and labels.

    Beyond 60,000 the images are repeated.
    """
    import numpy as np

    with np.load(path) as archive:
        x, y = archive["x_train"], archive["y_train"]
    chosen = np.arange(count) % len(x)
    return np.expand_dims(x[chosen].astype(np.float32) / 255, -1), y[chosen]


def turns_by_epoch() -> Any:
    """Return a Keras callback for which each epoch is a turn."""
    import keras

    class Turns(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            wait()
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            tell(seconds=time.perf_counter() - self.started)

    return Turns()
