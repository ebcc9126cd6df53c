"""Training runs with a checkpoint, of each kind of model and recipe."""

import dataclasses
from pathlib import Path

import pytest

from mnistcnn import build_model, default_callbacks, train
from mnistcnn.backend import keras
from mnistcnn.recipes import BASELINE, FAST, ROBUST, Augmentation
from mnistcnn.training.checkpoint.file_format import STATE_FILE, read_checkpoint
from tests.helpers.models import FitSequential
from tests.helpers.runs import Crash

FOLDER = Path("checkpoint")
STATE = FOLDER / STATE_FILE
STEPS_PER_EPOCH = 8  # of the case "baseline": 248 images in batches of 32


def keras_fit_model(kind=FitSequential):
    """Return a model that Keras' fit trains, with batch normalization and averaged weights."""
    layers = keras.layers
    initializer = keras.initializers.GlorotUniform(seed=1)
    model = kind(
        [
            keras.Input((28, 28, 1)), layers.Flatten(), layers.BatchNormalization(),
            layers.Dropout(0.3, seed=2),
            layers.Dense(10, "softmax", kernel_initializer=initializer),
        ]
    )  # fmt: skip
    model.compile(
        keras.optimizers.Adam(use_ema=True, ema_momentum=0.9),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def keras_step_model():
    """Return the same model, but one that `KerasStep` trains."""
    return keras_fit_model(keras.Sequential)


def baseline_model():
    return build_model(seed=0)


def stateful_callbacks():
    stock, monitor = keras.callbacks, {"monitor": "val_loss", "mode": "min"}
    return [
        stock.SwapEMAWeights(swap_on_epoch=True),
        stock.EarlyStopping(**monitor, patience=2, restore_best_weights=True),
        stock.ReduceLROnPlateau(**monitor, patience=0, min_delta=0.5),
        stock.ModelCheckpoint("stock.keras", **monitor, save_best_only=True),
    ]


@dataclasses.dataclass(frozen=True)
class Case:
    make_model: object
    recipe: object
    make_callbacks: object = list
    every: int | None = 2
    crashes: tuple = (10,)  # batches until each crash


CASES = {
    "baseline": Case(
        baseline_model, dataclasses.replace(BASELINE, epochs=3), default_callbacks, crashes=(10, 3)
    ),
    "augmented": Case(
        baseline_model, dataclasses.replace(ROBUST, epochs=2, batch_size=60, dropout=0.2)
    ),
    "distilled": Case(
        baseline_model,
        dataclasses.replace(
            FAST,
            name="distilled",
            epochs=2,
            batch_size=60,
            label_smoothing=0.0,
            augmentation=Augmentation(translation=1.0),
            teacher=dataclasses.replace(FAST, name="teacher", batch_size=60, dropout=0.3),
        ),
    ),
    "keras fit": Case(
        keras_fit_model,
        dataclasses.replace(
            BASELINE, name="fit", epochs=4, augmentation=Augmentation(translation=1.0)
        ),
        stateful_callbacks,
        every=None,
        crashes=(10, 10),
    ),
    "keras step": Case(
        keras_step_model,
        dataclasses.replace(
            BASELINE, name="step", epochs=4, augmentation=Augmentation(translation=1.0)
        ),
        stateful_callbacks,
        crashes=(10, 10),
    ),
}


def run(xy, case="baseline", *callbacks, model=None, **options):
    """Train; return the model and the history."""
    case = CASES[case]
    options = {
        "recipe": case.recipe,
        "callbacks": [*case.make_callbacks(), *callbacks],
        "seed": 5,
        "checkpoint_dir": FOLDER,
        **options,
    }
    if options["checkpoint_dir"] is not None:
        options.setdefault("checkpoint_every", case.every)
    model = case.make_model() if model is None else model
    return model, train(model, *xy, verbose=0, **options)


def crash(xy, batches, *arguments, **options):
    """Train until a callback raises after so many batches; `Crash` must be among them."""
    Crash.batches_left = batches
    with pytest.raises(RuntimeError, match="^crash$"):
        run(xy, *arguments, **options)
    Crash.batches_left = -1


def read(path=STATE):
    return read_checkpoint(path, limit=1 << 26)
