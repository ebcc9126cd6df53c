"""Speed of single-digit inference: `Recognizer` beside the alternatives.

    python -m benchmarks.inference.latency [--quick]

Each backend runs the same weights in its own process; they take turns, so that all of them meet
the same noise of the machine. Measured are the latency of one image, the throughput of batches of
32 and 500, the time of a fresh process until its first prediction, and memory while millions of
images stream. Needs MNIST and the extra ``litert``. Results go to
benchmarks/results/latency.json; with --quick they are only printed.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.harness import (
    BaselineProcess,
    argument_parser,
    mnist_file,
    package_versions,
    parse_args,
    summarize,
    take_turns,
    write_results,
)
from mnistcnn.utils.environment import cpu_count

BACKENDS = {
    "recognizer": "mnistcnn.Recognizer",
    "onnxruntime": "ONNX Runtime alone",
    "litert": "LiteRT alone",
    "tf_function": "tf.function",
    "keras_call": "model(x)",
    "keras_predict": "model.predict",
}
COLD_STARTS = {
    "recognizer": "from mnistcnn import Recognizer; print(Recognizer('best').predict(IMAGE))",
    "onnxruntime": "import onnxruntime as o; s = o.InferenceSession(MODEL + '/best.onnx');"
    "print(s.run(None, {'images': (IMAGE / np.float32(255))[None, ..., None]})[0].argmax(1))",
    "keras": "from mnistcnn import load_pretrained, preprocess;"
    "print(load_pretrained('best')(preprocess(IMAGE)).numpy().argmax(1))",
}
_STREAMED_IMAGES, _CHUNK = 10_000_000, 50_000


def export_models(folder: Path) -> None:
    """Write the files that ONNX Runtime and LiteRT read.

    In its own process: the peak memory of a child process includes the memory of its parent at
    the fork, so this process must stay small.
    """
    code = (
        "import sys; from mnistcnn import export_model, load_pretrained;"
        "[export_model(load_pretrained('best'), sys.argv[1] + name)"
        " for name in ('/best.onnx', '/best.tflite')]"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True)


def by_backend(
    data: Path, folder: Path, *, rounds: int, names: Sequence[str], smoke: bool
) -> dict[str, Any]:
    """Measure the batch sizes with each backend, in turns."""
    processes = {
        name: BaselineProcess(
            "inference_backends", data, images=0, cores=cpu_count(), variant=name,
            model=folder, **({"smoke": 1} if smoke else {}),
        )
        for name in names
    }  # fmt: skip
    reports = take_turns(processes, rounds=rounds, warm_up=1)
    sizes = list(reports[names[0]][0]["seconds"])
    return {
        name: {
            "seconds": {
                size: summarize([turn["seconds"][size] for turn in turns]) for size in sizes
            },
            "relative_to_onnxruntime": {
                size: statistics.median(
                    turn["seconds"][size] / reference["seconds"][size]
                    for turn, reference in zip(turns, reports["onnxruntime"], strict=True)
                )
                for size in sizes
            },
            "peak_mib": max(turn["peak_mib"] for turn in turns),
        }
        for name, turns in reports.items()
    }


def cold_starts(folder: Path, *, rounds: int, names: Sequence[str]) -> dict[str, Any]:
    """Measure fresh processes from their start to their first prediction."""
    seconds: dict[str, list[float]] = {name: [] for name in names}
    head = f"import numpy as np; MODEL = {str(folder)!r}; IMAGE = np.zeros((28, 28), np.uint8);"
    for turn in range(rounds + 1):
        for name in names:
            started = time.perf_counter()
            command = [sys.executable, "-c", head + COLD_STARTS[name]]
            subprocess.run(command, check=True, capture_output=True)
            if turn:  # the first start reads from the disk
                seconds[name].append(time.perf_counter() - started)
    return {name: summarize(values) for name, values in seconds.items()}


def streaming(data: Path, count: int) -> dict[str, Any]:
    """Label very many images in chunks, and measure the peak memory of the process."""
    code = (
        "import json, resource, sys, time; import numpy as np; from mnistcnn import Recognizer;"
        "images = np.load(sys.argv[1])['x_train'][:int(sys.argv[3])];"
        "recognizer = Recognizer('best');"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024;"
        "recognizer.predict(images); first = peak(); started = time.perf_counter();"
        "n = int(sys.argv[2]) // len(images);"
        "any(recognizer.predict(images) is None for _ in range(n));"
        "print(json.dumps([n * len(images), time.perf_counter() - started, first, peak()]))"
    )
    command = [sys.executable, "-c", code, str(data), str(count), str(_CHUNK)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    images, seconds, first, last = json.loads(output)
    return {
        "images": images,
        "chunk": _CHUNK,
        "images_per_second": images / seconds,
        "peak_mib_after_one_chunk": round(first, 1),
        "peak_mib": round(last, 1),
    }


def print_report(report: dict[str, Any]) -> None:
    """Print the tables."""
    table = Table(
        "", "1 image, ms", "32, images/s", "500, images/s", "1 image, relative to ONNX Runtime"
    )
    for name, part in report["backends"].items():
        seconds = {size: value["median"] for size, value in part["seconds"].items()}
        rates = [f"{int(size) / seconds[size]:,.0f}" for size in ("32", "500")]
        ratio = part["relative_to_onnxruntime"]["1"]
        table.add_row(BACKENDS[name], f"{1e3 * seconds['1']:.3f}", *rates, f"{ratio:.2f}")
    console = Console()
    console.print(table)
    for name, value in report["cold_start"].items():
        console.print(f"first prediction, {name}: {value['median']:.2f} s")
    console.print(report["streaming"])


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and save."""
    parser = argument_parser(__doc__, "latency.json")
    parser.add_argument("--quick", action="store_true", help="few turns; nothing is saved")
    options = parse_args(parser, argv)
    quick, smoke = options.quick or options.smoke, options.smoke
    data = mnist_file(smoke=smoke)
    backends, starts = list(BACKENDS), list(COLD_STARTS)
    if smoke:
        backends = starts = ["recognizer", "onnxruntime"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_models(folder)
        report = {
            "versions": package_versions(
                "mnistcnn", "onnxruntime", "ai-edge-litert", "keras", "tensorflow"
            ),
            "cores": cpu_count(),
            "load": [round(value, 2) for value in os.getloadavg()],
            "backends": by_backend(
                data, folder, rounds=1 if smoke else 2 if quick else 9, names=backends, smoke=smoke
            ),
            "cold_start": cold_starts(
                folder, rounds=1 if smoke else 2 if quick else 5, names=starts
            ),
            "streaming": streaming(
                data, 2_000 if smoke else 200_000 if quick else _STREAMED_IMAGES
            ),
        }
    print_report(report)
    if not options.quick:
        write_results(options.output, report)


if __name__ == "__main__":
    main()
