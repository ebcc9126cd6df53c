"""The function `train`: arguments, recipes, seeds and callbacks."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from mnistcnn import (
    build_model,
    default_callbacks,
    evaluate,
    load_data,
    load_model,
    preprocess,
    recipes,
    train,
)
from mnistcnn.backend import keras, tf
from mnistcnn.training.trainer import Trainer


def quick(xy, model=None, **options):
    """Train on 355 images in a fraction of a second."""
    options = {"epochs": 1, "callbacks": [], "verbose": 0, "seed": 0, **options}
    return train(model or build_model(seed=0), *xy, **options)


def weights_of(history):
    return history.model.get_weights()


def equal(one, other):
    return all(map(np.array_equal, one, other))


def test_the_default_recipe_is_the_baseline(xy, monkeypatch):
    fits = []
    monkeypatch.setattr(
        Trainer, "fit", lambda self, training, validation: fits.append((self, training, validation))
    )
    x, y = xy
    train(build_model(), x, y)
    ((trainer, training, validation),) = fits
    assert trainer.recipe == recipes.BASELINE
    assert (trainer.recipe.epochs, trainer.recipe.batch_size) == (5, 32)
    split = int(len(x) * 0.7)
    assert equal(training, (x[:split], y[:split]))
    assert equal(validation, (x[split:], y[split:]))
    stopping, checkpoint = trainer.callbacks
    assert (stopping.monitor, stopping.min_delta, stopping.patience) == ("val_accuracy", 0.01, 4)
    assert checkpoint.filepath == "bestmodel.keras"


def test_the_best_epoch_is_saved_and_the_history_returned(xy, tmp_path, capfd):
    model = build_model(seed=0)
    history = train(model, *xy, epochs=4, seed=0, verbose=0)
    assert isinstance(history, keras.callbacks.History)
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert all(len(values) == 4 for values in history.history.values())
    assert history.history["loss"][-1] < history.history["loss"][0]
    best = int(np.argmax(history.history["val_accuracy"]))
    split = int(len(xy[0]) * 0.7)
    held_out = xy[0][split:], xy[1][split:]
    result = evaluate(tmp_path / "bestmodel.keras", *held_out)
    assert result.accuracy == pytest.approx(history.history["val_accuracy"][best])
    assert result.loss == pytest.approx(history.history["val_loss"][best], rel=1e-4)
    assert capfd.readouterr() == ("", "")


def test_arguments_override_the_recipe(xy):
    history = quick(xy, epochs=2, batch_size=100, validation_split=0.5)
    assert len(history.epoch) == 2
    assert history.params["steps"] == 2
    recipe = recipes.Recipe(name="mine", epochs=3, batch_size=200)
    history = quick(xy, recipe=recipe, epochs=None, callbacks=None)
    assert len(history.epoch) == 3
    assert history.params["steps"] == 2
    assert sorted(history.history) == ["accuracy", "loss"]


def test_with_validation_data_all_of_x_is_trained_on(xy):
    x, y = xy
    history = quick(xy, batch_size=100, validation_data=(x[:10], y[:10]))
    assert history.params["steps"] == 4
    assert "val_loss" in history.history


def test_the_arrays_are_not_modified(xy):
    before = [array.copy() for array in xy]
    quick(xy)
    assert equal(xy, before)


# Order and seed


def test_the_order_depends_on_the_seed_only(xy):
    """Without dropout and with equal initial weights, only the order changes the weights."""
    model = build_model(seed=0, dropout=0)
    initial = model.get_weights()

    def trained(seed):
        model.set_weights(initial)
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
        return weights_of(quick(xy, model, seed=seed, batch_size=100))

    tf.random.set_seed(1)
    first = trained(3)
    tf.random.set_seed(2)
    assert equal(trained(3), first)
    assert not equal(trained(4), first)


@pytest.mark.usefixtures("small_banks")
def test_seeds_of_any_size_and_none_give_different_orders_and_augmentation():
    model = build_model()
    recipe = recipes.Recipe(
        name="augmented", epochs=1, batch_size=8, augmentation=recipes.Augmentation(rotation=1)
    )
    trainers = [Trainer(model, recipe, seed=seed) for seed in (None, None, 0, 2**70, 2**70 + 1)]
    assert len({tuple(trainer._shuffle_seed) for trainer in trainers}) == 5
    assert len({trainer._augment._seed for trainer in trainers}) == 5


def test_the_same_seed_gives_the_same_weights_and_history(xy):
    first, again = quick(xy, epochs=2), quick(xy, epochs=2)
    assert equal(weights_of(first), weights_of(again))
    assert first.history == again.history


# Errors: raised before the first step, and without writing files


def train_unchanged(xy, **options):
    """Train, and check that an error leaves the model and the folder unchanged."""
    model = build_model(seed=0)
    before = model.get_weights()
    try:
        train(model, *xy, **options)
    finally:
        assert equal(model.get_weights(), before)
        assert int(model.optimizer.iterations) == 0
        assert list(pathlib.Path().iterdir()) == []


CALL = ": call mnistcnn.preprocess first"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x, y: (x * 255, y), ValueError, r"x must lie in \[0, 1\]; received 0\.\.\.255" + CALL),
        (lambda x, y: ((x * 255).astype(np.uint8), y), TypeError, r"x must be floats in \[0, 1\]; received uint8" + CALL),
        (lambda x, y: (x[..., 0], y), ValueError, r"x must have shape \(n, 28, 28, 1\); received \(355, 28, 28\)" + CALL),
        (lambda x, y: (np.where(x > 2, x, np.nan), y), ValueError, r"x must lie in \[0, 1\]; received NaN"),
        (lambda x, y: (x, y.argmax(1) + 1), ValueError, r"y must lie in 0\.\.\.9; received 10"),
        (lambda x, y: (x, y[:, :9]), ValueError, r"received shape \(355, 9\)"),
        (lambda x, y: (x, y * 0.5), ValueError, "received rows that are not one-hot"),
        (lambda x, y: (x, y[:-1]), ValueError, "x and y must have the same length; received 355 and 354"),
        (lambda x, y: (x[:0], y[:0]), ValueError, "x must hold at least one image; received none"),
        (lambda x, y: (x, ["a"] * 355), TypeError, "y must be integers or floats; received dtype <U1"),
    ],
)  # fmt: skip
def test_arrays_are_checked(xy, change, error, message):
    with pytest.raises(error, match=message):
        train_unchanged(change(*xy))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(epochs=0), ValueError, "epochs must be at least 1; received 0"),
        (dict(batch_size="32"), TypeError, "batch_size must be an integer; received '32'"),
        (dict(validation_split=1.2), ValueError, r"validation_split must lie in \[0, 1\); received 1\.2"),
        (dict(validation_split=0.9999), ValueError, "validation_split must leave at least one image to train on and one to validate on; received 0.9999 of 355"),
        (dict(validation_split=1e-20), ValueError, "must leave at least one image .* received 1e-20 of 355"),
        (dict(validation_split=0.0), ValueError, r"EarlyStopping must monitor a metric of the run \(loss, accuracy\); received 'val_accuracy'"),
        (dict(validation_split=0.1, validation_data=(0, 0)), ValueError, "give validation_split or validation_data; received both"),
        (dict(validation_data=np.zeros(3)), TypeError, r"validation_data must be a pair \(x, y\) or a dataset; received ndarray"),
        (dict(validation_data=(np.zeros((2, 28, 28)), [0, 1])), ValueError, r"validation x must have shape \(n, 28, 28, 1\); received \(2, 28, 28\)"),
        (dict(callbacks="bestmodel.keras"), TypeError, "callbacks must be a list of Keras callbacks; received 'bestmodel.keras'"),
        (dict(callbacks=keras.callbacks.TerminateOnNaN()), TypeError, "callbacks must be a list of Keras callbacks; received <"),
        (dict(callbacks=[print]), TypeError, "callbacks must be Keras callbacks; received <built-in function print>"),
        (dict(callbacks=[keras.callbacks.ReduceLROnPlateau(monitor="val_f1")]), ValueError, "ReduceLROnPlateau must monitor .*; received 'val_f1'"),
        (dict(recipe="quick"), ValueError, "recipe must be one of 'baseline', 'fast', 'best', 'robust'; received 'quick'"),
        (dict(seed=-3), ValueError, "seed must be at least 0; received -3"),
        (dict(verbose=3), ValueError, "verbose must be one of 'auto', 0, 1, 2; received 3"),
    ],
)  # fmt: skip
def test_options_are_checked(xy, options, error, message):
    with pytest.raises(error, match=message):
        train_unchanged(xy, **options)


def test_models_are_checked(xy):
    with pytest.raises(TypeError, match=r"model must be a Keras model; received 'a\.keras'"):
        train("a.keras", *xy)
    layers = [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(9)]
    model = keras.Sequential(layers)
    with pytest.raises(ValueError, match="model must be compiled; call its compile method first"):
        train(model, *xy)
    model.compile(loss="mse")
    with pytest.raises(
        ValueError,
        match=r"model must return 10 probabilities for each image; received one that returns shape \(9,\)",
    ):
        train(model, *xy)
    other = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Flatten()])
    other.compile(loss="mse")
    with pytest.raises(
        ValueError,
        match=r"model must take images of shape \(28, 28, 1\); received one that takes \(32, 32, 1\)",
    ):
        train(other, *xy)


# Callbacks passed by the user


class Interrupt(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        if self.model.optimizer.iterations >= 20:
            raise KeyboardInterrupt


def test_the_best_file_remains_after_an_interrupt(xy, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        quick(xy, epochs=9, callbacks=[*default_callbacks(), Interrupt()])
    load_model(tmp_path / "bestmodel.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["bestmodel.keras"]


def test_the_callbacks_of_the_published_notebook_work_unchanged(xy, tmp_path):
    """Keras' classes that monitor ``val_acc``, its name before Keras 2.3."""
    stopping = keras.callbacks.EarlyStopping(monitor="val_acc", min_delta=0.01, patience=4)
    checkpoint = keras.callbacks.ModelCheckpoint(
        "best.keras", monitor="val_acc", save_best_only=True
    )
    quick(xy, epochs=2, callbacks=[stopping, checkpoint])
    assert (tmp_path / "best.keras").exists()
    assert stopping.monitor == checkpoint.monitor == "val_acc"
    assert stopping.best is not None


def test_callbacks_of_keras(xy, tmp_path):
    log = tmp_path / "log.csv"
    rates = []
    callbacks = [
        keras.callbacks.CSVLogger(str(log)),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.001 / (epoch + 1)),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: rates.append(dict(logs))),
        keras.callbacks.ReduceLROnPlateau(monitor="learning_rate", mode="min"),
        keras.callbacks.TerminateOnNaN(),
    ]
    history = quick(xy, epochs=2, callbacks=callbacks)
    assert [logs["learning_rate"] for logs in rates] == pytest.approx([0.001, 0.0005])
    assert "learning_rate" in history.history
    header, *lines = log.read_text().splitlines()
    assert len(lines) == 2
    assert set(header.split(",")) >= {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}


def test_early_stopping(xy):
    stopping = keras.callbacks.EarlyStopping(monitor="loss", patience=0, min_delta=100)
    assert len(quick(xy, epochs=9, callbacks=[stopping]).epoch) == 2


def test_verbose(xy, capsys):
    quick(xy, verbose=2)
    printed = capsys.readouterr().out
    assert "val_accuracy" in printed
    assert len(printed.splitlines()) == 1
    quick(xy, verbose=1)
    assert "━" in capsys.readouterr().out
    quick(xy, verbose="auto")
    # Not a terminal: one line per epoch.
    assert len(capsys.readouterr().out.splitlines()) == 1


# The recipe fast


def test_fast_is_one_epoch_and_restores_the_dropout_rate(xy):
    model = build_model(seed=0)
    history = train(model, *xy, recipe="fast", seed=0, verbose=0)
    assert history.params["steps"] == 3
    assert sorted(history.history) == ["accuracy", "loss"]
    assert model.get_layer("dropout").rate == 0.25


def test_training_can_continue_after_fast(xy):
    """The recipe's schedule ends at a learning rate of 0; the model's optimizer is restored."""
    model = build_model(seed=0)
    optimizer = model.optimizer
    train(model, *xy, recipe="fast", seed=0, verbose=0)
    assert model.optimizer is optimizer
    before = model.get_weights()
    quick(xy, model)
    assert not any(map(np.array_equal, before, model.get_weights()))


def test_fast_rejects_another_schedule(xy):
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    with pytest.raises(
        ValueError,
        match=r"callbacks must not set the learning rate, which the recipe schedules; received LearningRateScheduler",
    ):
        train_unchanged(xy, recipe="fast", callbacks=[schedule])


def test_the_dropout_rate_is_restored_after_an_interrupt(xy):
    model = build_model(seed=0)
    with pytest.raises(KeyboardInterrupt):
        train(model, *xy, recipe="fast", epochs=30, callbacks=[Interrupt()], verbose=0)
    assert model.get_layer("dropout").rate == 0.25


def test_a_recipe_with_dropout_needs_a_model_with_dropout(xy):
    recipe = recipes.Recipe(name="late", epochs=1, batch_size=32, dropout=0.25)
    message = (
        "the recipe's dropout must be 0 for a model that was built with dropout=0; received 0.25"
    )
    with pytest.raises(ValueError, match=message):
        train(build_model(dropout=0.0, seed=0), *xy, recipe=recipe, verbose=0)
    plain = recipes.Recipe(name="none", epochs=1, batch_size=32, dropout=0.0)
    train(build_model(dropout=0.0, seed=0), *xy, recipe=plain, verbose=0)


# Real MNIST


@pytest.mark.mnist
def test_baseline_reaches_the_published_metrics_on_mnist(mnist_path, tmp_path):
    """Run the command and compare with the metrics of the published notebook."""
    subprocess.run(
        [sys.executable, "-m", "mnistcnn", "train", "--data", mnist_path, "--seed", "3"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    report = json.loads((tmp_path / "mnistcnn-run" / "result.json").read_text())
    assert report["recipe"]["epochs"] == 5
    assert max(report["history"]["val_accuracy"]) >= 0.9711
    assert min(report["history"]["val_loss"]) <= 0.0993
    assert report["test"]["accuracy"] >= 0.975
    assert report["test"]["num_images"] == 10_000


@pytest.mark.mnist
def test_fast_reaches_its_accuracy_on_mnist(mnist_path):
    (x_train, y_train), (x_test, y_test) = load_data(mnist_path)
    model = build_model(seed=20)
    x, y = preprocess(x_train, y_train)
    history = train(model, x, y, recipe="fast", seed=20, verbose=0)
    assert (history.params["epochs"], history.params["steps"]) == (1, 469)
    assert evaluate(model, *preprocess(x_test, y_test)).accuracy >= 0.985
