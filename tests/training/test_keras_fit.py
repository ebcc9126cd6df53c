"""Training of other models than the baseline network, by `KerasStep` or Keras' ``fit``."""

import numpy as np
import pytest

from mnistcnn import evaluate, train
from mnistcnn.training.data_adapters import Arrays
from mnistcnn.training.epoch_iterator import epoch_order
from mnistcnn.training.keras_fit import array_inputs
from tests.training.model_variants import VARIANTS, custom_step, eager, other_loss

FAST_VARIANTS = (other_loss, eager, custom_step)


@pytest.mark.parametrize(
    "build",
    [
        *FAST_VARIANTS,
        *(
            pytest.param(build, marks=pytest.mark.slow)
            for build in VARIANTS
            if build not in FAST_VARIANTS
        ),
    ],
)
def test_other_models_are_trained(xy, build):
    model = build()
    options = dict(epochs=2, batch_size=100, callbacks=[], seed=0, verbose=0)
    history = train(model, *xy, **options).history
    if build is custom_step:
        assert history["mine"] == [3, 6]
        return
    assert history["loss"][-1] < history["loss"][0] * 1.1
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(history)
    assert evaluate(model, *xy).num_images == 355


def test_the_order_in_fit_is_that_of_the_loop():
    x = np.arange(7, dtype=np.float32).reshape(7, 1)
    data = Arrays(x, -x)
    batches = iter(array_inputs(data, lambda batch, _: batch, batch_size=3, shuffle_seed=[1, 2]))
    for epoch in range(3):
        images, labels = zip(*(next(batches) for _ in range(3)), strict=True)
        order = np.concatenate(images).ravel()
        assert np.array_equal(order, epoch_order(7, [1, 2], epoch))
        assert np.array_equal(np.concatenate(labels).ravel(), -order)
