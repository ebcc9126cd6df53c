"""When the state is saved, and what an interrupt does."""

import signal
import sys
import threading

import numpy as np
import pytest

from mnistcnn.backend import keras
from mnistcnn.training.checkpoint import file_format
from mnistcnn.training.checkpoint.file_format import describe_position
from mnistcnn.training.checkpoint.state import Position
from mnistcnn.training.trainer import NullState
from tests.helpers.checkpoint_runs import FOLDER, STATE, crash, run
from tests.helpers.runs import Crash, equal_bits

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def test_saves_every_n_steps_and_at_the_end_of_each_epoch(xy, monkeypatch):
    write, positions = file_format.write_checkpoint, []

    def recording_write(path, record, arrays):
        state = record["training_states"]["model"]
        positions.append((state["epoch"], state["step"], state["finished"]))
        write(path, record, arrays)

    monkeypatch.setattr(file_format, "write_checkpoint", recording_write)
    options = dict(epochs=2, callbacks=[Crash()], validation_split=0.0)  # 12 steps an epoch
    crash(xy, 10, checkpoint_every=5, **options)
    assert positions == [(0, 5, False)]
    assert describe_position(FOLDER) == "epoch 1, step 5"
    run(xy, checkpoint_every=5, **options)
    assert positions[1:] == [
        (0, 10, False), (1, 0, False), (1, 3, False), (1, 8, False), (2, 0, False), (2, 0, True),
    ]  # fmt: skip
    assert describe_position(FOLDER) is None


def test_saves_only_at_the_end_of_epochs_by_default(xy):
    crash(xy, 11, "baseline", Crash(), checkpoint_every=None)
    assert describe_position(FOLDER) == "epoch 2, step 0"


def test_null_state_starts_at_the_beginning_and_saves_nothing(network):
    state = NullState()
    assert (state.finished, state.stop_training, state.every) == (False, False, None)
    assert state.start == Position(0, 0, {})
    assert state.attach(network, []) == []
    with state.defer_interrupt(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


class RaiseSignal(keras.callbacks.Callback):
    """Sends SIGINT after so many batches, so many times."""

    batches_left, times = -1, 1

    def on_train_batch_end(self, batch, logs=None):
        RaiseSignal.batches_left -= 1
        if RaiseSignal.batches_left == 0:
            for _ in range(RaiseSignal.times):
                signal.raise_signal(signal.SIGINT)


def run_with_signal(xy, after, times=1, **options):
    RaiseSignal.batches_left, RaiseSignal.times = after, times
    return run(xy, "baseline", RaiseSignal(), checkpoint_every=None, **options)


@posix
def test_interrupt_saves_the_current_step(xy, uninterrupted):
    for after, position in [(3, "epoch 1, step 3"), (13, "epoch 2, step 8")]:
        with pytest.raises(KeyboardInterrupt):
            run_with_signal(xy, after)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert describe_position(FOLDER) == position
    model, history = run_with_signal(xy, -1)
    whole, whole_history = uninterrupted()
    assert equal_bits(model, whole)
    assert history.history == whole_history.history


@posix
def test_second_interrupt_takes_effect_at_once(xy):
    with pytest.raises(KeyboardInterrupt):
        run_with_signal(xy, 3, times=2)
    assert not STATE.exists()


@posix
def test_custom_signal_handler_stays_in_charge(xy):
    received = []
    previous = signal.signal(signal.SIGINT, lambda *_: received.append(1))
    try:
        run_with_signal(xy, 3, epochs=1)
    finally:
        signal.signal(signal.SIGINT, previous)
    assert received == [1]


def test_runs_in_a_thread(xy, uninterrupted):
    results = []
    thread = threading.Thread(target=lambda: results.append(run(xy)))
    thread.start()
    thread.join()
    assert equal_bits(results[0][0], uninterrupted()[0])


def test_variable_without_a_numpy_type_is_rejected(xy):
    class Half(keras.layers.Layer):
        def build(self, shape):
            self.add_weight(shape=(), dtype="bfloat16", trainable=False, name="half")

        def call(self, x):
            return x

    layers = [keras.layers.Flatten(), Half(), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((28, 28, 1)), *layers])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    with pytest.raises(
        ValueError,
        match="^model must have variables of NumPy's numeric types to use checkpoint_dir; received bfloat16 in .*half$",
    ):
        run(xy, callbacks=[], model=model, checkpoint_every=None)


def test_save_copies_the_variables(network):
    """The arrays stay as they are when training continues."""
    from mnistcnn.training.checkpoint.state import _to_arrays

    variable = keras.Variable(np.zeros(3, np.float32))
    arrays = _to_arrays("variables", [variable])
    variable.assign(np.ones(3, np.float32))
    np.testing.assert_array_equal(arrays["variables/0000"], np.zeros(3))
