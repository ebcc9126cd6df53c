"""The variants of the training step that the ablation of the training loop measures."""

import itertools

import keras
import numpy as np
import pytest

import mnistcnn
from benchmarks.baselines import train_step_variants
from benchmarks.baselines.train_step_variants import TECHNIQUES, methods_for, replace_methods
from benchmarks.training import ablation
from mnistcnn.training.train_step import TrainStep

VARIANTS = [
    frozenset(filter(None, row.variant.split(",")))
    for row in ablation.ablation_rows(2)
    if row.program == "train_step_variants"
]


@pytest.fixture
def restore_methods(monkeypatch):
    for name in ("logits", "train", "reset", "metrics"):
        monkeypatch.setattr(TrainStep, name, vars(TrainStep)[name])


def train_without_dropout(x, y):
    """Return weights and loss after two steps of SGD."""
    model = mnistcnn.build_model(seed=0, dropout=0.0)
    model.optimizer = keras.optimizers.SGD(0.1)
    model.compute_metrics(x[:1], y[:1], model(x[:1]))
    history = mnistcnn.train(
        model, x, y, epochs=1, batch_size=32, validation_split=0.0, callbacks=[], seed=0, verbose=0
    )
    return model.get_weights(), history.history


@pytest.fixture(scope="module")
def reference(xy):
    return train_without_dropout(xy[0][:64], xy[1][:64])


def test_each_row_adds_one_technique():
    assert VARIANTS[0] == frozenset()
    assert VARIANTS[-1] == TECHNIQUES
    for before, after in itertools.pairwise(VARIANTS):
        assert before <= after
        assert len(after - before) <= 1


@pytest.mark.parametrize(
    "techniques", dict.fromkeys(VARIANTS), ids=lambda names: ",".join(sorted(names))
)
def test_variants_train_equally(techniques, xy, reference, restore_methods):
    expected, expected_history = reference
    methods = methods_for(techniques)
    replace_methods(methods)
    for name, method in methods.items():
        assert vars(TrainStep)[name] is method
    weights, history = train_without_dropout(xy[0][:64], xy[1][:64])
    for array, expected_array in zip(weights, expected, strict=True):
        np.testing.assert_allclose(array, expected_array, atol=1e-5)
    for name in ("loss", "accuracy"):
        assert history[name] == pytest.approx(expected_history[name], abs=1e-5)


def test_unknown_technique_is_an_error():
    with pytest.raises(ValueError, match="techniques must be among"):
        methods_for(frozenset({"magic"}))


def test_method_that_the_step_lacks_is_an_error():
    with pytest.raises(AttributeError, match="TrainStep must have the method 'no_such_method'"):
        train_step_variants.replace_methods({"no_such_method": None})
