"""What is trained alike by one device, by several and by several machines, for the tests."""

import dataclasses
import functools

import numpy as np

import mnistcnn
from mnistcnn.backend import keras
from mnistcnn.recipes import BASELINE, BEST, FAST, ROBUST, Augmentation

TEACHER = dataclasses.replace(FAST, name="teacher", batch_size=60, dropout=0.3)
TAUGHT = dataclasses.replace(BEST, epochs=2, teacher=TEACHER, batch_size=51)
# 355 images: batches of 51 leave a last one of 49, those of 59 one of a single image, which
# only one replica gets.
RECIPES = {
    "documented": dataclasses.replace(BASELINE, epochs=2, batch_size=51),
    "one left over": dataclasses.replace(FAST, batch_size=59),
    "robust": dataclasses.replace(ROBUST, epochs=2, dropout=0.2),
    "taught": TAUGHT,
}
FITTED = dataclasses.replace(BASELINE, epochs=4, augmentation=Augmentation(translation=1.0))


@functools.cache
def digits():
    return mnistcnn.preprocess(*mnistcnn.load_data("digits").test)


def train(recipe, model=None, **options):
    """Train a fresh network; return it and the history."""
    model = mnistcnn.build_model(seed=0) if model is None else model
    options = {"callbacks": [], "seed": 1, "verbose": 0} | options
    history = mnistcnn.train(model, *digits(), recipe=recipe, **options)
    return model, history


def weights(model):
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def bits(model):
    found = [*model.variables, *model.optimizer.variables]
    return [np.asarray(keras.ops.convert_to_numpy(one)) for one in found]


def save(name, model, history):
    """Write how a training ended, and its figures."""
    figures = {key: np.array(values) for key, values in history.history.items()}
    np.savez(f"{name}.npz", weights=weights(model), **figures)


def distance(one, other):
    """How far apart two files of `save` are, in weights and in the figures of any epoch."""
    with np.load(one) as first, np.load(other) as second:
        assert sorted(first) == sorted(second)
        apart = {name: float(np.abs(first[name] - second[name]).max()) for name in first}
    return apart.pop("weights"), max(apart.values())


class Scribe(keras.callbacks.Callback):
    """Writes down what comes, and listens to batches."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(("batch", batch, round(logs["loss"], 3)))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("epoch", epoch, sorted(logs)))


class Crash(keras.callbacks.Callback):
    """Ends a run in a way that nobody expects, after so many batches."""

    left = -1

    def on_train_batch_end(self, batch, logs=None):
        Crash.left -= 1
        if Crash.left == 0:
            raise RuntimeError("crash")


def other_network():
    """Return a network that is not the documented one, with averages and its own dropout."""
    layers = keras.layers
    start = keras.initializers.GlorotUniform(seed=1)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)), layers.Flatten(), layers.Dropout(0.3, seed=2),
            layers.Dense(10, "softmax", kernel_initializer=start),
        ]
    )  # fmt: skip
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model
