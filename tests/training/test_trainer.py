"""The training loop gives the same hooks and weights as Keras' ``fit``."""

import inspect

import keras.callbacks as stock
import numpy as np
import pytest

from mnistcnn import build_model, train
from mnistcnn.backend import keras
from mnistcnn.training.epoch_iterator import epoch_order


def run(xy, callbacks, model=None, *, epochs=2, **options):
    options = {"batch_size": 100, "seed": 0, "verbose": 0, **options}
    model = model or build_model(seed=0)
    return train(model, *xy, epochs=epochs, callbacks=callbacks, **options)


HOOKS = [name for name, _ in inspect.getmembers(stock.Callback) if name.startswith("on_")]


class HookRecorder(stock.Callback):
    """Records each hook with its number and the names of its metrics."""

    def __init__(self):
        super().__init__()
        self.calls = []


def _record(name):
    def hook(self, *arguments, logs=None):
        *number, logs = (*arguments, logs) if logs is not None or not arguments else arguments
        if isinstance(logs, int):
            number, logs = [logs], None
        self.calls.append((name, *number, *sorted(logs or {})))

    return hook


for _name in HOOKS:
    if _name not in ("on_batch_begin", "on_batch_end"):  # called by the hooks of train batches
        setattr(HookRecorder, _name, _record(_name))


def test_hooks_are_called_as_in_fit(xy):
    x, y = xy
    validation = (x[:300], y[:300])
    result, expected = HookRecorder(), HookRecorder()
    run(xy, [result], validation_data=validation)
    build_model(seed=0).fit(
        x, y, epochs=2, batch_size=100, validation_data=validation, validation_batch_size=250,
        callbacks=[expected], verbose=0,
    )  # fmt: skip
    assert result.calls == expected.calls
    assert len(result.calls) == 2 + 2 * (2 + 2 * 4 + 2 + 2 * 2)


def test_one_execution_runs_many_steps_without_batch_hooks(xy, monkeypatch):
    """The progress bar is updated once per execution."""
    ends = []
    monkeypatch.setattr(
        stock.ProgbarLogger, "on_train_batch_end", lambda self, batch, logs: ends.append(batch)
    )
    data = [np.repeat(array, 4, axis=0) for array in xy]
    history = run(data, [], batch_size=10, epochs=1, validation_split=0.0, verbose=1)
    assert history.params["steps"] == 142
    assert ends[-1] == 141
    assert len(ends) < 100
    assert ends == sorted(set(ends))


def test_weights_equal_those_of_fit(xy):
    """In the same order of images and without dropout, up to rounding."""
    x, y = xy
    shuffle_seed = np.random.SeedSequence(7).generate_state(2).tolist()
    result, expected = build_model(seed=0, dropout=0), build_model(seed=0, dropout=0)
    for model in (result, expected):  # Adam would hide a wrong scale of the gradients
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    history = run(xy, [], result, epochs=2, seed=7, batch_size=33, validation_split=0.0)
    losses = []
    for epoch in range(2):
        order = epoch_order(len(x), shuffle_seed, epoch).numpy()
        fitted = expected.fit(x[order], y[order], batch_size=33, shuffle=False, verbose=0)
        losses += fitted.history["loss"]
    for one, other in zip(result.get_weights(), expected.get_weights(), strict=True):
        assert np.allclose(one, other, atol=1e-5)
    assert history.history["loss"] == pytest.approx(losses, rel=1e-3)


# Changes made by callbacks before the first batch


def test_a_callback_may_freeze_a_layer(xy):
    model = build_model(seed=0)
    before = model.get_weights()
    freeze = stock.LambdaCallback(
        on_train_begin=lambda logs: setattr(model.get_layer("conv1"), "trainable", False)
    )
    run(xy, [freeze], model, epochs=1)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [False, False, True, True, True, True]


def test_a_callback_may_replace_the_optimizer(xy):
    model = build_model(seed=0)
    before = model.get_weights()
    optimizer = keras.optimizers.SGD(learning_rate=0.0)
    replace = stock.LambdaCallback(
        on_train_begin=lambda logs: setattr(model, "optimizer", optimizer)
    )
    run(xy, [replace], model, epochs=1)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_a_subclassed_checkpoint_is_called_for_each_batch(xy):
    class Checkpoint(stock.ModelCheckpoint):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            Checkpoint.batches += 1

    run(xy, [Checkpoint("a.weights.h5", save_weights_only=True)], epochs=1, batch_size=10)
    assert Checkpoint.batches == 25


def test_stop_evaluating_ends_the_validation(xy):
    class Stop(stock.Callback):
        batches = 0

        def on_test_batch_end(self, batch, logs=None):
            Stop.batches += 1
            self.model.stop_evaluating = True

    run(xy, [Stop()], epochs=2, validation_data=xy)
    assert Stop.batches == 2


# Keras' callbacks


def test_model_checkpoint_saves_every_n_batches(xy, tmp_path):
    checkpoint = stock.ModelCheckpoint(
        "at{batch:02d}.weights.h5", save_freq=3, save_weights_only=True
    )
    run(xy, [checkpoint], batch_size=50, epochs=1, validation_split=0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "at03.weights.h5",
        "at06.weights.h5",
    ]


def test_backup_and_restore_resumes(xy):
    class Crash(stock.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise RuntimeError("crash")

    model = build_model(seed=0)
    with pytest.raises(RuntimeError, match="crash"):
        run(xy, [stock.BackupAndRestore("backup"), Crash()], model, epochs=4)
    fresh = build_model(seed=1)
    history = run(xy, [stock.BackupAndRestore("backup")], fresh, epochs=4)
    assert history.epoch == [2, 3]


def test_lambda_callback_on_batches(xy):
    batches = []
    callback = stock.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
    run(xy, [callback], epochs=1, validation_split=0.0)
    assert batches == [0, 1, 2, 3]


def test_terminate_on_nan(xy):
    model = build_model(seed=0)
    model.optimizer.learning_rate = float("inf")
    history = run(xy, [stock.TerminateOnNaN()], model, epochs=3)
    assert len(history.epoch) == 1
    assert int(model.optimizer.iterations) < 3


def test_stop_training_ends_the_epoch(xy):
    class Stop(stock.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    model = build_model(seed=0)
    history = run(xy, [Stop()], model, epochs=3, validation_split=0.0)
    assert history.epoch == [0]
    assert int(model.optimizer.iterations) == 2


def test_restoring_the_best_weights(xy):
    stopping = stock.EarlyStopping(
        monitor="val_loss", patience=1, restore_best_weights=True, mode="max"
    )
    model = build_model(seed=0)
    history = run(xy, [stopping], model, epochs=6)
    assert len(history.epoch) == 2
    split = int(len(xy[0]) * 0.7)
    loss, _ = model.evaluate(xy[0][split:], xy[1][split:], verbose=0)
    assert loss == pytest.approx(history.history["val_loss"][0], rel=1e-4)


def test_learning_rate_scheduler(xy):
    schedule = stock.LearningRateScheduler(lambda epoch: 0.0 if epoch else 1e-3)
    weights = []
    watch = stock.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(model.get_weights())
    )
    model = build_model(seed=0)
    run(xy, [schedule, watch], model, epochs=3)
    assert all(map(np.array_equal, weights[1], weights[2]))
    assert not all(map(np.array_equal, weights[0], build_model(seed=0).get_weights()))


def test_swap_ema_weights(xy):
    model = build_model(seed=0)
    optimizer = keras.optimizers.Adam(use_ema=True, ema_momentum=0.5)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    weights = []
    watch = stock.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(model.get_weights())
    )
    run(xy, [watch, stock.SwapEMAWeights(swap_on_epoch=True)], model, epochs=2)
    averaged = model.get_weights()
    assert not any(map(np.array_equal, averaged, weights[-1]))
    assert all(np.isfinite(array).all() for array in averaged)


def test_tensorboard(xy, tmp_path):
    pytest.importorskip("tensorboard")
    run(xy, [stock.TensorBoard(str(tmp_path / "board"), update_freq="batch")], epochs=2)
    assert [path.name for path in (tmp_path / "board").iterdir()] == ["train", "validation"]


def test_every_callback_of_keras_is_tested():
    """Fails if Keras adds a callback: test it, then add it here."""
    classes = {
        name for name, value in vars(stock).items()
        if inspect.isclass(value) and issubclass(value, stock.Callback)
    }  # fmt: skip
    assert classes - {
        # used in these tests or in test_train
        "BackupAndRestore", "CSVLogger", "EarlyStopping", "LambdaCallback",
        "LearningRateScheduler", "ModelCheckpoint", "ProgbarLogger", "ReduceLROnPlateau",
        "SwapEMAWeights", "TensorBoard", "TerminateOnNaN", "History",
        # the base, and the list itself
        "Callback", "CallbackList",
        # need other packages or a server
        "OrbaxCheckpoint", "RemoteMonitor",
    } == set()  # fmt: skip
