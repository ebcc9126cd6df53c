"""Program that reads pictures, each in a process of its own, and reports what they cost.

    python tests/helpers/peak_memory.py FOLDER

Each file in FOLDER is read, and each array that a file ``*.json`` describes: its shape, its dtype,
and whether all its elements share their memory. The program prints, as JSON, by the name of the
file: the type of the exception (null if none), its message, the processor time in seconds, and by
how many megabytes the peak memory exceeds that of the process before.
"""

import json
import os
import pathlib
import resource
import sys
import time

import cv2
import numpy as np
from PIL import Image

from mnistcnn.images.image_io import read_image

# Ends a process that would never end.
MAX_SECONDS = 60


def load(path):
    if path.suffix != ".json":
        return path
    array = json.loads(path.read_text())
    value = np.ones((), array["dtype"])
    if array["shared"]:
        return np.broadcast_to(value, array["shape"])
    return np.full(array["shape"], value)


def peak_megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(path):
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    picture = load(path)
    before, start = peak_megabytes(), time.process_time()
    try:
        read_image(picture)
        error, message = None, ""
    except BaseException as exception:  # noqa: BLE001  # the test checks it
        error, message = type(exception).__name__, str(exception)
    return error, message, time.process_time() - start, peak_megabytes() - before


def measure_in_a_process(path):
    """Return the outcome, or null if the process was killed."""
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        os.write(writer, json.dumps(measure(path)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(process, 0)
    return json.loads(text) if text else None


def main():
    cv2.setNumThreads(1)  # so that no thread exists in a process that is copied
    for suffix in ("png", "jpg", "webp", "tif"):  # so that modules are imported
        Image.new("RGB", (9, 9)).save(f"imported.{suffix}")
        read_image(f"imported.{suffix}")
    files = sorted(pathlib.Path(sys.argv[1]).iterdir())
    sys.stdout.write(json.dumps({path.name: measure_in_a_process(path) for path in files}))


if __name__ == "__main__":
    main()
