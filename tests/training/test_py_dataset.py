"""Reading a ``keras.utils.PyDataset`` with its workers."""

import os
import sys
import threading

import pytest

from mnistcnn.backend import keras
from mnistcnn.training.py_dataset import iter_batches


class Dataset(keras.utils.PyDataset):
    """Gives its indices as batches, and records them with the threads that made them."""

    def __init__(self, **options):
        super().__init__(**options)
        self.indices, self.threads = [], set()

    def __len__(self):
        return 6

    def __getitem__(self, index):
        self.indices.append(index)
        self.threads.add(threading.get_ident())
        return index


def test_without_workers_batches_are_made_on_demand():
    data = Dataset()
    batches = iter_batches(data, range(2, 6))
    assert next(batches) == (2, 2)
    assert data.indices == [2]
    assert [index for index, _ in batches] == [3, 4, 5]
    assert data.threads == {threading.get_ident()}


def test_threads_make_the_batches_in_order():
    data = Dataset(workers=3, max_queue_size=2)
    assert list(iter_batches(data, range(2, 6))) == [(2, 2), (3, 3), (4, 4), (5, 5)]
    assert threading.get_ident() not in data.threads


def test_several_threads_work_in_parallel():
    both = threading.Barrier(2, timeout=60)

    class Meeting(Dataset):
        def __getitem__(self, index):
            both.wait()  # returns only when two threads have arrived
            return super().__getitem__(index)

    data = Meeting(workers=2)
    assert len(list(iter_batches(data, range(6)))) == 6
    assert len(data.threads) == 2


def test_at_most_max_queue_size_batches_wait():
    data = Dataset(workers=2, max_queue_size=3)
    batches = iter_batches(data, range(100))
    for count in range(1, 20):
        assert next(batches) == (count - 1, count - 1)
        assert len(data.indices) <= count + 3
    batches.close()


class ProcessDataset(Dataset):
    def __getitem__(self, index):
        return os.getpid()


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX fork")
def test_processes_make_the_batches():
    data = ProcessDataset(workers=2, use_multiprocessing=True)
    batches = dict(iter_batches(data, range(6)))
    assert list(batches) == [0, 1, 2, 3, 4, 5]
    assert os.getpid() not in batches.values()
