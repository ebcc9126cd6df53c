"""The training loop gives the same hooks and weights as Keras' ``fit``."""

import gc
import inspect
import weakref

import keras.callbacks as stock
import numpy as np
import pytest

from mnistcnn import build_model, evaluate, train
from mnistcnn.backend import keras, tf
from mnistcnn.training.epoch_iterator import epoch_order
from mnistcnn.training.keras_fit import array_inputs
from mnistcnn.training.train_step import TrainStep, supports_fast_step


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
                run(xy, [], epochs=1, batch_size=200)
    finally:
        gc.enable()
    assert len(references) == 12
    assert not any(reference() is not None for reference in references)
    assert "retracing" not in capfd.readouterr().err


# Models with the fast step


def test_the_baseline_network_has_the_fast_step():
    model = build_model(dropout=0.5, learning_rate=0.1)
    assert supports_fast_step(model)
    # As in the published notebook.
    model.compile("sgd", keras.losses.categorical_crossentropy, metrics=["accuracy"])
    assert supports_fast_step(model)


class CustomLayer(keras.layers.Layer):
    """A layer that Keras cannot serialize."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


class Subclassed(keras.Model):
    """A subclassed model."""

    def __init__(self):
        super().__init__()
        self.flatten = keras.layers.Flatten()
        self.dense = keras.layers.Dense(10, activation="softmax")

    def call(self, x):
        return self.dense(self.flatten(x))


class CustomStep(Subclassed):
    """A model with its own training step and metrics."""

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
        model = build_model(seed=0)  # under the policy of the fixture
    elif change == "eagerly":
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    elif change == "custom loss":

        def loss(y, p):
            return keras.losses.categorical_crossentropy(y, p)

        model.compile("adam", loss, metrics=["accuracy"])
    elif change == "custom layer":
        model = keras.Sequential(
            [keras.Input((28, 28, 1)), CustomLayer(keras.ops.square), layers.Flatten(),
             layers.Dense(10, activation="softmax")]
        )  # fmt: skip
        model.compile("sgd", "categorical_crossentropy", metrics=["accuracy"])
    elif change in ("subclass", "custom step"):
        model = Subclassed() if change == "subclass" else CustomStep()
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
    "scaled loss", "half precision", "eagerly", "custom loss", "custom layer",
    "subclass", "custom step",
]  # fmt: skip


@pytest.fixture
def policy(request):
    """A global policy that Keras applies to what is built while it is set."""
    change = request.getfixturevalue("change")
    if change == "half precision":
        keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


SLOW_CHANGES = [change for change in CHANGES if change not in ("loss", "eagerly", "custom step")]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.usefixtures("policy")
def test_other_models_have_no_fast_step(change):
    assert not supports_fast_step(variant(change))


@pytest.mark.parametrize(
    "change",
    [
        "loss",
        "eagerly",
        "custom step",
        *(pytest.param(change, marks=pytest.mark.slow) for change in SLOW_CHANGES),
    ],
)
@pytest.mark.usefixtures("policy")
def test_other_models_are_trained_by_fit(xy, change):
    model = variant(change)
    history = run(xy, [], model, epochs=2).history
    if change == "custom step":
        assert history["mine"] == [3, 6]
        return
    assert history["loss"][-1] < history["loss"][0] * 1.1
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(history)
    assert evaluate(model, *xy).num_images == 355


def test_the_order_in_fit_is_that_of_the_loop():
    x = np.arange(7, dtype=np.float32).reshape(7, 1)
    batches = iter(array_inputs((x, -x), batch_size=3, shuffle_seed=[1, 2]))
    for epoch in range(3):
        images, labels = zip(*(next(batches) for _ in range(3)), strict=True)
        order = np.concatenate(images).ravel()
        assert np.array_equal(order, epoch_order(7, [1, 2], epoch))
        assert np.array_equal(np.concatenate(labels).ravel(), -order)


# The fast step


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_fast_step_equals_that_of_keras(xy, optimizer):
    models = []
    for _ in range(2):
        model = build_model(seed=2, dropout=0)
        model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
        model.optimizer.build(model.trainable_variables)
        models.append(model)
    one, other = models
    step = TrainStep(one)
    train_step, test_step = (
        tf.function(function, reduce_retracing=True) for function in (step.train, step.test)
    )
    initial = [variable.numpy() for variable in [*one.variables, *one.optimizer.variables]]
    for size in (1, 2, 7, 64):
        for model in models:
            variables = [*model.variables, *model.optimizer.variables]
            for variable, value in zip(variables, initial, strict=True):
                variable.assign(value)
        x, y = (tf.constant(array[:size]) for array in xy)
        step.reset()
        train_step(x, y)
        expected = other.train_on_batch(x, y, return_dict=True)
        for a, b in zip(one.optimizer.variables, other.optimizer.variables, strict=True):
            assert np.allclose(a, b, atol=1e-6), a.path
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            assert np.allclose(a, b, atol=1e-6 if optimizer == "sgd" else 2e-3)
        assert step.metrics() == pytest.approx(expected, rel=1e-4)
        step.reset()
        test_step(x, y)
        assert step.metrics() == pytest.approx(one.test_on_batch(x, y, return_dict=True), rel=1e-4)
        other.reset_metrics()
        one.reset_metrics()


def test_a_batch_of_one_image_counts_once(xy):
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
    assert step.metrics()["loss"] == pytest.approx(expected, rel=1e-4)


def test_dropout_is_active_in_training_only(xy):
    x, y = (tf.constant(array[:64]) for array in xy)
    model = build_model(seed=0, dropout=0.9)
    model.optimizer.build(model.trainable_variables)
    step = TrainStep(model)
    losses = []
    for step_fn in (step.test, step.test, step.train):
        step.reset()
        tf.function(step_fn)(x, y)
        losses.append(step.metrics()["loss"])
    assert losses[0] == losses[1]
    assert losses[2] != pytest.approx(losses[0], rel=1e-2)


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
    assert run(xy, [], fresh, epochs=1).epoch == [0]


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
