"""What a recipe asks of a network and of its labels while it is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from mnistcnn import recipes
from mnistcnn.backend import keras
from mnistcnn.training.callbacks import default_callbacks
from mnistcnn.training.data_adapters import Data, DataSource
from mnistcnn.training.optimizers import make_optimizer
from mnistcnn.types import NUM_CLASSES, Float32Array


def check_dropout_supported(model: keras.Model, plan: recipes.Recipe) -> None:
    # Keras gives a dropout layer its generator when it is made, and none to one of rate 0.
    for layer in model.layers:
        made_without = isinstance(layer, keras.layers.Dropout) and layer.rate == 0
        if plan.dropout and made_without and not hasattr(layer, "seed_generator"):
            raise ValueError(
                "the recipe's dropout must be 0 for a model that was built with dropout=0; "
                f"received {plan.dropout}"
            )


def recipe_callbacks(plan: recipes.Recipe) -> list[keras.callbacks.Callback]:
    if plan.monitor is None:
        return []
    return default_callbacks(monitor=plan.monitor, min_delta=plan.min_delta, patience=plan.patience)


@contextmanager
def recipe_scope(model: keras.Model, plan: recipes.Recipe, *, steps: int | None) -> Iterator[None]:
    """Give the model what the recipe asks for; its own comes back at the end."""
    own_optimizer = model.optimizer
    if plan.learning_rate is not None:
        assert steps is not None
        with model.distribute_strategy.scope():  # where its variables must be, too
            model.optimizer = make_optimizer(plan, steps=steps)
    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    own_rates = [layer.rate for layer in dropouts]
    for layer in dropouts:
        layer.rate = layer.rate if plan.dropout is None else plan.dropout
    try:
        yield
    finally:
        model.optimizer = own_optimizer
        for layer, rate in zip(dropouts, own_rates, strict=True):
            layer.rate = rate


def smooth_labels(y: Float32Array, share: float) -> Float32Array:
    """Return one-hot labels with that share of their certainty spread evenly."""
    return y if share == 0 else y * np.float32(1 - share) + np.float32(share / NUM_CLASSES)


def smooth_dataset_labels(data: Data, share: float) -> Data:
    """Return images, wherever they are, with such labels."""
    if isinstance(data, DataSource):
        return data.smoothed(share)
    return data[0], smooth_labels(data[1], share)
