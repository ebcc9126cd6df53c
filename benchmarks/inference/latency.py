"""How fast digits are read: `Recognizer` beside what a user would take instead.

    python -m benchmarks.inference.latency [--quick]

Each way runs the same weights in a process of its own; they take turns, so that a noisy machine is
noisy for all of them. Measured are one image, batches of 32 and 500, the time of a fresh process
until its first answer, and memory while millions of images stream by. Needs MNIST and the extra
``litert``. Figures go to benchmarks/results/latency.json; with --quick, they are only shown.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.harness import RESULTS, Peer, find_data, spread
from mnistcnn.utils.environment import cpu_count

TITLES = {
    "recognizer": "mnistcnn.Recognizer",
    "bare_onnx": "ONNX Runtime, bare",
    "litert": "LiteRT, bare",
    "tf_function": "tf.function",
    "keras_call": "model(x)",
    "keras_predict": "model.predict",
}
STARTS = {
    "recognizer": "from mnistcnn import Recognizer; print(Recognizer('best').predict(IMAGE))",
    "bare_onnx": "import onnxruntime as o; s = o.InferenceSession(MODEL + '/best.onnx');"
    "print(s.run(None, {'images': (IMAGE / np.float32(255))[None, ..., None]})[0].argmax(1))",
    "keras": "from mnistcnn import load_pretrained, preprocess;"
    "print(load_pretrained('best')(preprocess(IMAGE)).numpy().argmax(1))",
}
_STREAMED, _CHUNK = 10_000_000, 50_000


def export(folder: Path) -> None:
    """Write the files that the bare runtimes read.

    In a process of its own: a process counts the memory of the one that started it to its peak,
    so this one must stay small.
    """
    code = (
        "import sys; from mnistcnn import export_model, load_pretrained;"
        "[export_model(load_pretrained('best'), sys.argv[1] + name)"
        " for name in ('/best.onnx', '/best.tflite')]"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True)


def by_batch(data: Path, folder: Path, *, rounds: int) -> dict[str, Any]:
    """Let every way take its turns on batches of each size."""
    cores = cpu_count()
    peers = {
        name: Peer("inference_backends", data, images=0, cores=cores, style=name, model=folder)
        for name in TITLES
    }
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in peers}
    for number in range(rounds + 1):
        for name, peer in peers.items():
            figures = peer.turn()
            if number:  # the first turn warms up
                turns[name].append(figures)
    for peer in peers.values():
        peer.close()
    return {
        name: {
            "seconds": {
                size: spread([turn["seconds"][size] for turn in each])
                for size in each[0]["seconds"]
            },
            "over_bare": {
                size: statistics.median(
                    one["seconds"][size] / bare["seconds"][size]
                    for one, bare in zip(each, turns["bare_onnx"], strict=True)
                )
                for size in each[0]["seconds"]
            },
            "peak_mib": max(turn["peak_mib"] for turn in each),
        }
        for name, each in turns.items()
    }


def cold_starts(folder: Path, *, rounds: int) -> dict[str, Any]:
    """Time fresh processes from their start to their first answer."""
    seconds: dict[str, list[float]] = {name: [] for name in STARTS}
    head = f"import numpy as np; MODEL = {str(folder)!r}; IMAGE = np.zeros((28, 28), np.uint8);"
    for number in range(rounds + 1):
        for name, code in STARTS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", head + code], check=True, capture_output=True)
            if number:  # the first start reads from the disk
                seconds[name].append(time.perf_counter() - started)
    return {name: spread(values) for name, values in seconds.items()}


def streamed(data: Path, count: int) -> dict[str, Any]:
    """Read very many images in chunks, and watch the memory of the process."""
    code = (
        "import json, resource, sys, time; import numpy as np; from mnistcnn import Recognizer;"
        "images = np.load(sys.argv[1])['x_train'][:int(sys.argv[3])]; reader = Recognizer('best');"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024;"
        "reader.predict(images); first = peak(); started = time.perf_counter();"
        "n = int(sys.argv[2]) // len(images);"
        "any(reader.predict(images) is None for _ in range(n));"
        "print(json.dumps([n * len(images), time.perf_counter() - started, first, peak()]))"
    )
    words = [sys.executable, "-c", code, str(data), str(count), str(_CHUNK)]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    images, seconds, first, last = json.loads(told)
    return {
        "images": images,
        "chunk": _CHUNK,
        "images_per_second": images / seconds,
        "peak_mib_after_one_chunk": round(first, 1),
        "peak_mib": round(last, 1),
    }


def show(report: dict[str, Any]) -> None:
    """Print the tables."""
    table = Table("", "1 image, ms", "32, images/s", "500, images/s", "over bare ONNX, 1 image")
    for name, title in TITLES.items():
        way = report["ways"][name]
        seconds = {size: value["median"] for size, value in way["seconds"].items()}
        rates = [f"{int(size) / seconds[size]:,.0f}" for size in ("32", "500")]
        table.add_row(title, f"{1e3 * seconds['1']:.3f}", *rates, f"{way['over_bare']['1']:.2f}")
    console = Console()
    console.print(table)
    for name, value in report["cold_start"].items():
        console.print(f"first answer, {name}: {value['median']:.2f} s")
    console.print(report["stream"])


def main() -> None:
    """Measure, show and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few turns, nothing kept")
    quick = parser.parse_args().quick
    data = find_data()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export(folder)
        report = {
            "versions": {
                "python": platform.python_version(),
                **{
                    one: version(one)
                    for one in ("mnistcnn", "onnxruntime", "ai-edge-litert", "keras", "tensorflow")
                },
            },
            "cores": cpu_count(),
            "load": [round(value, 2) for value in os.getloadavg()],
            "ways": by_batch(data, folder, rounds=2 if quick else 9),
            "cold_start": cold_starts(folder, rounds=2 if quick else 5),
            "stream": streamed(data, 200_000 if quick else _STREAMED),
        }
    show(report)
    if not quick:
        (RESULTS / "latency.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
