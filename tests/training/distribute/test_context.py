"""What workers agree on, with threads in place of machines."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mnistcnn import WorkerLostError, build_model, default_callbacks
from mnistcnn.backend import keras, tf
from mnistcnn.training.distribute.context import MultiDevice, SingleProcess, context_for
from mnistcnn.training.distribute.multi_worker import MultiWorker


class Hub:
    """Adds up what so many threads bring."""

    def __init__(self, count):
        self.barrier, self.brought = threading.Barrier(count), {}

    def sum(self, number, numbers):
        self.brought[number] = numbers
        self.barrier.wait(10)
        found = np.sum(list(self.brought.values()), axis=0)
        self.barrier.wait(10)
        return found


class Worker(MultiWorker):
    """One of several that share a hub."""

    def __init__(self, hub, tasks, number):
        addresses = {task: f"host{place}:1" for place, task in enumerate(tasks)}
        super().__init__(None, addresses, tasks[number])
        self.hub = hub

    def _sum(self, numbers):
        return self.hub.sum(self.number, numbers)


TASKS = [("chief", 0), ("worker", 0), ("worker", 1)]


def each(act, count=3):
    """Let each of so many workers act, and return what each found or raised."""
    hub = Hub(count)

    def one(number):
        try:
            return act(Worker(hub, TASKS[:count], number))
        except (RuntimeError, ValueError) as error:
            return str(error)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_they_agree_on_the_least_and_on_any():
    assert each(lambda one: one.least(5 - one.number)) == [3, 3, 3]
    for who in range(3):
        assert each(lambda one, who=who: one.any(one.number == who)) == [True] * 3
    assert each(lambda one: one.any(False)) == [False] * 3


@pytest.mark.parametrize("length", [0, 1, 8, 23])
def test_the_chiefs_bytes_reach_all(length):
    sent = bytes(range(200, 200 + length))
    assert each(lambda one: one.from_chief(sent if one.chief else b"mine")) == [sent] * 3


def test_the_chiefs_seed_counts_and_one_is_drawn_where_it_has_none():
    assert each(lambda one: one.seed(7 + one.number)) == [7, 7, 7]
    assert each(lambda one: one.seed(2**80 if one.chief else None)) == [2**80] * 3
    first, *others = each(lambda one: one.seed(None))
    assert others == [first, first]
    assert each(lambda one: one.seed(None))[0] != first


def test_all_begin_with_what_the_chief_has():
    models = [build_model(seed=number) for number in range(3)]
    each(lambda one: one.begin_alike(models[one.number].variables))
    for model in models[1:]:
        for one, other in zip(model.variables, models[0].variables, strict=True):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(models[0].get_weights()[0], build_model(seed=0).get_weights()[0])


def test_what_differs_is_named_to_all():
    def act(one):
        one.agree({"data": "same", "validation_data": None if one.number < 2 else 5})

    expected = "every worker must have the same validation data; that of worker 2 is another than the chief's"
    assert each(act) == [expected] * 3
    assert each(lambda one: one.agree({"seed": 3})) == [None] * 3


def test_other_weights_are_noticed_by_all():
    models = [build_model(seed=0) for _ in range(3)]
    assert each(lambda one: one.check_equal(models[one.number], 0)) == [None] * 3
    weights = models[1].get_weights()
    weights[0][0, 0, 0, 0] = np.nextafter(weights[0][0, 0, 0, 0], 1)
    models[1].set_weights(weights)
    found = each(lambda one: one.check_equal(models[one.number], 4))
    assert (
        found
        == [
            "every worker must end epoch 5 with the same weights; those of worker 1 are others than the chief's. Are all machines alike?"
        ]
        * 3
    )


def test_the_chief_alone_has_callbacks_that_write():
    class Own(keras.callbacks.Callback):
        chief_only = True

    kept = keras.callbacks.EarlyStopping()
    given = [kept, *default_callbacks(), keras.callbacks.CSVLogger("log"), Own()]
    chief, other, _ = each(lambda one: one.own(given))
    assert chief == given
    assert [one in given for one in other] == [True, True, False, False, False]
    for one in other[2:]:
        one.set_state({"best": 1.0})
        assert one.get_state() is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("from /job:worker/replica:0/task:1 while", "worker 2 at host2:1"),
        ("from remote target /job:worker/replica:0/task:0:", "another worker"),  # it is itself
        ("from /job:worker/replica:0/task:9 while", "another worker"),
        ("Socket closed", "another worker"),
    ],
)
def test_a_lost_worker_is_named_where_it_is_known(text, named):
    worker = Worker(None, TASKS, 1)
    expected = rf"^every worker must stay until the training ends; worker 1 of 3 lost {named}\. Start the same"
    with pytest.raises(WorkerLostError, match=expected), worker.together():
        raise tf.errors.UnavailableError(None, None, text)
    with pytest.raises(tf.errors.ResourceExhaustedError), worker.together():
        raise tf.errors.ResourceExhaustedError(None, None, "memory")


def test_without_a_strategy_there_is_nobody_to_ask():
    alone = context_for(None)
    assert type(alone) is SingleProcess
    assert (alone.chief, alone.count, alone.seed(None), alone.least(4)) == (True, 1, None, 4)
    assert alone.from_chief(b"x") == b"x"


def test_one_device_is_no_team_of_machines():
    assert type(context_for(tf.distribute.OneDeviceStrategy("CPU:0"))) is MultiDevice
