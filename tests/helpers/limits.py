"""A process that reads hostile files in 200 MB more than it begins with, and says what came.

    python tests/helpers/limits.py FILE.json

FILE.json lists pairs: a way to read and a path. What comes of each is printed as JSON: the error
(null where it was read), its text, the seconds of a processor, since others may be at work too,
and those of the clock.
"""

import contextlib
import json
import pathlib
import resource
import sys
import time

from PIL import Image

import mnistcnn
from mnistcnn.cli import plot, stored_evaluation
from mnistcnn.data import formats
from mnistcnn.ocr import image_io
from mnistcnn.training.checkpoint import file_format
from mnistcnn.weights.pretrained import read_pretrained
from mnistcnn.weights.weights_file import read_weights_file

LIMIT = 200 << 20


def plot_history(path):
    return plot.plot_saved_history(stored_evaluation.read_json(path), path)


def read_run(folder):
    return file_format.describe_position(folder), file_format.elapsed_seconds(folder)


READERS = {
    "data": mnistcnn.load_data,
    "idx": formats.read_idx,
    "weights": read_weights_file,
    "manifest": lambda path: read_pretrained(path, "best"),
    "evaluation": lambda path: stored_evaluation.load_evaluation(str(path), None),
    "history": plot_history,
    "picture": image_io.read_image,
    "run": read_run,
}


def import_all():
    """Have everything imported that the readers import, each with the memory that it takes."""
    imported = pathlib.Path("imported")
    imported.mkdir()
    Image.new("L", (9, 9)).save(imported / "a.png")
    image_io.read_image(imported / "a.png")
    result = mnistcnn.Evaluation.from_probabilities([[1.0, 0.0]], [0])
    report = {"test": result.to_dict(), "history": {"loss": [1.0], "accuracy": [0.5]}}
    (imported / "a.json").write_text(json.dumps(report))
    READERS["evaluation"](imported / "a.json")
    plot_history(imported / "a.json")
    for name in ("a.onnx", "a.safetensors"):
        (imported / name).write_bytes(b"")
        with contextlib.suppress(ValueError):
            read_weights_file(imported / name)


def main():
    import_all()
    taken = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + LIMIT, taken + LIMIT))
    found = []
    for reader, path in json.loads(pathlib.Path(sys.argv[1]).read_text()):
        begun, waited = time.process_time(), time.monotonic()
        try:
            READERS[reader](pathlib.Path(path))
            error, text = None, ""
        except BaseException as caught:  # noqa: BLE001  # the other process looks at it
            error, text = type(caught).__name__, str(caught)
        taken, waited = time.process_time() - begun, time.monotonic() - waited
        found.append([error, text, taken, waited])
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
