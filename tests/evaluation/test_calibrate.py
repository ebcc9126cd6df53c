"""`calibrate`: the same predictions, confidences that match the accuracy, in every file."""

import dataclasses
import pickle

import numpy as np
import pytest

from mnistcnn import (
    Calibration,
    Evaluation,
    Recognizer,
    build_model,
    calibrate,
    evaluate,
    export_model,
    load_model,
    preprocess,
)
from mnistcnn.backend import keras
from tests.helpers.datasets import batch_sources

FACTOR = 3  # of the logits: the network is overconfident


@pytest.fixture(scope="module")
def trained():
    """The weights of an overconfident network."""
    weights = build_model(seed=0).get_weights()
    return [*weights[:4], *(array * 10 * FACTOR for array in weights[4:])]


@pytest.fixture(scope="module")
def held_out(digits, trained):
    """Images whose labels are drawn from the probabilities of the network before its logits grew."""
    x = preprocess(digits.train.images)
    model = build_model()
    model.set_weights([*trained[:4], *(array / FACTOR for array in trained[4:])])
    probabilities = np.asarray(model(x)).astype(float)
    rng = np.random.default_rng(0)
    noise = rng.gumbel(size=probabilities.shape)
    return x, np.eye(10, dtype=np.float32)[(np.log(probabilities) + noise).argmax(axis=1)]


@pytest.fixture
def model(trained):
    model = build_model()
    model.set_weights(trained)
    return model


def test_the_confidences_improve_and_the_predictions_stay(model, held_out):
    x, y = held_out
    before = np.asarray(model(x))
    result = calibrate(model, x, y)
    after = np.asarray(model(x))
    assert np.array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert result.before.loss == pytest.approx(
        Evaluation.from_probabilities(before, y).loss, rel=1e-5
    )
    assert result.after.loss == pytest.approx(evaluate(model, x, y).loss, rel=1e-4)
    assert result.after.loss < result.before.loss
    assert result.before.expected_calibration_error > 0.2
    assert result.after.expected_calibration_error < 0.05
    assert result.temperature == pytest.approx(FACTOR, rel=0.05)


def test_only_the_last_layer_changes_and_calibrating_again_changes_nothing(
    model, trained, held_out
):
    temperature = calibrate(model, *held_out).temperature
    weights = model.get_weights()
    assert all(map(np.array_equal, weights[:4], trained[:4]))
    for array, original in zip(weights[4:], trained[4:], strict=True):
        assert array == pytest.approx(original / temperature, rel=1e-6)
    assert calibrate(model, *held_out).temperature == pytest.approx(1, abs=1e-4)
    model.set_weights([*weights[:4], *(array * 3 for array in weights[4:])])
    assert calibrate(model, *held_out).temperature == pytest.approx(3, rel=1e-3)


@pytest.mark.parametrize(
    "name", ["network.keras", "network.h5", "network.onnx", "network.safetensors"]
)
def test_every_file_holds_the_calibrated_network(name, model, held_out):
    x, y = held_out
    after = calibrate(model, x, y).after
    if name.endswith((".keras", ".h5")):
        model.save_weights(f"{name}.weights.h5") if name == "network.h5" else model.save(name)
        name = f"{name}.weights.h5" if name == "network.h5" else name
    else:
        export_model(model, name)
    assert evaluate(name, x, y).loss == pytest.approx(after.loss, rel=1e-4)
    probabilities = Recognizer(name, num_threads=1).predict_proba(x)
    assert Evaluation.from_probabilities(probabilities, y).loss == pytest.approx(
        after.loss, rel=1e-4
    )
    assert load_model(name).get_weights()[-1] == pytest.approx(model.get_weights()[-1])


def test_a_network_of_other_classes_is_calibrated(digits):
    x = preprocess(digits.train.images)
    model = build_model(class_names=["low", "middle", "high"], seed=0)
    weights = model.get_weights()
    model.set_weights([*weights[:4], *(array * 10 for array in weights[4:])])
    probabilities = np.asarray(model(x)).astype(float)
    rng = np.random.default_rng(0)
    labels = (probabilities.cumsum(axis=1) < rng.random((len(x), 1))).sum(axis=1).clip(0, 2)
    model.set_weights([*weights[:4], *(array * 30 for array in weights[4:])])
    result = calibrate(model, x, labels)
    assert 2 < result.temperature < 4.5
    assert result.after.class_names == ("low", "middle", "high")
    assert result.after.loss == pytest.approx(evaluate(model, x, labels).loss, rel=1e-4)


def test_batches_and_batch_sizes_give_the_same_temperature(model, trained, held_out):
    expected = calibrate(model, *held_out)
    for kind, batches in batch_sources(*held_out).items():
        model.set_weights(trained)
        assert calibrate(model, batches).temperature == pytest.approx(
            expected.temperature, rel=1e-4
        ), kind
    model.set_weights(trained)
    result = calibrate(model, *held_out, batch_size=7)
    assert result.temperature == pytest.approx(expected.temperature, rel=1e-4)


def test_a_network_whose_last_layer_does_not_determine_the_output_is_unchanged(held_out):
    x = held_out[0][:100]
    inputs = keras.Input((28, 28, 1))
    features = keras.layers.Flatten()(inputs)
    branches = [keras.layers.Dense(10, activation="softmax")(features) for _ in range(2)]
    model = keras.Model(inputs, keras.layers.Average()(branches))
    with pytest.raises(ValueError, match="model must end in a Dense or Conv2D layer"):
        calibrate(model, x, noisy_predictions(model, x))

    class Twice(keras.Model):
        """Its first layer contributes to the logits too."""

        def __init__(self):
            super().__init__()
            self.flatten = keras.layers.Flatten()
            self.first, self.second = keras.layers.Dense(10), keras.layers.Dense(10)
            self.softmax = keras.layers.Softmax()

        def call(self, x):
            features = self.flatten(x)
            return self.softmax(self.first(features) + self.second(features))

    model = Twice()
    labels = noisy_predictions(model, x)
    before = model.get_weights()
    with pytest.raises(
        ValueError, match="model must compute its probabilities from its last layer with weights"
    ):
        calibrate(model, x, labels)
    assert all(map(np.array_equal, model.get_weights(), before))


def noisy_predictions(model, x):
    """One-hot labels, of which the network predicts four in five."""
    predicted = np.asarray(model(x)).argmax(axis=1)
    return np.eye(10, dtype=np.float32)[(predicted + (np.arange(len(x)) % 5 == 0)) % 10]


def test_arguments_are_checked(model, trained, held_out):
    x, y = held_out
    with pytest.raises(
        TypeError,
        match="model must be a Keras model, such as load_model returns; received 'a.keras'",
    ):
        calibrate("a.keras", x, y)
    with pytest.raises(ValueError, match="batch_size must be at least 1; received 0"):
        calibrate(model, x, y, batch_size=0)
    with pytest.raises(ValueError, match="y is required where x is an array; received None"):
        calibrate(model, x)
    with pytest.raises(ValueError, match=r"x must lie in \[0, 1\]; received"):
        calibrate(model, x * 255, y)
    predicted = np.asarray(model(x)).argmax(axis=1)
    with pytest.raises(
        ValueError, match="received 1,442 images, of which the model classifies 1,442"
    ):
        calibrate(model, x, np.eye(10, dtype=np.float32)[predicted])
    assert all(map(np.array_equal, model.get_weights(), trained))


def test_the_result_prints_is_immutable_and_checks_its_fields(model, held_out):
    result = calibrate(model, *held_out)
    assert str(result).startswith(f"temperature {result.temperature:.3f}, calibration error ")
    assert str(result).endswith(", 1,442 images")
    assert pickle.loads(pickle.dumps(result)) == result
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.temperature = 1
    with pytest.raises(ValueError, match="temperature must be greater than 0; received 0"):
        dataclasses.replace(result, temperature=0)
    with pytest.raises(TypeError, match="before must be an Evaluation; received 3"):
        Calibration(temperature=1, before=3, after=result.after)
