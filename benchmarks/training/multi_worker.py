"""Training in several workers: the log of two, their throughput, and the error of Keras' fit.

    python -m benchmarks.training.multi_worker [--quick] [--only log|throughput|keras_fit]

The workers are processes of this machine that connect over its loopback address. Needs MNIST for
the throughput. Results go to benchmarks/results/multi_worker.json; with --quick they are only
printed. ``--only`` replaces one part.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.harness import (
    argument_parser,
    measure_parts,
    mnist_file,
    parse_args,
    summarize,
)
from mnistcnn.utils.environment import cpu_count

COMMAND = ("train", "--data", "digits", "--recipe", "fast", "--epochs", "5", "--seed", "0")
_IMAGES, _EPOCHS = 12_800, 4
_TENSOR_VALUES = re.compile(r"\s+0: <tf\.Tensor.*>\s*(?=\}\))", re.DOTALL)

_TRAIN = """
import dataclasses, json, sys, time
import numpy as np
import mnistcnn
from mnistcnn.training.distribute.cluster import cluster_from_env, connect
from mnistcnn.recipes import FAST
cluster = cluster_from_env()
strategy = connect(cluster) if cluster.world_size > 1 else None
from mnistcnn.backend import keras
with np.load(sys.argv[1]) as archive:
    x, y = (archive[name][:IMAGES] for name in ('x_train', 'y_train'))
starts = []
class EpochStarts(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        starts.append(time.perf_counter())
recipe = dataclasses.replace(FAST, epochs=EPOCHS)
mnistcnn.train(
    mnistcnn.build_model(seed=0), *mnistcnn.preprocess(x, y), recipe=recipe, seed=0, verbose=0,
    callbacks=[EpochStarts()], strategy=strategy,
)
times = [*starts, time.perf_counter()]
print(json.dumps([len(x), *np.diff(times).tolist()[1:]]))
"""
_KERAS_FIT = """
from mnistcnn.training.distribute.cluster import cluster_from_env, connect
strategy = connect(cluster_from_env())
import mnistcnn
x, y = mnistcnn.preprocess(*mnistcnn.load_data('digits').train)
with strategy.scope():
    model = mnistcnn.build_model(seed=0)
try:
    model.fit(x[:1280], y[:1280], batch_size=64, epochs=1, verbose=0)
    print('training succeeded')
except Exception as error:
    print(f'{type(error).__name__}: {error}')
"""


def start_workers(count: int, arguments: list[str], folder: Path) -> list[subprocess.Popen[str]]:
    """Start workers, each in its own folder; a single process has no cluster."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    processes = []
    for index in range(count):
        worker_folder = folder / str(index)
        worker_folder.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ)
        environment["TF_NUM_INTRAOP_THREADS"] = str(max(1, cpu_count() // (2 * count)))
        if count > 1:
            task = {"type": "worker", "index": index}
            cluster = {"cluster": {"worker": addresses}, "task": task}
            environment["TF_CONFIG"] = json.dumps(cluster)
        processes.append(
            subprocess.Popen(
                [sys.executable, *arguments], cwd=worker_folder, env=environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
    return processes


def outputs_of_workers(count: int, arguments: list[str]) -> list[str]:
    """Return what each of the workers printed."""
    with tempfile.TemporaryDirectory() as folder:
        processes = start_workers(count, arguments, Path(folder))
        return [process.communicate()[0] for process in processes]


def log() -> dict[str, Any]:
    """Return what the command prints in each of two workers."""
    started = time.perf_counter()
    outputs = outputs_of_workers(2, ["-m", "mnistcnn", *COMMAND])
    return {
        "command": " ".join(("mnistcnn", *COMMAND)),
        "seconds": time.perf_counter() - started,
        "lines": [output.splitlines() for output in outputs],
    }


def throughput(data: Path, *, rounds: int) -> dict[str, Any]:
    """Measure images per second of one process and of two workers on the same cores, in turns."""
    code = _TRAIN.replace("IMAGES", str(_IMAGES)).replace("EPOCHS", str(_EPOCHS))
    rates: dict[str, list[float]] = {"1": [], "2": []}
    images = 0
    for _ in range(rounds):
        for count, values in rates.items():
            output = outputs_of_workers(int(count), ["-c", code, str(data)])[0]
            images, *seconds = json.loads(output)
            values.append(images * len(seconds) / sum(seconds))
    speedups = [two / one for one, two in zip(rates["1"], rates["2"], strict=True)]
    return {
        "images": images,
        "images_per_second": {count: summarize(values) for count, values in rates.items()},
        "speedup": summarize(speedups),
    }


def keras_fit() -> dict[str, Any]:
    """Return what Keras' own ``fit`` prints in the first of two workers."""
    output = outputs_of_workers(2, ["-c", _KERAS_FIT])[0]
    return {"output": _TENSOR_VALUES.sub(" ... ", output.strip()).splitlines()[:4]}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and save."""
    parser = argument_parser(__doc__, "multi_worker.json")
    parser.add_argument("--quick", action="store_true", help="one turn; nothing is saved")
    names = ("log", "throughput", "keras_fit")
    parser.add_argument("--only", choices=names, action="append")
    options = parse_args(parser, argv)
    rounds = 1 if options.quick or options.smoke else 3
    parts = {
        "log": log,
        "throughput": lambda: throughput(mnist_file(smoke=options.smoke).resolve(), rounds=rounds),
        "keras_fit": keras_fit,
    }
    measure_parts(
        options.output,
        parts,
        only=options.only,
        packages=("mnistcnn", "keras", "tensorflow"),
        save=not options.quick,
    )


if __name__ == "__main__":
    main()
