"""The compiled loop does what Keras' ``fit`` does, hook for hook and weight for weight."""

import gc
import inspect
import weakref

import keras.callbacks as stock
import numpy as np
import pytest

from mnistcnn import build_model, evaluate, train
from mnistcnn.backend import keras, tf
from mnistcnn.training.epoch_iterator import epoch_order
from mnistcnn.training.keras_fit import batches
from mnistcnn.training.train_step import TrainStep, supports_fast_step


def run(xy, callbacks, model=None, *, epochs=2, **options):
    options = {"batch_size": 100, "seed": 0, "verbose": 0, **options}
    model = model or build_model(seed=0)
    return train(model, *xy, epochs=epochs, callbacks=callbacks, **options)


HOOKS = [name for name, _ in inspect.getmembers(stock.Callback) if name.startswith("on_")]


class Scribe(stock.Callback):
    """Writes down each hook with its number and the names of its figures."""

    def __init__(self):
        super().__init__()
        self.calls = []


def _write(name):
    def hook(self, *arguments, logs=None):
        *number, logs = (*arguments, logs) if logs is not None or not arguments else arguments
        if isinstance(logs, int):
            number, logs = [logs], None
        self.calls.append((name, *number, *sorted(logs or {})))

    return hook


for _name in HOOKS:
    if _name not in ("on_batch_begin", "on_batch_end"):  # Keras calls these by way of the others
        setattr(Scribe, _name, _write(_name))


def test_every_hook_comes_as_in_fit(xy):
    x, y = xy
    validation = (x[:300], y[:300])
    ours, keras_own = Scribe(), Scribe()
    run(xy, [ours], validation_data=validation)
    build_model(seed=0).fit(
        x, y, epochs=2, batch_size=100, validation_data=validation, validation_batch_size=250,
        callbacks=[keras_own], verbose=0,
    )  # fmt: skip
    assert ours.calls == keras_own.calls
    assert len(ours.calls) == 2 + 2 * (2 + 2 * 4 + 2 + 2 * 2)


def test_without_a_listener_many_steps_share_a_call(xy, monkeypatch):
    """Seen by the progress bar, which is told once a call."""
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


def test_it_ends_where_fit_ends(xy):
    """The same order of images, no dropout: the same weights up to rounding."""
    x, y = xy
    draw = np.random.SeedSequence(7).generate_state(2).tolist()
    ours, theirs = build_model(seed=0, dropout=0), build_model(seed=0, dropout=0)
    for model in (ours, theirs):  # Adam would not see gradients that are twice too large
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    history = run(xy, [], ours, epochs=2, seed=7, batch_size=33, validation_split=0.0)
    losses = []
    for epoch in range(2):
        order = epoch_order(len(x), draw, epoch).numpy()
        fitted = theirs.fit(x[order], y[order], batch_size=33, shuffle=False, verbose=0)
        losses += fitted.history["loss"]
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.allclose(one, other, atol=1e-5)
    assert history.history["loss"] == pytest.approx(losses, rel=1e-3)


def test_many_trainings_draw_no_warning_and_keep_no_images(xy, capfd):
    """TensorFlow remarks on the fifth retracing; a graph that held the images would keep them."""
    held = []
    original = tf.constant

    def watched(value, *arguments, **options):
        tensor = original(value, *arguments, **options)
        if getattr(value, "ndim", 0) == 4:
            held.append(weakref.ref(tensor))
        return tensor

    gc.collect()
    gc.disable()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tf, "constant", watched)
            for _ in range(6):
                run(xy, [], epochs=1, batch_size=200)
    finally:
        gc.enable()
    assert len(held) == 12
    assert not any(reference() is not None for reference in held)
    assert "retracing" not in capfd.readouterr().err


# Which network has the faster step


def test_the_documented_network_has_the_faster_step():
    model = build_model(dropout=0.5, learning_rate=0.1)
    assert supports_fast_step(model)
    # As the document compiles it.
    model.compile("sgd", keras.losses.categorical_crossentropy, metrics=["accuracy"])
    assert supports_fast_step(model)


class Foreign(keras.layers.Layer):
    """A layer that Keras can't describe."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


class Own(keras.Model):
    """A model of the subclassing kind."""

    def __init__(self):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(10, activation="softmax")

    def call(self, x):
        return self.dense(self.flatten(x))


class OwnStep(Own):
    """And one with a step and figures of its own."""

    def train_step(self, data):
        super().train_step(data)
        return {"mine": self.optimizer.iterations}


def variant(change):  # noqa: C901, PLR0912  # a branch for each variant
    model = build_model(seed=0)
    layers = keras.layers
    if change == "activation":
        model.get_layer("conv1").activation = keras.activations.tanh
    elif change == "regularizer":
        model.get_layer("conv2").kernel_regularizer = keras.regularizers.L2(0.1)
    elif change == "frozen":
        model.get_layer("conv1").trainable = False
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    elif change == "loss":
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
        model.compile("adam", loss, metrics=["accuracy"])
    elif change == "metrics":
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy", "auc"])
    elif change == "scaled loss":
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
        model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    elif change == "half precision":
        model = build_model(seed=0)  # under a policy that the test has set
    elif change == "eagerly":
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    elif change == "a loss of one's own":

        def loss(y, p):
            return keras.losses.categorical_crossentropy(y, p)

        model.compile("adam", loss, metrics=["accuracy"])
    elif change == "a layer of one's own":
        model = keras.Sequential(
            [keras.Input((28, 28, 1)), Foreign(keras.ops.square), layers.Flatten(),
             layers.Dense(10, activation="softmax")]
        )  # fmt: skip
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    elif change in ("subclass", "own step"):
        model = Own() if change == "subclass" else OwnStep()
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    elif change == "another layer":
        model = keras.Sequential(
            [keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")]
        )
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    elif change == "functional":
        model = keras.Model(model.inputs[0], model.outputs[0])
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


CHANGES = [
    "activation", "regularizer", "frozen", "loss", "metrics", "another layer", "functional",
    "scaled loss", "half precision", "eagerly", "a loss of one's own", "a layer of one's own",
    "subclass", "own step",
]  # fmt: skip


@pytest.fixture
def policy(request):
    """A global policy that Keras applies to what is built while it is set."""
    change = request.getfixturevalue("change")
    if change == "half precision":
        keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.usefixtures("policy")
def test_any_other_network_is_left_to_fit_and_trains(xy, change):
    model = variant(change)
    assert not supports_fast_step(model)
    history = run(xy, [], model, epochs=2).history
    if change == "own step":
        assert history["mine"] == [3, 6]
        return
    assert history["loss"][-1] < history["loss"][0] * 1.1
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(history)
    assert evaluate(model, *xy).num_images == 355


def test_the_order_in_fit_is_that_of_the_loop():
    x = np.arange(7, dtype=np.float32).reshape(7, 1)
    given = iter(batches(x, -x, batch_size=3, draw=[1, 2]))
    for epoch in range(3):
        images, labels = zip(*(next(given) for _ in range(3)), strict=True)
        found = np.concatenate(images).ravel()
        assert np.array_equal(found, epoch_order(7, [1, 2], epoch))
        assert np.array_equal(np.concatenate(labels).ravel(), -found)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_the_faster_step_does_to_a_batch_what_keras_step_does(xy, size, optimizer):
    x, y = (tf.constant(array[:size]) for array in xy)
    models = []
    for _ in range(2):
        model = build_model(seed=2, dropout=0)
        model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
        model.optimizer.build(model.trainable_variables)
        models.append(model)
    one, other = models
    step = TrainStep(one)
    step.reset()
    tf.function(step.train)(x, y)
    expected = other.train_on_batch(x, y, return_dict=True)
    for a, b in zip(one.optimizer.variables, other.optimizer.variables, strict=True):
        assert np.allclose(a, b, atol=1e-6), a.path
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        assert np.allclose(a, b, atol=1e-6 if optimizer == "sgd" else 2e-3)
    assert step.figures() == pytest.approx(expected, rel=1e-4)
    step.reset()
    tf.function(step.test)(x, y)
    assert step.figures() == pytest.approx(one.test_on_batch(x, y, return_dict=True), rel=1e-4)


def test_a_last_batch_of_one_counts_once(xy):
    x, y = xy
    model = build_model(seed=2, dropout=0, learning_rate=1e-9)
    model.optimizer.build(model.trainable_variables)
    step = TrainStep(model)
    step.reset()
    losses = []
    for part in (slice(0, 7), slice(7, 8)):
        tf.function(step.train)(tf.constant(x[part]), tf.constant(y[part]))
        losses.append(model.evaluate(x[part], y[part], verbose=0)[0])
    expected = (7 * losses[0] + losses[1]) / 8
    assert losses[0] != pytest.approx(losses[1], rel=1e-2)
    assert step.figures()["loss"] == pytest.approx(expected, rel=1e-4)


def test_dropout_is_at_work_in_training_alone(xy):
    x, y = (tf.constant(array[:64]) for array in xy)
    model = build_model(seed=0, dropout=0.9)
    model.optimizer.build(model.trainable_variables)
    step = TrainStep(model)
    losses = []
    for visit in (step.test, step.test, step.train):
        step.reset()
        tf.function(visit)(x, y)
        losses.append(step.figures()["loss"])
    assert losses[0] == losses[1]
    assert losses[2] != pytest.approx(losses[0], rel=1e-2)


# What callbacks set up before the first batch counts


def test_a_layer_frozen_when_training_begins_stays_frozen(xy):
    model = build_model(seed=0)
    before = model.get_weights()
    freeze = stock.LambdaCallback(
        on_train_begin=lambda logs: setattr(model.get_layer("conv1"), "trainable", False)
    )
    run(xy, [freeze], model, epochs=1)
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert moved == [False, False, True, True, True, True]


def test_an_optimizer_given_when_training_begins_is_used(xy):
    model = build_model(seed=0)
    before = model.get_weights()
    still = keras.optimizers.SGD(learning_rate=0.0)
    give = stock.LambdaCallback(on_train_begin=lambda logs: setattr(model, "optimizer", still))
    run(xy, [give], model, epochs=1)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_a_checkpoint_with_batch_hooks_of_its_own_hears_each_batch(xy):
    class Checkpoint(stock.ModelCheckpoint):
        heard = 0

        def on_train_batch_end(self, batch, logs=None):
            Checkpoint.heard += 1

    run(xy, [Checkpoint("a.weights.h5", save_weights_only=True)], epochs=1, batch_size=10)
    assert Checkpoint.heard == 25


def test_stop_evaluating_ends_the_validation(xy):
    class Stop(stock.Callback):
        batches = 0

        def on_test_batch_end(self, batch, logs=None):
            Stop.batches += 1
            self.model.stop_evaluating = True

    run(xy, [Stop()], epochs=2, validation_data=xy)
    assert Stop.batches == 2


# Keras' stock callbacks


def test_checkpoint_every_so_manybatches(xy, tmp_path):
    checkpoint = stock.ModelCheckpoint(
        "at{batch:02d}.weights.h5", save_freq=3, save_weights_only=True
    )
    run(xy, [checkpoint], batch_size=50, epochs=1, validation_split=0.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "at03.weights.h5",
        "at06.weights.h5",
    ]


def test_backup_and_restore_goes_on_where_it_was(xy):
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
    assert run(xy, [], fresh, epochs=1).epoch == [0]


def test_lambda_callback_onbatches(xy):
    batches = []
    callback = stock.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(batch))
    run(xy, [callback], epochs=1, validation_split=0.0)
    assert batches == [0, 1, 2, 3]


def test_terminate_on_nan_stops_at_once(xy):
    model = build_model(seed=0)
    model.optimizer.learning_rate = float("inf")
    history = run(xy, [stock.TerminateOnNaN()], model, epochs=3)
    assert len(history.epoch) == 1
    assert int(model.optimizer.iterations) < 3


def test_stop_training_ends_the_epoch_at_the_batch(xy):
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


def test_learning_rate_schedules_reach_the_graph(xy):
    schedule = stock.LearningRateScheduler(lambda epoch: 0.0 if epoch else 1e-3)
    kept = []
    watch = stock.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    model = build_model(seed=0)
    run(xy, [schedule, watch], model, epochs=3)
    assert all(map(np.array_equal, kept[1], kept[2]))
    assert not all(map(np.array_equal, kept[0], build_model(seed=0).get_weights()))


def test_swapped_averages(xy):
    model = build_model(seed=0)
    optimizer = keras.optimizers.Adam(use_ema=True, ema_momentum=0.5)
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
    at_end = []
    watch = stock.LambdaCallback(
        on_epoch_end=lambda epoch, logs: at_end.append(model.get_weights())
    )
    run(xy, [watch, stock.SwapEMAWeights(swap_on_epoch=True)], model, epochs=2)
    averaged = model.get_weights()
    assert not any(map(np.array_equal, averaged, at_end[-1]))
    assert all(np.isfinite(array).all() for array in averaged)


def test_tensorboard(xy, tmp_path):
    pytest.importorskip("tensorboard")
    run(xy, [stock.TensorBoard(str(tmp_path / "board"), update_freq="batch")], epochs=2)
    assert [path.name for path in (tmp_path / "board").iterdir()] == ["train", "validation"]


def test_every_stock_callback_of_keras_is_known_here():
    """A new one in Keras makes this fail: try it, then add it."""
    classes = {
        name for name, value in vars(stock).items()
        if inspect.isclass(value) and issubclass(value, stock.Callback)
    }  # fmt: skip
    assert classes - {
        # used in these tests or those of train
        "BackupAndRestore", "CSVLogger", "EarlyStopping", "LambdaCallback",
        "LearningRateScheduler", "ModelCheckpoint", "ProgbarLogger", "ReduceLROnPlateau",
        "SwapEMAWeights", "TensorBoard", "TerminateOnNaN", "History",
        # the base, and the list itself
        "Callback", "CallbackList",
        # need packages or a server of their own
        "OrbaxCheckpoint", "RemoteMonitor",
    } == set()  # fmt: skip
