"""Very many images through `Recognizer`: in plain processes or by Ray Data's actors.

``--style bare-2`` are two processes, ``ray-2`` two actors; each has one thread. A turn reads a
small and a large count of images, so that the cost of a start can be told from that of an image.
"""

import logging
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import protocol

options = protocol.options()

import numpy as np  # noqa: E402  # after the process has its cores

from mnistcnn import Recognizer  # noqa: E402

BATCH, SIZES = 5_000, (10_000, 100_000)
engine, number = options.style.split("-")
workers = int(number)
with np.load(options.data) as archive:
    IMAGES = archive["x_train"][: 4 * BATCH]


class Reader:
    """What each worker keeps, and does with the numbers of a batch."""

    def __init__(self) -> None:
        self.recognizer = Recognizer(num_threads=1)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Read the images of these numbers."""
        return {"digit": self.recognizer.predict(IMAGES[batch["id"] % len(IMAGES)])}


kept: list[Reader] = []


def share(first: int, end: int) -> int:
    """Read a part in a process that makes its recognizer once."""
    if not kept:
        kept.append(Reader())
    for i in range(first, end, BATCH):
        kept[0]({"id": np.arange(i, min(i + BATCH, end))})
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

        def read(count: int) -> int:
            pool = ray.data.ActorPoolStrategy(size=workers)
            found = ray.data.range(count).map_batches(
                Reader, batch_size=BATCH, compute=pool, num_cpus=0.5
            )
            return sum(len(batch["digit"]) for batch in found.iter_batches(batch_format="numpy"))

    else:
        processes = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork"))

        def read(count: int) -> int:
            edges = np.linspace(0, count, workers + 1).astype(int).tolist()
            return sum(processes.map(share, edges[:-1], edges[1:]))

    while True:
        protocol.wait()
        seconds = {}
        for size in SIZES:
            started = time.perf_counter()
            if read(size) != size:
                raise RuntimeError("images were lost")
            seconds[str(size)] = time.perf_counter() - started
        protocol.tell(seconds=seconds)


if __name__ == "__main__":
    main()
