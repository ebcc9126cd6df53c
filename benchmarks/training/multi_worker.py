"""Training on several workers: the log of two, their throughput, and what Keras' own fit does.

    python -m benchmarks.training.multi_worker [--quick] [--only log|throughput|fit]

Workers are processes of this machine that know each other by its loopback address. Needs MNIST for
the throughput. Figures go to benchmarks/results/multi_worker.json; with --quick they are only shown. A
part alone replaces that part.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.harness import find_data, report_parts, spread
from mnistcnn.utils.environment import cpu_count

COMMAND = ("train", "--data", "digits", "--recipe", "fast", "--epochs", "5", "--seed", "0")
_TRAINED_ON, _EPOCHS = 12_800, 4
_PIXELS = re.compile(r"\s+0: <tf\.Tensor.*>\s*(?=\}\))", re.DOTALL)

_TRAIN = """
import dataclasses, json, sys, time
import numpy as np
import mnistcnn
from mnistcnn.training.distribute.cluster import connect
from mnistcnn.training.distribute.cluster import cluster_from_env
from mnistcnn.recipes import FAST
machines = cluster_from_env()
strategy = connect(machines) if machines.world_size > 1 else None
from mnistcnn.backend import keras
with np.load(sys.argv[1]) as archive:
    x, y = (archive[name][:COUNT] for name in ('x_train', 'y_train'))
ends = []
class Clock(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        ends.append(time.perf_counter())
recipe = dataclasses.replace(FAST, epochs=EPOCHS)
mnistcnn.train(
    mnistcnn.build_model(seed=0), *mnistcnn.preprocess(x, y), recipe=recipe, seed=0, verbose=0,
    callbacks=[Clock()], strategy=strategy,
)
ends.append(time.perf_counter())
print(json.dumps([b - a for a, b in zip(ends, ends[1:])][1:]))
"""
_FIT = """
from mnistcnn.training.distribute.cluster import connect
from mnistcnn.training.distribute.cluster import cluster_from_env
strategy = connect(cluster_from_env())
import mnistcnn
x, y = mnistcnn.preprocess(*mnistcnn.load_data('digits').train)
with strategy.scope():
    model = mnistcnn.build_model(seed=0)
try:
    model.fit(x[:1280], y[:1280], batch_size=64, epochs=1, verbose=0)
    print('it trained')
except Exception as error:
    print(f'{type(error).__name__}: {error}')
"""


def started(count: int, words: list[str], folder: Path) -> list[subprocess.Popen[str]]:
    """Start workers, each in a folder of its own; one alone is no worker."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    processes = []
    for number in range(count):
        own = folder / str(number)
        own.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ)
        environment["TF_NUM_INTRAOP_THREADS"] = str(max(1, cpu_count() // (2 * count)))
        if count > 1:
            task = {"type": "worker", "index": number}
            cluster = {"cluster": {"worker": addresses}, "task": task}
            environment["TF_CONFIG"] = json.dumps(cluster)
        processes.append(
            subprocess.Popen(
                [sys.executable, *words], cwd=own, env=environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
    return processes


def said(count: int, words: list[str]) -> list[str]:
    """Return what each of so many workers printed."""
    with tempfile.TemporaryDirectory() as folder:
        return [process.communicate()[0] for process in started(count, words, Path(folder))]


def log() -> dict[str, Any]:
    """Return what the command prints on each of two machines."""
    begun = time.perf_counter()
    texts = said(2, ["-m", "mnistcnn", *COMMAND])
    return {
        "command": " ".join(("mnistcnn", *COMMAND)),
        "seconds": time.perf_counter() - begun,
        "lines": [text.splitlines() for text in texts],
    }


def throughput(*, rounds: int) -> dict[str, Any]:
    """Measure images a second in one process and in two workers that share its cores, in turns."""
    code = _TRAIN.replace("COUNT", str(_TRAINED_ON)).replace("EPOCHS", str(_EPOCHS))
    data = str(find_data().resolve())
    rates: dict[str, list[float]] = {"1": [], "2": []}
    for _ in range(rounds):
        for count, found in rates.items():
            seconds = json.loads(said(int(count), ["-c", code, data])[0])
            found.append(_TRAINED_ON * len(seconds) / sum(seconds))
    ratios = [two / one for one, two in zip(rates["1"], rates["2"], strict=True)]
    return {
        "images": _TRAINED_ON,
        "images_per_second": {count: spread(found) for count, found in rates.items()},
        "two_over_one": spread(ratios),
    }


def fit() -> dict[str, Any]:
    """Return what Keras' own fit says on two workers."""
    first = said(2, ["-c", _FIT])[0]
    return {"said": _PIXELS.sub(" ... ", first.strip()).splitlines()[:4]}


def main() -> None:
    """Measure, show and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one turn, nothing kept")
    parser.add_argument("--only", choices=("log", "throughput", "fit"), action="append")
    options = parser.parse_args()
    measures = {
        "log": log,
        "throughput": lambda: throughput(rounds=1 if options.quick else 3),
        "fit": fit,
    }
    report_parts(
        "workers",
        measures,
        only=options.only,
        packages=("mnistcnn", "keras", "tensorflow"),
        kept=not options.quick,
    )


if __name__ == "__main__":
    main()
