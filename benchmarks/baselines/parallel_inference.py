"""Many images through `Recognizer`: in worker processes or in actors of Ray Data.

``--variant`` is the engine and the number of workers, such as ``processes-2`` or ``ray-2``; each
worker has one thread. Each turn processes a small and a large number of images, so that the cost
of a start can be separated from the cost per image.
"""

import logging
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from benchmarks.baselines import protocol

options = protocol.parse_args()

import numpy as np  # after parse_args has set the cores  # noqa: E402

from mnistcnn import Recognizer  # noqa: E402

BATCH, SIZES = (100, (200, 1_000)) if options.smoke else (5_000, (10_000, 100_000))
engine, workers = options.variant.split("-")
num_workers = int(workers)
with np.load(options.data) as archive:
    IMAGES = archive["x_train"][: 4 * BATCH]


class Predictor:
    """A worker: creates its recognizer once and labels batches of image indices."""

    def __init__(self) -> None:
        self.recognizer = Recognizer(num_threads=1)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Label the images of these indices."""
        return {"digit": self.recognizer.predict(IMAGES[batch["id"] % len(IMAGES)])}


predictors: list[Predictor] = []  # one, created at the first task of a process


def predict_range(first: int, end: int) -> int:
    """Label the images from `first` to `end`, and return how many they are."""
    if not predictors:
        predictors.append(Predictor())
    for start in range(first, end, BATCH):
        predictors[0]({"id": np.arange(start, min(start + BATCH, end))})
    return end - first


def main() -> None:
    """Take turns."""
    if engine == "ray":
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray
        import ray.data

        ray.init("local", num_cpus=options.cores, log_to_driver=False, logging_level="ERROR")
        logging.getLogger("ray.data").setLevel("ERROR")
        ray.data.DataContext.get_current().enable_progress_bars = False

        def predict(count: int) -> int:
            pool = ray.data.ActorPoolStrategy(size=num_workers)
            dataset = ray.data.range(count).map_batches(
                Predictor, batch_size=BATCH, compute=pool, num_cpus=0.5
            )
            return sum(len(batch["digit"]) for batch in dataset.iter_batches(batch_format="numpy"))

    else:
        pool = ProcessPoolExecutor(num_workers, mp_context=multiprocessing.get_context("fork"))

        def predict(count: int) -> int:
            edges = np.linspace(0, count, num_workers + 1).astype(int).tolist()
            return sum(pool.map(predict_range, edges[:-1], edges[1:]))

    while True:
        protocol.wait_for_turn()
        seconds = {}
        for size in SIZES:
            started = time.perf_counter()
            if predict(size) != size:
                raise RuntimeError("images were lost")
            seconds[str(size)] = time.perf_counter() - started
        protocol.report(seconds=seconds)


if __name__ == "__main__":
    main()
