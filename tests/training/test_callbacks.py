"""The default callbacks, run on given metrics, and the checks of callbacks."""

import numpy as np
import pytest

from mnistcnn import build_model, default_callbacks, load_model
from mnistcnn.backend import keras
from mnistcnn.training.callbacks import translated_monitors


def test_the_default_callbacks():
    stopping, checkpoint = default_callbacks()
    assert isinstance(stopping, keras.callbacks.EarlyStopping)
    assert (stopping.monitor, stopping.min_delta, stopping.patience) == ("val_accuracy", 0.01, 4)
    assert isinstance(checkpoint, keras.callbacks.ModelCheckpoint)
    assert (checkpoint.monitor, checkpoint.filepath) == ("val_accuracy", "bestmodel.keras")
    assert checkpoint.save_best_only


def test_each_call_returns_new_callbacks():
    first, second = default_callbacks(), default_callbacks()
    assert first is not second
    assert not set(map(id, first)) & set(map(id, second))


@pytest.mark.parametrize(
    ("monitor", "metric", "mode"),
    [
        ("val_acc", "val_accuracy", "max"),
        ("acc", "accuracy", "max"),
        ("accuracy", "accuracy", "max"),
        ("val_loss", "val_loss", "min"),
    ],
)
def test_old_and_new_names_of_metrics(monitor, metric, mode):
    for callback in default_callbacks(monitor=monitor):
        assert (callback.monitor, callback.mode) == (metric, mode)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(filepath="best.pkl"), ValueError, "filepath must end in .keras or .h5; received 'best.pkl'"),
        (dict(filepath=3), TypeError, "filepath must be a path; received 3"),
        (dict(monitor="val_f1"), ValueError, "monitor must be one of .*; received 'val_f1'"),
        (dict(monitor=None), ValueError, "monitor must be one of .*; received None"),
        (dict(min_delta=-0.1), ValueError, "min_delta must be at least 0; received -0.1"),
        (dict(filepath="{epoch.keras"), ValueError, r"filepath must have fields such as \{epoch:02d\}, and other braces doubled; received '\{epoch.keras': "),
        (dict(filepath="{}.keras"), ValueError, r"filepath must have fields of metrics or epoch, such as \{epoch:02d\}; received '\{\}'"),
        (dict(filepath="{epoch.real}.keras"), ValueError, r"filepath must have fields of metrics or epoch, .*; received '\{epoch.real\}'"),
        (dict(patience=1.5), TypeError, "patience must be an integer; received 1.5"),
    ],
)  # fmt: skip
def test_options_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        default_callbacks(**options)


def test_the_file_must_not_be_a_folder(tmp_path):
    (tmp_path / "best.keras").mkdir()
    with pytest.raises(ValueError, match="filepath must be a file; 'best.keras' is a folder"):
        default_callbacks("best.keras")


@pytest.fixture(scope="module")
def model():
    return build_model(seed=0)


def run(model, callbacks, values, name="val_accuracy"):
    """Call the callbacks with these values; the first bias of the model is the epoch."""
    model.stop_training = False
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()
    for epoch, value in enumerate(values):
        weights = model.get_weights()
        weights[1][0] = epoch
        model.set_weights(weights)
        for callback in callbacks:
            callback.on_epoch_end(epoch, {name: value})
    return model


def best_epoch(path="bestmodel.keras"):
    return load_model(path).get_weights()[1][0]


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ([0.1, 0.5, 0.4], 1),
        ([0.5, 0.5, 0.5], 0),
        ([0.1, 0.1001], 1),
        ([np.nan, 0.2, 0.1], 1),
        ([0.2, np.nan, 0.3, np.nan], 2),
    ],
)
def test_the_best_epoch_is_saved(model, values, best):
    run(model, default_callbacks()[1:], values)
    assert best_epoch() == best


def test_the_lowest_loss_is_the_best(model):
    run(model, default_callbacks("least.h5", monitor="val_loss")[1:], [0.5, 0.2, 0.3], "val_loss")
    assert best_epoch("least.h5") == 1


def test_a_weights_file_is_saved(model):
    run(model, default_callbacks("best.weights.h5")[1:], [0.5, 0.2])
    assert best_epoch("best.weights.h5") == 0


def test_fields_are_filled_in(model, tmp_path):
    callbacks = default_callbacks("{epoch}-{val_acc:.1f}.weights.h5")[1:]
    run(model, callbacks, [0.5, 0.25, 0.75])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "1-0.5.weights.h5",
        "3-0.8.weights.h5",
    ]


def test_an_unknown_field_raises_at_the_end_of_the_epoch(model):
    message = (
        r"^ModelCheckpoint must have a filepath with fields of the run \(val_accuracy, epoch\); "
        r"received '\{val_loss\}'$"
    )
    with pytest.raises(ValueError, match=message):
        run(model, default_callbacks("{val_loss}.keras")[1:], [0.5])


def test_nan_is_never_saved(model, tmp_path):
    run(model, default_callbacks()[1:], [np.nan, np.nan])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_metric_raises_at_the_end_of_the_epoch(model):
    with pytest.raises(
        ValueError,
        match=r"ModelCheckpoint must monitor a metric of the run \(loss\); received 'val_accuracy'",
    ):
        run(model, default_callbacks()[1:], [0.5], name="loss")


def test_early_stopping(model):
    stopping = default_callbacks()[:1]
    assert run(model, stopping, [0.90, 0.905, 0.906, 0.907, 0.908]).stop_training
    stopping = default_callbacks()[:1]
    assert not run(model, stopping, [0.90, 0.905, 0.906, 0.907, 0.92]).stop_training


METRICS = ["loss", "accuracy", "val_loss", "val_accuracy"]


def test_an_unknown_metric_is_rejected():
    callback = keras.callbacks.EarlyStopping(monitor="val_f1")
    with (
        pytest.raises(
            ValueError,
            match=r"EarlyStopping must monitor a metric of the run \(loss, accuracy, val_loss, val_accuracy\); received 'val_f1'",
        ),
        translated_monitors([callback], METRICS),
    ):
        raise AssertionError("the block must not run")


def test_old_names_are_translated_within_the_block():
    callback = keras.callbacks.EarlyStopping(monitor="val_acc")
    with translated_monitors([callback], METRICS):
        assert callback.monitor == "val_accuracy"
    assert callback.monitor == "val_acc"
    with translated_monitors([callback], ["val_acc"]):
        assert callback.monitor == "val_acc"


def test_callbacks_without_a_monitor_are_accepted():
    every_epoch = keras.callbacks.ModelCheckpoint("{epoch}.keras")  # its unused monitor is val_loss
    with translated_monitors([every_epoch, keras.callbacks.TerminateOnNaN()], ["loss"]):
        pass


def test_a_schedule_adds_the_metric_learning_rate():
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    stopping = keras.callbacks.EarlyStopping(monitor="learning_rate", mode="min")
    with translated_monitors([schedule, stopping], ["loss"]):
        pass
