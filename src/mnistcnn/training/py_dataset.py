"""The batches of a ``keras.utils.PyDataset``, made by as many workers as it asks for.

Keras' own way from a PyDataset to batches begins at the first batch always, and has no public
name.
"""

from __future__ import annotations

import multiprocessing.pool
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from mnistcnn.backend import keras

# In a process of a pool: the dataset that it was started for.
_worker_dataset: list[keras.utils.PyDataset] = []


def iter_py_dataset(
    dataset: keras.utils.PyDataset, numbers: Sequence[int]
) -> Iterator[tuple[int, Any]]:
    """Give the numbered batches in their order, a few of them made ahead by its workers.

    As in Keras: threads, or processes with `use_multiprocessing`; without either the batches
    are made where they are asked for. No more than `max_queue_size` wait.
    """
    workers, processes = dataset.workers, dataset.use_multiprocessing
    if workers < 1 or (workers == 1 and not processes):
        for number in numbers:
            yield number, dataset[number]
        return
    pool: Any
    if processes:
        pool = multiprocessing.Pool(workers, _init_worker, (dataset,))
        make = _get_batch
    else:
        pool = multiprocessing.pool.ThreadPool(workers)
        make = dataset.__getitem__
    waiting: deque[tuple[int, Any]] = deque()
    rest = iter(numbers)
    with closing(pool):
        while True:
            while len(waiting) < max(1, dataset.max_queue_size):
                following = next(rest, None)
                if following is None:
                    break
                waiting.append((following, pool.apply_async(make, (following,))))
            if not waiting:
                return
            number, result = waiting.popleft()
            yield number, result.get()


def _init_worker(dataset: keras.utils.PyDataset) -> None:
    _worker_dataset[:] = [dataset]


def _get_batch(number: int) -> Any:
    return _worker_dataset[0][number]
