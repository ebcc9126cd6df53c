"""The protocol between `BaselineProcess` and the programs in this folder.

A program parses its options, prepares, and then loops: it waits for a line ``go`` on its
standard input, measures once, and answers with one line of JSON on its standard output. It ends
when its input does. It stays alive between its turns, so that several programs can take turns
without importing anything again.

Call `parse_args` before NumPy or a framework is imported: it confines the process to the given
number of cores, which their thread pools look up when they start.
"""

import argparse
import json
import os
import sys
import time
from typing import Any


def parse_args() -> argparse.Namespace:
    """Parse the options of every program and confine the process to its cores."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True, help="an .npz file with Keras' four arrays")
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--cores", type=int, required=True)
    parser.add_argument("--variant", default="", help="which of the program's variants to run")
    parser.add_argument("--model", default="", help="a folder with exported models")
    parser.add_argument("--smoke", default="", help="not empty: as little work as possible")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    return options


def wait_for_turn() -> None:
    """Wait for the next ``go``; exit when there is none."""
    if sys.stdin.readline().strip() != "go":
        sys.exit(0)


def report(**metrics: Any) -> None:
    """Answer with the metrics of a turn and the peak memory so far."""
    import resource  # not on Windows, where tests import this file

    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux KiB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(json.dumps({**metrics, "peak_mib": round(peak)}), flush=True)


def load_images(path: str, count: int) -> tuple[Any, Any]:
    """Return `count` training images as the baseline prepares them, and their labels.

    Images are repeated if the file has fewer.
    """
    import numpy as np

    with np.load(path) as archive:
        x, y = archive["x_train"], archive["y_train"]
    indices = np.arange(count) % len(x)
    return np.expand_dims(x[indices].astype(np.float32) / 255, -1), y[indices]


def turn_per_epoch() -> Any:
    """Return a Keras callback that makes each epoch one turn."""
    import keras

    class TurnPerEpoch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            wait_for_turn()
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            report(seconds=time.perf_counter() - self.started)

    return TurnPerEpoch()
