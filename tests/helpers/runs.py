"""Training runs that are compared between one device, several devices and several workers."""

import dataclasses
import functools

import numpy as np

import mnistcnn
from mnistcnn.backend import keras
from mnistcnn.recipes import BASELINE, BEST, FAST, ROBUST, Augmentation

TEACHER = dataclasses.replace(FAST, name="teacher", batch_size=60, dropout=0.3)
DISTILLED = dataclasses.replace(BEST, epochs=2, teacher=TEACHER, batch_size=51)
# Of the 355 images, batches of 51 leave a last one of 49, and batches of 59 one of a single
# image, which only one replica gets.
RECIPES = {
    "baseline": dataclasses.replace(BASELINE, epochs=2, batch_size=51),
    "one left over": dataclasses.replace(FAST, batch_size=59),
    "robust": dataclasses.replace(ROBUST, epochs=2, dropout=0.2),
    "distilled": dataclasses.replace(
        FAST,
        name="distilled",
        label_smoothing=0.0,
        batch_size=59,
        dropout=0.2,
        augmentation=Augmentation(translation=1.0),
        teacher=TEACHER,
    ),
    "best": DISTILLED,
}
SHORT_RECIPES, MEDIUM_RECIPES = ("one left over",), ("distilled",)
LONG_RECIPES = ("baseline", "robust", "best")
FITTED = dataclasses.replace(BASELINE, epochs=4, augmentation=Augmentation(translation=1.0))


@functools.cache
def digits():
    return mnistcnn.preprocess(*mnistcnn.load_data("digits").test)


def train(recipe, model=None, **options):
    """Train a new model, or the given one; return it and the history."""
    model = mnistcnn.build_model(seed=0) if model is None else model
    options = {"callbacks": [], "seed": 1, "verbose": 0} | options
    history = mnistcnn.train(model, *digits(), recipe=recipe, **options)
    return model, history


def weights(model):
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def bits(model):
    """Return all variables of the model and its optimizer."""
    variables = [*model.variables, *model.optimizer.variables]
    return [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in variables]


def equal_bits(model, other):
    return all(map(np.array_equal, bits(model), bits(other)))


def save(name, model, history):
    """Write the final weights and the metrics of each epoch."""
    metrics = {key: np.array(values) for key, values in history.history.items()}
    np.savez(f"{name}.npz", weights=weights(model), **metrics)


def max_difference(path, other_path):
    """Return the largest difference between two saved runs: of weights, and of metrics."""
    with np.load(path) as run, np.load(other_path) as other:
        assert sorted(run) == sorted(other)
        differences = {name: float(np.abs(run[name] - other[name]).max()) for name in run}
    return differences.pop("weights"), max(differences.values())


class Recorder(keras.callbacks.Callback):
    """Records the calls of batch and epoch hooks."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(("batch", batch, round(logs["loss"], 3)))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("epoch", epoch, sorted(logs)))


class Crash(keras.callbacks.Callback):
    """Raises after `batches_left` batches, which the class counts down."""

    batches_left = -1

    def on_train_batch_end(self, batch, logs=None):
        Crash.batches_left -= 1
        if Crash.batches_left == 0:
            raise RuntimeError("crash")


def other_network():
    """Return a model that is not the baseline network, with seeded dropout."""
    layers = keras.layers
    initializer = keras.initializers.GlorotUniform(seed=1)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)), layers.Flatten(), layers.Dropout(0.3, seed=2),
            layers.Dense(10, "softmax", kernel_initializer=initializer),
        ]
    )  # fmt: skip
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model
