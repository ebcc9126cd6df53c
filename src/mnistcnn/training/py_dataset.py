"""Reading the batches of a ``keras.utils.PyDataset`` with its workers.

Keras' own reader always starts at the first batch and is private.
"""

from __future__ import annotations

import multiprocessing.pool
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from mnistcnn.backend import keras

# In a worker process: the dataset that it reads.
_worker_dataset: list[keras.utils.PyDataset] = []


def iter_batches(
    dataset: keras.utils.PyDataset, indices: Sequence[int]
) -> Iterator[tuple[int, Any]]:
    """Yield ``(index, batch)`` in order, prefetched by the dataset's workers.

    As in Keras, the workers are threads, or processes with `use_multiprocessing`; without
    either, batches are made on demand. At most `max_queue_size` batches wait.
    """
    workers, use_processes = dataset.workers, dataset.use_multiprocessing
    if workers < 1 or (workers == 1 and not use_processes):
        for index in indices:
            yield index, dataset[index]
        return
    pool: Any
    if use_processes:
        pool = multiprocessing.Pool(workers, _init_worker, (dataset,))
        get_batch = _get_batch
    else:
        pool = multiprocessing.pool.ThreadPool(workers)
        get_batch = dataset.__getitem__
    pending: deque[tuple[int, Any]] = deque()
    remaining = iter(indices)
    with closing(pool):
        while True:
            while len(pending) < max(1, dataset.max_queue_size):
                following = next(remaining, None)
                if following is None:
                    break
                pending.append((following, pool.apply_async(get_batch, (following,))))
            if not pending:
                return
            index, result = pending.popleft()
            yield index, result.get()


def _init_worker(dataset: keras.utils.PyDataset) -> None:
    _worker_dataset[:] = [dataset]


def _get_batch(index: int) -> Any:
    return _worker_dataset[0][index]
