"""The function `train`: arguments, recipes, seeds and callbacks."""

import dataclasses
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
from mnistcnn.training.inputs import DataOptions, _class_weights, prepare_data
from mnistcnn.training.trainer import Trainer
from tests.helpers.models import FitSequential, letter_network


def quick(xy, model=None, **options):
    """Train on 355 images in a fraction of a second."""
    options = {"epochs": 1, "callbacks": [], "verbose": 0, "seed": 0, **options}
    return train(model or build_model(seed=0), *xy, **options)


def weights_of(history):
    return history.model.get_weights()


def equal(one, other):
    return all(map(np.array_equal, one, other))


@pytest.fixture(scope="module")
def two_epochs(xy):
    """The history of a run that several tests compare with theirs; it must not be changed."""
    before = [array.copy() for array in xy]
    history = quick(xy, epochs=2)
    assert equal(xy, before)  # training does not modify the arrays
    return history


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


# Labels, classes and weights


def test_the_same_seed_gives_the_same_run_with_integer_and_one_hot_labels(xy, two_epochs):
    x, y = xy
    result = quick((x, y.argmax(axis=1)), epochs=2)
    assert equal(weights_of(result), weights_of(two_epochs))
    assert result.history == two_epochs.history


def dense_network(kind=keras.Sequential):
    start = keras.initializers.GlorotUniform(seed=1)
    dense = keras.layers.Dense(10, "softmax", kernel_initializer=start)
    return kind([keras.Input((28, 28, 1)), keras.layers.Flatten(), dense])


def sparse(model):
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def categorical(model):
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(None, marks=pytest.mark.slow),
        keras.Sequential,
        pytest.param(FitSequential, marks=pytest.mark.slow),
    ],
)
def test_a_model_compiled_sparse_takes_either_form(xy, kind):
    """The baseline network, one that `KerasStep` trains and one that fit trains."""
    x, y = xy

    def build():
        return build_model(seed=0) if kind is None else dense_network(kind)

    expected = quick(xy, categorical(build()), batch_size=100)
    dataset = tf.data.Dataset.from_tensor_slices((x, y.argmax(axis=1))).batch(100)
    for labels in (y, y.argmax(axis=1)):
        result = quick((x, labels), sparse(build()), batch_size=100)
        assert result.history.keys() == expected.history.keys()
        for name, values in expected.history.items():
            assert result.history[name] == pytest.approx(values, rel=1e-3), name
        for one, other in zip(weights_of(result), weights_of(expected), strict=True):
            assert np.allclose(one, other, atol=1e-5)
    history = train(sparse(build()), dataset, callbacks=[], validation_data=dataset, verbose=0)
    assert "val_accuracy" in history.history


def test_a_recipe_that_changes_the_labels_needs_a_loss_of_one_hot_labels(xy):
    train(sparse(build_model(seed=0)), *xy, recipe="fast", verbose=0)  # by the compiled step
    message = (
        "model must be compiled with a loss of one-hot labels for the recipe 'fast', which smooths "
        "the labels; received sparse_categorical_crossentropy: compile it with "
        "categorical_crossentropy"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        train(sparse(letter_network(10)), *xy, recipe="fast", verbose=0)


@pytest.mark.slow
def test_other_numbers_of_classes_with_label_smoothing_or_a_teacher(xy):
    x, labels = xy[0], xy[1].argmax(axis=1) // 4
    teacher = dataclasses.replace(recipes.FAST, name="teacher", dropout=0.1)
    distilled = dataclasses.replace(recipes.FAST, label_smoothing=0.0, teacher=teacher)
    for recipe in (recipes.FAST, distilled):
        train(build_model(num_classes=3, seed=0), x, labels, recipe=recipe, verbose=0)


def test_other_numbers_of_classes(xy, tmp_path):
    """The file keeps the names of the classes."""
    x, labels = xy[0], xy[1].argmax(axis=1) // 4
    model = build_model(num_classes=3, seed=0)
    train(model, x, labels, class_names=["low", "medium", "high"], epochs=3, seed=0, verbose=0)
    result = evaluate("bestmodel.keras", x, labels)
    assert result.class_names == model.class_names == ("low", "medium", "high")
    assert result.accuracy > 0.6


def without_dropout():
    return build_model(seed=0, dropout=0)


def letters():
    return letter_network(10)


@pytest.mark.parametrize(
    ("kind", "build"),
    [
        ("arrays", without_dropout),
        ("PyDataset", letters),
        pytest.param("arrays", letters, marks=pytest.mark.slow),
        pytest.param("tf.data", without_dropout, marks=pytest.mark.slow),
        pytest.param("tf.data", letters, marks=pytest.mark.slow),
        pytest.param("PyDataset", without_dropout, marks=pytest.mark.slow),
    ],
)
def test_weights_are_those_of_keras(xy, kind, build):
    """Classes and images have weights, also in validation."""
    x, y = xy[0][:120], xy[1][:120]
    weights = np.random.default_rng(0).uniform(0, 3, len(x)).astype(np.float32)
    class_weight = {1: 0.0, 7: 5.0}
    of_classes = np.ones(10, np.float32)
    of_classes[[1, 7]] = 0.0, 5.0
    validation = x[:50], y[:50], weights[:50]
    models = [categorical(build()) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        for layer in model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0
    expected = models[0].fit(
        x, y, sample_weight=weights * of_classes[y.argmax(axis=1)], batch_size=120,
        validation_data=validation, verbose=0,
    )  # fmt: skip
    options = {"batch_size": 120, "sample_weight": weights}
    data = (x, y)
    if kind != "arrays":
        options = {}
        batch = tf.data.Dataset.from_tensors((x, y, weights))
        data = (batch if kind == "tf.data" else OneBatch(x, y, weights),)
    result = quick(
        data, models[1], validation_data=validation, class_weight=class_weight, **options
    )
    for name, values in expected.history.items():
        assert result.history[name] == pytest.approx(values, rel=1e-3), name
    for one, other in zip(weights_of(result), models[0].get_weights(), strict=True):
        assert np.allclose(one, other, atol=1e-5)
    unweighted = quick((x, y), categorical(build()), batch_size=120, validation_split=0.0)
    assert not np.isclose(unweighted.history["loss"], result.history["loss"])


class OneBatch(keras.utils.PyDataset):
    def __init__(self, *batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.batch


def test_balanced_class_weights_are_those_of_scikit_learn(xy):
    from sklearn.utils.class_weight import compute_class_weight

    y = xy[1][xy[1].argmax(axis=1) != 3]
    options = DataOptions(num_classes=10, class_weight="balanced")
    weights = _class_weights(options, y)
    present = np.delete(np.arange(10), 3)
    labels = y.argmax(axis=1)
    balanced = compute_class_weight("balanced", classes=present, y=labels)
    # scikit-learn counts the classes that are present.
    assert weights[present] * 10 == pytest.approx(balanced * 9, rel=1e-5)
    assert weights[3] == 1


# Validation splits


def splits(y, **options):
    """Return the labels of both parts, and the indices of the images held out."""
    x = np.zeros((len(y), 28, 28, 1), np.float32)
    x[:, 0, 0, 0] = np.arange(len(y)) / len(y)
    options = DataOptions(num_classes=10, validation_split=0.3, **options)
    training, validation = prepare_data(recipes.BASELINE, x, y, options)
    numbers = [np.rint(part.x[:, 0, 0, 0] * len(y)).astype(int) for part in (training, validation)]
    assert np.array_equal(np.sort(np.concatenate(numbers)), np.arange(len(y)))
    for part, indices in zip((training, validation), numbers, strict=True):
        assert np.array_equal(part.y, y[indices])
        assert np.array_equal(part.sample_weight, options.sample_weight[indices])
        assert np.all(np.diff(indices) > 0)  # in their order
    return training.y.argmax(axis=1), validation.y.argmax(axis=1), numbers[1]


@pytest.mark.parametrize("split", ["last", "shuffled", "stratified"])
def test_every_split_holds_out_the_same_number_of_images(xy, split):
    y, weights = xy[1], np.arange(355, dtype=np.float32)
    training, validation, held_out = splits(y, split=split, sample_weight=weights)
    assert (len(training), len(validation)) == (248, 107)
    again = splits(y, split=split, sample_weight=weights)[2]
    assert np.array_equal(held_out, again)
    assert np.array_equal(held_out, splits(y, split=split, sample_weight=weights, seed=0)[2])
    other = splits(y, split=split, sample_weight=weights, seed=1)[2]
    assert np.array_equal(held_out, other) == (split == "last")


def test_a_stratified_split_has_each_class_in_proportion():
    labels = np.sort(np.random.default_rng(0).choice(4, 200, p=[0.7, 0.2, 0.08, 0.02]))
    y, weights = np.eye(10, dtype=np.float32)[labels], np.ones(200, np.float32)
    counts = np.bincount(labels, minlength=4)
    _, last, _ = splits(y, sample_weight=weights)
    assert set(last) != {0, 1, 2, 3}  # the labels are sorted
    for seed in range(5):
        _, validation, _ = splits(y, split="stratified", seed=seed, sample_weight=weights)
        assert np.all(np.abs(np.bincount(validation, minlength=4) - 0.3 * counts) < 1)


def test_the_split_is_an_argument_of_train(xy):
    x, y = xy
    order = np.argsort(y.argmax(axis=1))
    history = quick((x[order], y[order]), split="stratified", epochs=3)
    assert history.history["val_accuracy"][-1] > 0.5


def test_a_dataset_needs_no_validation_data_if_no_callback_does(xy):
    dataset = tf.data.Dataset.from_tensor_slices(xy).batch(100)
    watch = [keras.callbacks.EarlyStopping(monitor="loss")]
    history = train(build_model(seed=0), dataset, epochs=1, callbacks=watch, verbose=0)
    assert sorted(history.history) == ["accuracy", "loss"]


# Networks of one's own


def test_another_network_is_trained_saved_and_evaluated(xy, tmp_path):
    x, labels = xy[0], xy[1].argmax(axis=1) + 10
    model = letter_network()
    options = dict(epochs=4, batch_size=32, seed=0, verbose=0)
    history = train(model, x, labels, callbacks=default_callbacks("mine.keras"), **options)
    best = int(np.argmax(history.history["val_accuracy"]))
    split = int(len(x) * 0.7)
    loaded = load_model("mine.keras", model=letter_network(seed=1))
    result = evaluate(loaded, x[split:], labels[split:])
    assert result.accuracy == pytest.approx(history.history["val_accuracy"][best])
    assert result.loss == pytest.approx(history.history["val_loss"][best], rel=1e-4)


# File names of checkpoints


def test_each_better_epoch_has_a_file_of_its_own(xy, tmp_path):
    callbacks = default_callbacks("best-{epoch:02d}-{val_acc:.3f}-{{x}}.weights.h5")
    history = quick(xy, epochs=3, callbacks=callbacks).history["val_accuracy"]
    best = [i for i in range(3) if history[i] > max([0, *history[:i]])]
    names = {f"best-{i + 1:02d}-{history[i]:.3f}-{{x}}.weights.h5" for i in best}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_fields_in_file_names_of_keras_checkpoints(xy, tmp_path):
    checkpoint = keras.callbacks.ModelCheckpoint(
        "{epoch}-{acc:.3f}-{{a}}.weights.h5", save_weights_only=True
    )
    accuracy = quick(xy, callbacks=[checkpoint]).history["accuracy"][0]
    assert [path.name for path in tmp_path.iterdir()] == [f"1-{accuracy:.3f}-{{a}}.weights.h5"]
    assert checkpoint.filepath == "{epoch}-{acc:.3f}-{{a}}.weights.h5"


def test_unknown_fields_in_file_names_are_rejected(xy):
    names = r"\(loss, accuracy, val_loss, val_accuracy, epoch, batch\)"
    for checkpoint in (
        default_callbacks("{val_f1}.keras")[1],
        keras.callbacks.ModelCheckpoint("{val_f1}.keras"),
    ):
        kind = type(checkpoint).__name__
        message = (
            f"{kind} must have a filepath with fields of the run {names}; received '{{val_f1}}'"
        )
        with pytest.raises(ValueError, match=f"^{message}$"):
            train_unchanged(xy, callbacks=[checkpoint])


def test_the_metric_acc_of_a_model_is_the_accuracy(xy, tmp_path):
    model = build_model(seed=0)
    model.compile("adam", "categorical_crossentropy", metrics=["acc"])
    callbacks = default_callbacks("{val_accuracy:.2f}.weights.h5")
    history = quick(xy, model, callbacks=callbacks).history
    assert "val_acc" in history
    assert len(list(tmp_path.iterdir())) == 1


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
        (lambda x, y: (x, y[:, :9]), ValueError, r"y must be one-hot of shape \(n, 10\), or integers of shape \(n,\); received shape \(355, 9\)" + CALL),
        (lambda x, y: (x, y.argmax(1) + 5), ValueError, r"y must lie in 0\.\.\.9; received 1\d in row \d"),
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
        (dict(validation_data=np.zeros(3)), TypeError, r"validation_data must be a pair \(x, y\) or \(x, y, sample_weight\), or a dataset; received ndarray"),
        (dict(validation_data=(np.zeros((2, 28, 28)), [0, 1])), ValueError, r"validation x must have shape \(n, 28, 28, 1\); received \(2, 28, 28\)"),
        (dict(callbacks="bestmodel.keras"), TypeError, "callbacks must be a list of Keras callbacks; received 'bestmodel.keras'"),
        (dict(callbacks=keras.callbacks.TerminateOnNaN()), TypeError, "callbacks must be a list of Keras callbacks; received <"),
        (dict(callbacks=[print]), TypeError, "callbacks must be Keras callbacks; received <built-in function print>"),
        (dict(callbacks=[keras.callbacks.ReduceLROnPlateau(monitor="val_f1")]), ValueError, "ReduceLROnPlateau must monitor .*; received 'val_f1'"),
        (dict(recipe="quick"), ValueError, "recipe must be one of 'baseline', 'fast', 'best', 'robust', 'finetune'; received 'quick'"),
        (dict(seed=-3), ValueError, "seed must be at least 0; received -3"),
        (dict(split="first"), ValueError, "split must be one of 'last', 'shuffled', 'stratified'; received 'first'"),
        (dict(sample_weight=np.ones(9)), ValueError, r"sample_weight must have shape \(355,\), one weight per image; received \(9,\)"),
        (dict(sample_weight=np.full(355, -1)), ValueError, "sample_weight must be finite and at least 0; received -1 in row 0"),
        (dict(sample_weight=["a"] * 355), TypeError, "sample_weight must be integers or floats; received dtype <U1"),
        (dict(class_weight=[1.0] * 10), TypeError, "class_weight must be 'balanced' or a dictionary from classes to weights; received"),
        (dict(class_weight="even"), TypeError, "class_weight must be 'balanced' or a dictionary from classes to weights; received 'even'"),
        (dict(class_weight={10: 2.0}), ValueError, r"class_weight must have classes in 0\.\.\.9; received 10"),
        (dict(class_weight={"3": 2.0}), TypeError, "a class in class_weight must be an integer; received '3'"),
        (dict(class_weight={3: -2.0}), ValueError, r"the weight of class 3 must be at least 0; received -2\.0"),
        (dict(class_names=["a"]), ValueError, "class_names must hold 10 names; received 1"),
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
    with pytest.raises(ValueError, match=r"y must be one-hot of shape \(n, 9\), or .*; received"):
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


def test_fast_is_one_epoch_and_restores_dropout_rate_and_optimizer(xy):
    model = build_model(seed=0)
    optimizer = model.optimizer
    history = train(model, *xy, recipe="fast", seed=0, verbose=0)
    assert history.params["steps"] == 3
    assert sorted(history.history) == ["accuracy", "loss"]
    assert model.get_layer("dropout").rate == 0.25
    # Training can continue, though the recipe's schedule ends at a learning rate of 0.
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
