"""What a recipe asks of a network and of its labels while it is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from mnistcnn import recipes
from mnistcnn._backend import keras
from mnistcnn._optimizer import optimizer_for
from mnistcnn._sources import Data, Source
from mnistcnn._types import NUM_CLASSES, Float32Array


@contextmanager
def following(model: keras.Model, plan: recipes.Recipe, *, steps: int | None) -> Iterator[None]:
    """Give the model what the recipe asks for; its own comes back at the end."""
    own_optimizer = model.optimizer
    if plan.learning_rate is not None:
        assert steps is not None
        with model.distribute_strategy.scope():  # where its variables must be, too
            model.optimizer = optimizer_for(plan, steps=steps)
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


def smoothed(y: Float32Array, share: float) -> Float32Array:
    """Return one-hot labels with that share of their certainty spread evenly."""
    return y if share == 0 else y * np.float32(1 - share) + np.float32(share / NUM_CLASSES)


def with_smoothed_labels(data: Data, share: float) -> Data:
    """Return images, wherever they are, with such labels."""
    if isinstance(data, Source):
        return data.smoothed(share)
    return data[0], smoothed(data[1], share)
