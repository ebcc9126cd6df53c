"""Iterators that run the steps of an epoch in a compiled graph."""

import gc
import weakref

import numpy as np
import pytest

from mnistcnn import build_model, train
from mnistcnn.backend import tf
from mnistcnn.training import epoch_iterator
from mnistcnn.training.data_adapters import Arrays
from mnistcnn.training.epoch_iterator import ArrayEpochIterator, epoch_order
from mnistcnn.training.keras_fit import array_inputs


def test_each_epoch_has_another_order():
    orders = [epoch_order(50, [1, 2], epoch).numpy() for epoch in range(3)]
    for order in orders:
        assert sorted(order) == list(range(50))
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[1], orders[2])


@pytest.fixture
def iterator(monkeypatch):
    """Ten images in batches of three, which a graph appends to a variable."""
    monkeypatch.setattr(epoch_iterator, "_SECONDS_PER_EXECUTION", 60)  # also on a busy machine
    x = np.arange(10, dtype=np.float32).reshape(10, 1)
    seen = tf.Variable([-1.0], shape=(None,))

    def step_fn(x, y):
        seen.assign(tf.concat([seen, x[:, 0]], axis=0))

    iterator = ArrayEpochIterator(step_fn, (x, x), 3)
    iterator.seen = seen
    return iterator


def test_steps_of_an_epoch_run_in_several_executions(iterator):
    iterator.begin_epoch(2)
    assert (iterator.num_steps, iterator.first_step) == (4, 8)
    assert [iterator.run(0, 1), iterator.run(1, 4)] == [1, 4]
    assert iterator.seen.numpy().tolist() == [-1, *range(10)]


@pytest.mark.parametrize("batch_size", [2**31, 2**63, 2**70])
def test_a_batch_may_be_larger_than_any_array(batch_size):
    x = np.arange(10, dtype=np.float32).reshape(10, 1)
    total = tf.Variable(0.0)
    iterator = ArrayEpochIterator(
        lambda x, y: total.assign_add(tf.reduce_sum(x)), (x, x), batch_size
    )
    iterator.begin_epoch(0)
    assert (iterator.num_steps, iterator.run(0, 1), total.numpy()) == (1, 1, 45)
    batches = array_inputs(
        Arrays(x, x), lambda batch, _: batch, batch_size=batch_size, shuffle_seed=[1, 2]
    )
    assert next(iter(batches))[0].shape == (10, 1)


def test_step_ranges_cover_the_epoch_from_any_step(iterator):
    iterator.begin_epoch(0)
    for first in range(4):
        steps = [step for span in iterator.step_ranges(first=first) for step in range(*span)]
        assert steps == list(range(first, 4))
    assert list(iterator.step_ranges(per_batch=True)) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_step_ranges_end_at_multiples_of_save_every(iterator):
    iterator.begin_epoch(1)  # after 4 steps of the run
    list(iterator.step_ranges())  # from now on an execution has time for all steps
    ends = [last for _, last in iterator.step_ranges(save_every=3)]
    assert ends == [2, 4]  # after 6 and, at the end of the epoch, 8 steps of the run


def test_step_ranges_end_where_all_workers_agree(iterator):
    iterator.begin_epoch(0)
    list(iterator.step_ranges())
    ranges = iterator.step_ranges(all_reduce_min=lambda last: min(last, 2) if last > 2 else last)
    assert next(ranges) == (0, 2)


def test_repeated_training_neither_warns_nor_leaks_images(xy, capfd):
    """TensorFlow warns at the fifth retracing; a graph that captured the images would leak them."""
    references = []
    original = tf.constant

    def recording(value, *arguments, **options):
        tensor = original(value, *arguments, **options)
        if getattr(value, "ndim", 0) == 4:
            references.append(weakref.ref(tensor))
        return tensor

    gc.collect()
    gc.disable()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tf, "constant", recording)
            for _ in range(6):
                train(
                    build_model(seed=0), *xy, epochs=1, batch_size=200, validation_split=0.0,
                    callbacks=[], verbose=0,
                )  # fmt: skip
    finally:
        gc.enable()
    assert len(references) == 6
    assert not any(reference() is not None for reference in references)
    assert "retracing" not in capfd.readouterr().err
