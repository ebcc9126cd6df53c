"""The default callbacks, driven by scripted figures as Keras tests its own."""

import numpy as np
import pytest

from mnistcnn import build_model, default_callbacks, load_model
from mnistcnn.backend import keras
from mnistcnn.training.callbacks import translated_monitors


def test_the_documents_two_callbacks():
    stopping, checkpoint = default_callbacks()
    assert isinstance(stopping, keras.callbacks.EarlyStopping)
    assert (stopping.monitor, stopping.min_delta, stopping.patience) == ("val_accuracy", 0.01, 4)
    assert isinstance(checkpoint, keras.callbacks.ModelCheckpoint)
    assert (checkpoint.monitor, checkpoint.filepath) == ("val_accuracy", "bestmodel.keras")
    assert checkpoint.save_best_only


def test_each_call_makes_new_ones():
    first, second = default_callbacks(), default_callbacks()
    assert first is not second
    assert not set(map(id, first)) & set(map(id, second))


@pytest.mark.parametrize(
    ("monitor", "understood", "mode"),
    [
        ("val_acc", "val_accuracy", "max"),
        ("acc", "accuracy", "max"),
        ("accuracy", "accuracy", "max"),
        ("val_loss", "val_loss", "min"),
    ],
)
def test_monitor_by_its_old_and_new_name(monitor, understood, mode):
    for callback in default_callbacks(monitor=monitor):
        assert (callback.monitor, callback.mode) == (understood, mode)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(filepath="best.pkl"), ValueError, "filepath must end in .keras or .h5; received 'best.pkl'"),
        (dict(filepath=3), TypeError, "filepath must be a path; received 3"),
        (dict(monitor="val_f1"), ValueError, "monitor must be one of .*; received 'val_f1'"),
        (dict(monitor=None), ValueError, "monitor must be one of .*; received None"),
        (dict(min_delta=-0.1), ValueError, "min_delta must be at least 0; received -0.1"),
        (dict(patience=1.5), TypeError, "patience must be an integer; received 1.5"),
    ],
)  # fmt: skip
def test_options_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        default_callbacks(**options)


def test_a_folder_is_refused_before_training(tmp_path):
    (tmp_path / "best.keras").mkdir()
    with pytest.raises(ValueError, match="filepath must be a file; 'best.keras' is a folder"):
        default_callbacks("best.keras")


def run(callbacks, figures, name="val_accuracy"):
    """Feed scripted epochs to callbacks; return the first weight of each epoch's network."""
    model = build_model(seed=0)
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()
    for epoch, figure in enumerate(figures):
        weights = model.get_weights()
        weights[1][0] = epoch
        model.set_weights(weights)
        for callback in callbacks:
            callback.on_epoch_end(epoch, {name: figure})
    return model


def best_epoch(path="bestmodel.keras"):
    return load_model(path).get_weights()[1][0]


@pytest.mark.parametrize(
    ("figures", "best"),
    [
        ([0.1, 0.5, 0.4], 1),
        ([0.5, 0.5, 0.5], 0),
        ([0.1, 0.1001], 1),
        ([np.nan, 0.2, 0.1], 1),
        ([0.2, np.nan, 0.3, np.nan], 2),
    ],
)
def test_the_best_epoch_is_kept(figures, best):
    run(default_callbacks()[1:], figures)
    assert best_epoch() == best


def test_a_loss_is_best_when_least():
    run(default_callbacks("least.h5", monitor="val_loss")[1:], [0.5, 0.2, 0.3], "val_loss")
    assert best_epoch("least.h5") == 1


def test_weights_alone_can_be_kept():
    run(default_callbacks("best.weights.h5")[1:], [0.5, 0.2])
    assert best_epoch("best.weights.h5") == 0


def test_only_nan_keeps_nothing(tmp_path):
    run(default_callbacks()[1:], [np.nan, np.nan])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_figure_is_said_at_the_end_of_the_epoch():
    with pytest.raises(
        ValueError,
        match=r"ModelCheckpoint must monitor a metric of the run \(loss\); received 'val_accuracy'",
    ):
        run(default_callbacks()[1:], [0.5], name="loss")


def test_stopping_is_the_documents():
    stopping = default_callbacks()[:1]
    assert run(stopping, [0.90, 0.905, 0.906, 0.907, 0.908]).stop_training
    stopping = default_callbacks()[:1]
    assert not run(stopping, [0.90, 0.905, 0.906, 0.907, 0.92]).stop_training


FIGURES = ["loss", "accuracy", "val_loss", "val_accuracy"]


def test_a_figure_that_will_be_absent_is_refused():
    callback = keras.callbacks.EarlyStopping(monitor="val_f1")
    with (
        pytest.raises(
            ValueError,
            match=r"EarlyStopping must monitor a metric of the run \(loss, accuracy, val_loss, val_accuracy\); received 'val_f1'",
        ),
        translated_monitors([callback], FIGURES),
    ):
        raise AssertionError("the block must not begin")


def test_an_old_name_means_the_new_one_while_it_lasts():
    callback = keras.callbacks.EarlyStopping(monitor="val_acc")
    with translated_monitors([callback], FIGURES):
        assert callback.monitor == "val_accuracy"
    assert callback.monitor == "val_acc"
    with translated_monitors([callback], ["val_acc"]):
        assert callback.monitor == "val_acc"


def test_callbacks_that_watch_nothing_are_let_be():
    every_epoch = keras.callbacks.ModelCheckpoint("{epoch}.keras")  # its monitor is val_loss
    with translated_monitors([every_epoch, keras.callbacks.TerminateOnNaN()], ["loss"]):
        pass


def test_a_schedule_brings_its_own_figure():
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    watcher = keras.callbacks.EarlyStopping(monitor="learning_rate", mode="min")
    with translated_monitors([schedule, watcher], ["loss"]):
        pass
