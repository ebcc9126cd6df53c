"""Program that reads malicious files with limited memory and reports what happens.

    python tests/helpers/limits.py FILE.json

FILE.json lists pairs: the name of a reader and a path. The program may allocate 200 MB in addition
to the imports. For each pair it prints, as JSON, the type of the exception (null if none), its
message, the processor time, which other processes do not affect, and the elapsed time in seconds.
"""

import contextlib
import json
import os
import pathlib
import resource
import sys
import time

from PIL import Image

import mnistcnn
from mnistcnn.cli import plot, stored_evaluation
from mnistcnn.data.formats.idx import read_idx
from mnistcnn.data.formats.libsvm import read_libsvm
from mnistcnn.images import image_io
from mnistcnn.training.checkpoint import file_format
from mnistcnn.weights.network_file import read_network_file
from mnistcnn.weights.pretrained import read_pretrained
from mnistcnn.weights.weights_file import read_weights_file

LIMIT = 200 << 20


def plot_history(path):
    return plot.plot_saved_history(stored_evaluation.read_json(path), path)


def load_mnist(path):
    os.environ["MNISTCNN_DATA"] = str(path)
    return mnistcnn.load_data()


def read_checkpoint(folder):
    return file_format.describe_position(folder), file_format.elapsed_seconds(folder)


READERS = {
    "data": mnistcnn.load_data,
    "mnist": load_mnist,
    "idx": read_idx,
    "libsvm": read_libsvm,
    "weights": read_weights_file,
    "network": read_network_file,
    "manifest": lambda path: read_pretrained(path, "best"),
    "evaluation": lambda path: stored_evaluation.load_evaluation(str(path), None),
    "source": lambda path: stored_evaluation.check_source(str(path)),
    "history": plot_history,
    "image": image_io.read_image,
    "checkpoint": read_checkpoint,
}


def import_all():
    """Run the readers once, so that all that they import lazily is in memory."""
    folder = pathlib.Path("imported")
    folder.mkdir()
    Image.new("L", (9, 9)).save(folder / "a.png")
    image_io.read_image(folder / "a.png")
    result = mnistcnn.Evaluation.from_probabilities([[1.0, 0.0]], [0])
    report = {"test": result.to_dict(), "history": {"loss": [1.0], "accuracy": [0.5]}}
    (folder / "a.json").write_text(json.dumps(report))
    READERS["evaluation"](folder / "a.json")
    plot_history(folder / "a.json")
    for name in ("a.onnx", "a.safetensors"):
        (folder / name).write_bytes(b"")
        for read in (read_weights_file, read_network_file):
            with contextlib.suppress(ValueError):
                read(folder / name)


def main():
    import_all()
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + LIMIT
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    results = []
    for reader, path in json.loads(pathlib.Path(sys.argv[1]).read_text()):
        processor, elapsed = time.process_time(), time.monotonic()
        try:
            READERS[reader](pathlib.Path(path))
            error, message = None, ""
        except BaseException as exception:  # noqa: BLE001  # the test checks it
            error, message = type(exception).__name__, str(exception)
        times = time.process_time() - processor, time.monotonic() - elapsed
        results.append([error, message, *times])
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
