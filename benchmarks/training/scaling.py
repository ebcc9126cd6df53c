"""Scaling over processes and data sizes: inference, training, memory, and sources of data.

    python -m benchmarks.training.scaling [--quick] [--only PART]

The sides take turns in their own processes, so that all of them meet the same noise of the
machine; ratios are those of one turn. Needs MNIST and the extra ``ray``. Results go to
benchmarks/results/scaling.json; with --quick they are only printed. ``--only`` replaces one part.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import mnistcnn
from benchmarks.harness import (
    BaselineProcess,
    argument_parser,
    measure_parts,
    mnist_file,
    parse_args,
    summarize,
    take_turns,
)
from mnistcnn import recipes
from mnistcnn.sweeps import process_pool
from mnistcnn.sweeps.worker import RunSpec
from mnistcnn.types import DIGIT_NAMES
from mnistcnn.utils.environment import cpu_count

INFERENCE = ("processes-1", "processes-2", "ray-1", "ray-2")
_TRAIN_IMAGES, _RUNS = 12_800, 2
_STREAMED_IMAGES, _INFERENCE_BATCH, _TRAINING_BATCH = 2_000_000, 5_000, 500
_WARM_UP_BATCHES = 20
_BATCH_SIZE, _EPOCHS = 128, 4


def inference(data: Path, *, rounds: int, smoke: bool) -> dict[str, Any]:
    """Measure throughput and start time in plain processes and in actors of Ray."""
    names = INFERENCE[:2] if smoke else INFERENCE
    processes = {
        name: BaselineProcess(
            "parallel_inference", data, images=0, cores=cpu_count(), variant=name,
            **({"smoke": 1} if smoke else {}),
        )
        for name in names
    }  # fmt: skip
    reports = take_turns(processes, rounds=rounds, warm_up=1)
    turns = {name: [report["seconds"] for report in each] for name, each in reports.items()}
    large = max(turns[names[0]][0], key=int)

    def speedup(name: str, reference: str) -> float:
        pairs = zip(turns[name], turns[reference], strict=True)
        return statistics.median(b[large] / a[large] for a, b in pairs)

    result: dict[str, Any] = {
        "images": int(large),
        "sides": {name: _start_and_rate(each) for name, each in turns.items()},
        "efficiency": {"processes": speedup("processes-2", "processes-1") / 2},
    }
    if not smoke:
        result["efficiency"]["ray"] = speedup("ray-2", "ray-1") / 2
        result["ray_over_processes"] = {
            count: speedup(f"ray-{count}", f"processes-{count}") for count in ("1", "2")
        }
    return result


def _start_and_rate(turns: list[dict[str, float]]) -> dict[str, Any]:
    """Return seconds by number of images, and a line through the medians: start and rate."""
    seconds = {size: summarize([turn[size] for turn in turns]) for size in turns[0]}
    (small, first), (large, second) = (
        (int(size), value["median"]) for size, value in seconds.items()
    )
    rate = (large - small) / (second - first)
    return {"seconds": seconds, "rate": rate, "start": max(first - small / rate, 0.0)}


def training(data: Path, *, rounds: int) -> dict[str, Any]:
    """Measure runs of the recipe `fast`, one after another and two in parallel."""
    cores = cpu_count()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with np.load(data) as archive:
            small = {
                key: archive[key][: _TRAIN_IMAGES if "train" in key else 2_000] for key in archive
            }
        np.savez(folder / "small.npz", **small)
        pools = {
            str(count): [
                process_pool.WorkerProcess(
                    folder / "small.npz",
                    DIGIT_NAMES,
                    folder / f"{count}-{number}.log",
                    process_pool.worker_env(max(1, cores // count)),
                )
                for number in range(count)
            ]
            for count in (1, 2)
        }
        turns: dict[str, list[float]] = {count: [] for count in pools}
        for turn in range(rounds + 1):
            for count, processes in pools.items():
                seconds = _time_runs(processes)
                if turn:  # the first turn is a warm-up
                    turns[count].append(seconds)
        for processes in pools.values():
            for process in processes:
                process.kill()
    pairs = zip(turns["1"], turns["2"], strict=True)
    return {
        "images": len(small["x_train"]),
        "runs": _RUNS,
        "seconds": {count: summarize(each) for count, each in turns.items()},
        "speedup": statistics.median(one / two for one, two in pairs),
    }


def _time_runs(processes: list[Any]) -> float:
    def run_all(process: Any, seeds: list[int]) -> None:
        for seed in seeds:
            process.run(RunSpec(recipes.FAST, seed))

    seeds = list(range(_RUNS))
    shares = [seeds[i :: len(processes)] for i in range(len(processes))]
    threads = [
        threading.Thread(target=run_all, args=pair) for pair in zip(processes, shares, strict=True)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


STREAMS = {
    "recognizer": """
recognizer = mnistcnn.Recognizer('best')
def process(n):
    return sum(map(len, recognizer.predict_batches(x for x, _ in batches(n))))
""",
    "evaluate": """
model = mnistcnn.load_pretrained('best')
def process(n):
    data = (mnistcnn.preprocess(*batch) for batch in batches(n))
    return mnistcnn.evaluate(model, data).num_images
""",
    "train": """
model = mnistcnn.build_model(seed=0)
tf = importlib.import_module('tensorflow')
signature = tf.TensorSpec((None, 28, 28, 1)), tf.TensorSpec((None, 10))
def process(n):
    dataset = tf.data.Dataset.from_generator(
        lambda: (mnistcnn.preprocess(*batch) for batch in batches(n)), output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(n // BATCH))
    mnistcnn.train(model, dataset, recipe='fast', verbose=0)
    return n
""",
}
_STREAM_PROGRAM = """
import importlib, json, resource, sys, time
import mnistcnn, numpy as np
with np.load(sys.argv[1]) as archive:
    x, y = archive['x_train'], archive['y_train']
def batches(n):
    for i in range(0, n, BATCH):
        k = i % len(x)
        yield x[k : k + BATCH], y[k : k + BATCH]
PROCESS
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
process(WARM_UP * BATCH)
first, started = peak(), time.perf_counter()
done = process(int(sys.argv[2]))
print(json.dumps([done, time.perf_counter() - started, first, peak()]))
"""


def streaming(data: Path, names: Sequence[str], *, images: int, batch: int) -> dict[str, Any]:
    """Measure peak memory after the first batches and after very many."""
    results = {}
    for name in names:
        code = _STREAM_PROGRAM.replace("PROCESS", STREAMS[name]).replace("BATCH", str(batch))
        code = code.replace("WARM_UP", str(_WARM_UP_BATCHES))
        command = [sys.executable, "-c", code, str(data), str(images)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        processed, seconds, first, last = json.loads(output)
        results[name] = {
            "images": processed,
            "batch_size": batch,
            "images_per_second": processed / seconds,
            "peak_mib_after_warm_up": round(first, 1),
            "peak_mib": round(last, 1),
        }
    return results


def data_sources(data: Path, *, rounds: int) -> dict[str, Any]:
    """Measure training throughput by the source of the data, in turns."""
    from benchmarks.epoch_timer import EpochTimer

    with np.load(data) as archive:
        raw = archive["x_train"][:_TRAIN_IMAGES], archive["y_train"][:_TRAIN_IMAGES]
    x, y = mnistcnn.preprocess(*raw)
    x, y = x[: len(x) // _BATCH_SIZE * _BATCH_SIZE], y[: len(x) // _BATCH_SIZE * _BATCH_SIZE]

    def seconds_per_epoch(fit: Callable[[Any, Any], Any]) -> float:
        timer = EpochTimer()
        fit(mnistcnn.build_model(seed=0), [timer])
        return statistics.median(timer.seconds)

    sides = _data_source_runs(x, y)
    turns: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, fit in sides.items():
            turns[name].append(seconds_per_epoch(fit))
    return {
        "images": len(x),
        "batch_size": _BATCH_SIZE,
        "images_per_second": {
            name: summarize([len(x) / seconds for seconds in each]) for name, each in turns.items()
        },
        "relative_to_arrays": {
            name: statistics.median(a / b for a, b in zip(turns["arrays"], each, strict=True))
            for name, each in turns.items()
        },
    }


def _data_source_runs(x: Any, y: Any) -> dict[str, Callable[[Any, Any], Any]]:
    """Return by name how to train a model with callbacks on each source of the same data."""
    from mnistcnn.backend import keras, tf

    steps = len(x) // _BATCH_SIZE

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return steps

        def __getitem__(self, index: int) -> Any:
            batch = slice(index * _BATCH_SIZE, (index + 1) * _BATCH_SIZE)
            return x[batch], y[batch]

    signature = tf.TensorSpec((None, 28, 28, 1)), tf.TensorSpec((None, 10))
    slices = tf.data.Dataset.from_tensor_slices((x, y)).batch(_BATCH_SIZE).prefetch(2)
    generated = tf.data.Dataset.from_generator(
        lambda: (Batches()[index] for index in range(steps)), output_signature=signature
    ).apply(tf.data.experimental.assert_cardinality(steps))
    recipe = recipes.Recipe(name="plain", epochs=_EPOCHS, batch_size=_BATCH_SIZE)

    def train(model: Any, callbacks: Any, *data: Any) -> None:
        mnistcnn.train(model, *data, recipe=recipe, callbacks=callbacks, seed=0, verbose=0)

    def keras_fit(model: Any, callbacks: Any, data: Any) -> None:
        model.fit(data, epochs=_EPOCHS, callbacks=callbacks, shuffle=False, verbose=0)

    return {
        "arrays": lambda model, callbacks: train(model, callbacks, x, y),
        "tf_data": lambda model, callbacks: train(model, callbacks, slices),
        "generator": lambda model, callbacks: train(model, callbacks, generated),
        "py_dataset": lambda model, callbacks: train(model, callbacks, Batches()),
        "fit_tf_data": lambda model, callbacks: keras_fit(model, callbacks, slices),
        "fit_py_dataset": lambda model, callbacks: keras_fit(model, callbacks, Batches()),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and save."""
    parser = argument_parser(__doc__, "scaling.json")
    parser.add_argument("--quick", action="store_true", help="few turns; nothing is saved")
    names = ("inference", "training", "streaming_inference", "streaming_training", "data_sources")
    parser.add_argument("--only", choices=names, action="append")
    parser.add_argument("--images", type=int, help="how many images to stream, not 2,000,000")
    options = parse_args(parser, argv)
    few, smoke = options.quick or options.smoke, options.smoke
    data = mnist_file(smoke=smoke).resolve()
    images = options.images or (20_000 if smoke else 200_000 if few else _STREAMED_IMAGES)

    def rounds(full: int) -> int:
        return 1 if smoke else 2 if few else full

    def stream(names: Sequence[str], batch: int) -> dict[str, Any]:
        return streaming(data, names, images=images, batch=100 if smoke else batch)

    parts = {
        "inference": lambda: inference(data, rounds=rounds(4), smoke=smoke),
        "training": lambda: training(data, rounds=rounds(5)),
        "streaming_inference": partial(stream, ("recognizer", "evaluate"), _INFERENCE_BATCH),
        "streaming_training": partial(stream, ("train",), _TRAINING_BATCH),
        "data_sources": lambda: data_sources(data, rounds=rounds(5)),
    }
    measure_parts(
        options.output,
        parts,
        only=options.only,
        packages=("mnistcnn", "onnxruntime", "ray", "tensorflow"),
        save=not options.quick,
    )


if __name__ == "__main__":
    main()
