"""The collective operations, with threads in place of machines."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mnistcnn import WorkerLostError, build_model, default_callbacks
from mnistcnn.backend import keras, tf
from mnistcnn.training.distribute.multi_worker import MultiWorker

TASKS = [("chief", 0), ("worker", 0), ("worker", 1)]


class Reducer:
    """Sums the arrays of several threads."""

    def __init__(self, world_size):
        self.barrier, self.arrays = threading.Barrier(world_size), {}

    def sum(self, rank, array):
        self.arrays[rank] = array
        self.barrier.wait(10)
        total = np.sum(list(self.arrays.values()), axis=0)
        self.barrier.wait(10)
        return total


class ThreadWorker(MultiWorker):
    def __init__(self, reducer, rank):
        addresses = {task: f"host{index}:1" for index, task in enumerate(TASKS)}
        super().__init__(None, addresses, TASKS[rank])
        self.reducer = reducer

    def all_reduce_sum(self, numbers):
        return self.reducer.sum(self.rank, numbers)


def on_each_worker(function):
    """Call the function on each worker; return the results or messages of errors."""
    reducer = Reducer(len(TASKS))

    def call(rank):
        try:
            return function(ThreadWorker(reducer, rank))
        except (RuntimeError, ValueError) as error:
            return str(error)

    with ThreadPoolExecutor(len(TASKS)) as pool:
        return list(pool.map(call, range(len(TASKS))))


def test_all_reduce():
    assert on_each_worker(lambda worker: worker.all_reduce_min(5 - worker.rank)) == [3, 3, 3]
    for rank in range(3):
        flags = on_each_worker(lambda worker, rank=rank: worker.all_reduce_any(worker.rank == rank))
        assert flags == [True] * 3
    assert on_each_worker(lambda worker: worker.all_reduce_any(False)) == [False] * 3


def test_all_gather():
    for table in on_each_worker(lambda worker: worker.all_gather([worker.rank, -1])):
        np.testing.assert_array_equal(table, [[0, -1], [1, -1], [2, -1]])


@pytest.mark.parametrize("length", [0, 1, 8, 23])
def test_broadcast_returns_the_chiefs_bytes(length):
    content = bytes(range(200, 200 + length))
    received = on_each_worker(
        lambda worker: worker.broadcast(content if worker.is_chief else b"mine")
    )
    assert received == [content] * 3


def test_broadcast_seed_returns_the_chiefs_seed_or_a_random_one():
    assert on_each_worker(lambda worker: worker.broadcast_seed(7 + worker.rank)) == [7, 7, 7]
    large = on_each_worker(lambda worker: worker.broadcast_seed(2**80 if worker.is_chief else None))
    assert large == [2**80] * 3
    first, *others = on_each_worker(lambda worker: worker.broadcast_seed(None))
    assert others == [first, first]
    assert on_each_worker(lambda worker: worker.broadcast_seed(None))[0] != first


def test_broadcast_variables_assigns_the_chiefs_values():
    models = [build_model(seed=rank) for rank in range(3)]
    on_each_worker(lambda worker: worker.broadcast_variables(models[worker.rank].variables))
    for model in models[1:]:
        for variable, expected in zip(model.variables, models[0].variables, strict=True):
            np.testing.assert_array_equal(variable, expected)
    np.testing.assert_array_equal(models[0].get_weights()[0], build_model(seed=0).get_weights()[0])


def test_check_same_config_names_the_setting_that_differs():
    def check(worker):
        worker.check_same_config({"data": "same", "validation_data": 5 if worker.rank == 2 else 0})

    message = "every worker must have the same validation data; worker 2's differs from the chief's"
    assert on_each_worker(check) == [message] * 3
    assert on_each_worker(lambda worker: worker.check_same_config({"seed": 3})) == [None] * 3


def test_check_in_sync_raises_on_every_worker():
    models = [build_model(seed=0) for _ in range(3)]

    def check(worker):
        worker.check_in_sync(models[worker.rank], 4)

    assert on_each_worker(check) == [None] * 3
    weights = models[1].get_weights()
    weights[0][0, 0, 0, 0] = np.nextafter(weights[0][0, 0, 0, 0], 1)
    models[1].set_weights(weights)
    message = "every worker must end epoch 5 with the same weights; worker 1's differ from the chief's. Check that all machines have the same hardware and library versions"
    assert on_each_worker(check) == [message] * 3


def test_only_the_chief_runs_callbacks_that_write():
    class ChiefOnly(keras.callbacks.Callback):
        chief_only = True

    callbacks = [
        keras.callbacks.EarlyStopping(),
        *default_callbacks(),
        keras.callbacks.CSVLogger("log"),
        ChiefOnly(),
    ]
    chief, other, _ = on_each_worker(lambda worker: worker.local_callbacks(callbacks))
    assert chief == callbacks
    assert [callback in callbacks for callback in other] == [True, True, False, False, False]
    for callback in other[2:]:
        callback.set_state({"best": 1.0})
        assert callback.get_state() is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("from /job:worker/replica:0/task:1 while", "worker 2 at host2:1"),
        ("from remote target /job:worker/replica:0/task:0:", "another worker"),  # this one
        ("from /job:worker/replica:0/task:9 while", "another worker"),
        ("Socket closed", "another worker"),
    ],
)
def test_error_names_the_lost_worker_if_known(text, name):
    worker = ThreadWorker(None, 1)
    message = rf"^every worker must run until training ends; worker 1 of 3 lost {name}\. Start training again on every machine"
    with pytest.raises(WorkerLostError, match=message), worker.worker_errors():
        raise tf.errors.UnavailableError(None, None, text)


def test_other_tensorflow_errors_are_not_translated():
    with pytest.raises(tf.errors.ResourceExhaustedError), ThreadWorker(None, 1).worker_errors():
        raise tf.errors.ResourceExhaustedError(None, None, "memory")
