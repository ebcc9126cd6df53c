"""How reading and training grow with processes, what Ray costs, and memory while images stream by.

    python -m benchmarks.training.scaling [--quick] [--only reading|training|stream|train_stream|feeding]

The sides take turns in processes of their own, so that a noisy machine is noisy for all of them;
ratios are of the same turn. Needs MNIST and the extra ``ray``. Figures go to
benchmarks/results/scaling.json; with --quick they are only shown. A part alone replaces that part.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mnistcnn
from benchmarks.harness import Peer, find_data, report_parts, spread
from mnistcnn import recipes
from mnistcnn.sweeps import process_pool
from mnistcnn.sweeps.worker import RunSpec
from mnistcnn.utils.environment import cpu_count

PARTS = ("reading", "training", "stream", "train_stream", "feeding")
READING = ("bare-1", "bare-2", "ray-1", "ray-2")
_TRAINED_ON, _RUNS = 12_800, 2
_STREAMED, _CHUNK, _TRAINED_CHUNK = 2_000_000, 5_000, 500
_FED, _BATCH, _EPOCHS = 12_800, 128, 4


def reading(data: Path, *, rounds: int) -> dict[str, Any]:
    """Images a second, and what a start costs, in plain processes and by Ray's actors."""
    peers = {
        name: Peer("parallel_inference", data, images=0, cores=cpu_count(), style=name)
        for name in READING
    }
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in peers}
    for number in range(rounds + 1):
        for name, peer in peers.items():
            found = peer.turn()
            if number:  # the first turn warms up
                turns[name].append(found["seconds"])
    for peer in peers.values():
        peer.close()
    large = max(turns[READING[0]][0], key=int)

    def ratio(over: str, under: str) -> float:
        pairs = zip(turns[over], turns[under], strict=True)
        return statistics.median(b[large] / a[large] for a, b in pairs)

    return {
        "images": int(large),
        "sides": {name: _line(each) for name, each in turns.items()},
        "efficiency": {"bare": ratio("bare-2", "bare-1") / 2, "ray": ratio("ray-2", "ray-1") / 2},
        "ray_over_bare": {"1": ratio("ray-1", "bare-1"), "2": ratio("ray-2", "bare-2")},
    }


def _line(turns: list[dict[str, float]]) -> dict[str, Any]:
    """Return seconds by count and, of their medians, the rate beyond the start and the start."""
    seconds = {size: spread([turn[size] for turn in turns]) for size in turns[0]}
    (small, first), (large, second) = (
        (int(size), value["median"]) for size, value in seconds.items()
    )
    rate = (large - small) / (second - first)
    return {"seconds": seconds, "rate": rate, "start": max(first - small / rate, 0.0)}


def training(data: Path, *, rounds: int) -> dict[str, Any]:
    """Time of runs of the recipe `fast`, one after another and side by side."""
    cores = cpu_count()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with np.load(data) as archive:
            small = {
                key: archive[key][: _TRAINED_ON if "train" in key else 2_000] for key in archive
            }
        np.savez(folder / "small.npz", **small)
        sides = {
            str(count): [
                process_pool.WorkerProcess(
                    folder / "small.npz",
                    folder / f"{count}-{number}.log",
                    process_pool.worker_env(max(1, cores // count)),
                )
                for number in range(count)
            ]
            for count in (1, 2)
        }
        turns: dict[str, list[float]] = {count: [] for count in sides}
        for number in range(rounds + 1):
            for count, processes in sides.items():
                seconds = _trained(processes)
                if number:
                    turns[count].append(seconds)
        for processes in sides.values():
            for process in processes:
                process.kill()
    return {
        "images": _TRAINED_ON,
        "runs": _RUNS,
        "seconds": {count: spread(each) for count, each in turns.items()},
        "two_over_one": statistics.median(
            one / two for one, two in zip(turns["1"], turns["2"], strict=True)
        ),
    }


def _trained(processes: list[Any]) -> float:
    def work(process: Any, seeds: list[int]) -> None:
        for seed in seeds:
            process.run(RunSpec(recipes.FAST, seed))

    seeds = list(range(_RUNS))
    parts = [seeds[i :: len(processes)] for i in range(len(processes))]
    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(processes, parts, strict=True)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


STREAMS = {
    "recognizer": "reader = mnistcnn.Recognizer('best')\n"
    "def work(n): return sum(map(len, reader.predict_batches(b for b, _ in parts(n))))",
    "evaluate": "model = mnistcnn.load_pretrained('best')\n"
    "def work(n): return mnistcnn.evaluate(model, (mnistcnn.preprocess(*b) for b in parts(n)))"
    ".num_images",
    "train": """
model = mnistcnn.build_model(seed=0)
tf = importlib.import_module('tensorflow')
kinds = tf.TensorSpec((None, 28, 28, 1)), tf.TensorSpec((None, 10))
def work(n):
    batches = tf.data.Dataset.from_generator(
        lambda: (mnistcnn.preprocess(*b) for b in parts(n)), output_signature=kinds)
    counted = batches.apply(tf.data.experimental.assert_cardinality(n // CHUNK))
    mnistcnn.train(model, counted, recipe='fast', verbose=0)
    return n
""",
}
_PROGRAM = """
import importlib, json, resource, sys, time
import mnistcnn, numpy as np
with np.load(sys.argv[1]) as archive:
    x, y = archive['x_train'], archive['y_train']
def parts(n):
    for i in range(0, n, CHUNK):
        k = i % len(x)
        yield x[k : k + CHUNK], y[k : k + CHUNK]
WORK
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
work(20 * CHUNK)
first, started = peak(), time.perf_counter()
done = work(int(sys.argv[2]))
print(json.dumps([done, time.perf_counter() - started, first, peak()]))
"""


def stream(data: Path, names: Sequence[str], *, count: int, chunk: int) -> dict[str, Any]:
    """Peak memory after some batches and after very many."""
    found = {}
    for name in names:
        code = _PROGRAM.replace("WORK", STREAMS[name]).replace("CHUNK", str(chunk))
        words = [sys.executable, "-c", code, str(data), str(count)]
        told = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
        images, seconds, first, last = json.loads(told)
        found[name] = {
            "images": images,
            "chunk": chunk,
            "images_per_second": images / seconds,
            "peak_mib_at_first": round(first, 1),
            "peak_mib": round(last, 1),
        }
    return found


def feeding(data: Path, *, rounds: int) -> dict[str, Any]:
    """Images a second of an epoch after the first, by where they come from, in turns."""
    from mnistcnn.backend import keras, tf

    with np.load(data) as archive:
        x, y = mnistcnn.preprocess(archive["x_train"][:_FED], archive["y_train"][:_FED])
    steps = _FED // _BATCH

    class Parts(keras.utils.PyDataset):
        def __len__(self) -> int:
            return steps

        def __getitem__(self, number: int) -> Any:
            part = slice(number * _BATCH, (number + 1) * _BATCH)
            return x[part], y[part]

    starts: list[float] = []
    ends: list[float] = []
    watch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: starts.append(time.perf_counter()),
        on_epoch_end=lambda *_: ends.append(time.perf_counter()),
    )
    watch.per_execution = True  # it need not see each batch
    kinds = tf.TensorSpec((None, 28, 28, 1)), tf.TensorSpec((None, 10))
    slices = tf.data.Dataset.from_tensor_slices((x, y)).batch(_BATCH).prefetch(2)
    made = tf.data.Dataset.from_generator(
        lambda: (Parts()[number] for number in range(steps)), output_signature=kinds
    ).apply(tf.data.experimental.assert_cardinality(steps))
    recipe = recipes.Recipe(name="plain", epochs=_EPOCHS, batch_size=_BATCH)

    def ours(*given: Any) -> None:
        network = mnistcnn.build_model(seed=0)
        mnistcnn.train(network, *given, recipe=recipe, callbacks=[watch], seed=0, verbose=0)

    def keras_own(given: Any) -> None:
        network = mnistcnn.build_model(seed=0)
        network.fit(given, epochs=_EPOCHS, callbacks=[watch], shuffle=False, verbose=0)

    sides = {
        "arrays": lambda: ours(x, y),
        "tf_data": lambda: ours(slices),
        "generator": lambda: ours(made),
        "py_dataset": lambda: ours(Parts()),
        "fit_tf_data": lambda: keras_own(slices),
        "fit_py_dataset": lambda: keras_own(Parts()),
    }
    turns: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            starts.clear()
            ends.clear()
            side()
            epochs = [end - start for start, end in zip(starts, ends, strict=True)]
            turns[name].append(statistics.median(epochs[1:]))  # the first makes the graph
    return {
        "images": _FED,
        "batch_size": _BATCH,
        "images_per_second": {
            name: spread([_FED / one for one in each]) for name, each in turns.items()
        },
        "over_arrays": {
            name: statistics.median(
                first / one for first, one in zip(turns["arrays"], each, strict=True)
            )
            for name, each in turns.items()
        },
    }


def main() -> None:
    """Measure, show and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few turns, nothing kept")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--images", type=int, help="how many stream by, in place of 2,000,000")
    options = parser.parse_args()
    data = find_data()
    count = options.images or (200_000 if options.quick else _STREAMED)
    measures = {
        "reading": lambda: reading(data, rounds=2 if options.quick else 4),
        "training": lambda: training(data, rounds=2 if options.quick else 5),
        "stream": lambda: stream(data, ("recognizer", "evaluate"), count=count, chunk=_CHUNK),
        "train_stream": lambda: stream(data, ("train",), count=count, chunk=_TRAINED_CHUNK),
        "feeding": lambda: feeding(data, rounds=2 if options.quick else 5),
    }
    report_parts(
        "scale",
        measures,
        only=options.only,
        packages=("mnistcnn", "onnxruntime", "ray", "tensorflow"),
        kept=not options.quick,
    )


if __name__ == "__main__":
    main()
