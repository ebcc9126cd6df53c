"""The recipe finetune: frozen convolutions, a stratified split, the best epoch, resume."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnistcnn import DigitClassifier, evaluate, load_pretrained, preprocess, recipes, train
from mnistcnn.backend import keras, tf
from mnistcnn.recipes import FINETUNE
from mnistcnn.training.checkpoint import file_format
from mnistcnn.training.inputs import DataOptions, prepare_data
from tests.training.model_variants import compiled, custom_step

SHORT = replace(FINETUNE, epochs=3, validation_split=0.2)
OPTIONS = dict(recipe=SHORT, seed=0, verbose=0)


@pytest.fixture(scope="module")
def labeled(digits):
    """Sixty labeled images, sorted by class."""
    images, labels = digits.train
    chosen = np.argsort(labels[:60], kind="stable")
    return preprocess(images[chosen], labels[chosen])


def changed(model, before):
    return [not np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True)]


def test_only_the_last_layer_of_the_pretrained_network_changes(labeled):
    model = load_pretrained()
    before, optimizer = model.get_weights(), model.optimizer
    history = train(model, *labeled, recipe="finetune", epochs=2, seed=0, verbose=0)
    assert changed(model, before) == [False] * 4 + [True] * 2
    assert model.optimizer is optimizer
    assert all(variable.trainable for variable in model.weights)
    assert model.get_layer("dropout").rate == 0.25
    assert sorted(history.history) == ["accuracy", "loss"]  # all images are trained on
    assert not list(Path().iterdir())  # a file of the best epoch is not needed


def test_it_equals_training_of_a_model_whose_convolutions_are_frozen(labeled):
    model, frozen = load_pretrained(), load_pretrained()
    train(model, *labeled, **OPTIONS)
    for name in ("conv1", "conv2"):
        frozen.get_layer(name).trainable = False
    train(frozen, *labeled, **OPTIONS | {"recipe": replace(SHORT, freeze_convolutions=False)})
    for a, b in zip(model.get_weights(), frozen.get_weights(), strict=True):
        assert np.allclose(a, b, atol=1e-5)
    assert not frozen.get_layer("conv1").trainable  # as it was


def test_convolutions_are_trained_unless_they_are_frozen(labeled):
    model = load_pretrained()
    before = model.get_weights()
    train(model, *labeled, **OPTIONS | {"recipe": replace(SHORT, freeze_convolutions=False)})
    assert changed(model, before) == [True] * 6


def test_convolutions_of_a_network_of_ones_own(labeled):
    layers = keras.layers
    inputs = keras.Input((28, 28, 1))
    block = keras.Sequential([layers.Conv2D(4, 5, strides=3), layers.SeparableConv2D(4, 3)])
    x = layers.DepthwiseConv2D(3)(block(inputs))
    outputs = layers.Dense(10, activation="softmax")(layers.Flatten()(x))
    model = compiled(keras.Model(inputs, outputs))
    before = model.get_weights()
    train(model, *labeled, **OPTIONS)
    assert changed(model, before) == [False] * (len(before) - 2) + [True] * 2
    assert len(model.trainable_variables) == len(before)


def test_the_layers_are_trainable_again_after_an_error(labeled):
    def stop(epoch, logs):
        raise RuntimeError("stop")

    model = load_pretrained()
    with pytest.raises(RuntimeError, match="stop"):
        train(model, *labeled, **OPTIONS, callbacks=[keras.callbacks.LambdaCallback(None, stop)])
    assert all(variable.trainable for variable in model.weights)


def test_a_model_that_fit_trains_uses_the_recipe_of_each_call(labeled):
    """Keras would continue with the optimizer of the first call."""
    model = custom_step()
    slow = replace(SHORT, monitor=None, restore_best_weights=False, learning_rate=1e-9)
    train(model, *labeled, **OPTIONS | {"recipe": slow})
    before = model.get_weights()
    train(model, *labeled, **OPTIONS | {"recipe": replace(slow, learning_rate=0.01)})
    differences = [abs(a - b).max() for a, b in zip(model.get_weights(), before, strict=True)]
    assert min(differences) > 1e-3


def test_the_model_ends_with_the_weights_of_the_best_epoch(labeled, xy):
    recipe = replace(FINETUNE, epochs=8, learning_rate=0.5, patience=3)
    model = load_pretrained()
    history = train(model, *labeled, recipe=recipe, validation_data=xy, seed=0, verbose=0).history[
        "val_loss"
    ]
    assert min(history) < history[-1]
    assert len(history) < 8
    assert evaluate(model, *xy).loss == pytest.approx(min(history), rel=1e-3)


def test_images_of_each_class_are_held_out_although_they_are_sorted(labeled):
    x, y = labeled
    options = DataOptions(num_classes=10, validation_split=0.2)
    _, validation = prepare_data(FINETUNE, x, y, options)
    shares = validation.y.sum(axis=0) / y.sum(axis=0)
    assert len(validation.y) == 12
    assert (shares > 0).all()
    _, last = prepare_data(FINETUNE, x, y, replace(options, split="last"))
    assert np.array_equal(last.y, y[-12:])
    with pytest.raises(
        ValueError,
        match="split must be one of 'last', 'shuffled', 'stratified'; received 'first'",
    ):
        train(load_pretrained(), x, y, recipe="finetune", split="first")


def test_a_dataset_needs_no_validation(labeled):
    batches = tf.data.Dataset.from_tensor_slices(labeled).batch(30)
    model = load_pretrained()
    history = train(model, batches, recipe="finetune", epochs=2, seed=0, verbose=0)
    assert sorted(history.history) == ["accuracy", "loss"]
    message = "EarlyStopping must monitor a metric of the run"
    stopping = keras.callbacks.EarlyStopping("val_loss")
    with pytest.raises(ValueError, match=message):
        train(model, batches, recipe="finetune", callbacks=[stopping], verbose=0)


def test_an_interrupted_run_resumes_exactly(labeled, monkeypatch):
    expected = load_pretrained()
    expected_history = train(expected, *labeled, **OPTIONS, checkpoint_dir="whole").history
    write, count = file_format.write_checkpoint, []

    def crash_later(path, record, arrays):
        if len(count) == 2:
            raise RuntimeError("crash")
        write(path, record, arrays)
        count.append(path)

    with monkeypatch.context() as patch:
        patch.setattr(file_format, "write_checkpoint", crash_later)
        with pytest.raises(RuntimeError, match="crash"):
            train(load_pretrained(), *labeled, **OPTIONS, checkpoint_dir="run")
    assert file_format.describe_position(Path("run")) == "epoch 3, step 0"
    model = load_pretrained()
    history = train(model, *labeled, **OPTIONS, checkpoint_dir="run")
    assert history.history == expected_history
    assert not any(changed(model, expected.get_weights()))
    again = load_pretrained()
    assert train(again, *labeled, **OPTIONS, checkpoint_dir="run").history == expected_history
    assert not any(changed(again, expected.get_weights()))
    message = "same recipe; 'run' has 'finetune' with freeze_convolutions True, received 'finetune'"
    other = OPTIONS | {"recipe": replace(SHORT, freeze_convolutions=False)}
    with pytest.raises(ValueError, match=message):
        train(load_pretrained(), *labeled, **other, checkpoint_dir="run")


def test_the_accuracy_on_other_digits_rises(digits, xy):
    model = load_pretrained()
    x, y = preprocess(*(array[:100] for array in digits.train))
    before = evaluate(model, *xy)
    train(model, x, y, recipe="finetune", seed=0, verbose=0)
    after = evaluate(model, *xy)
    assert 1 - after.accuracy < 0.75 * (1 - before.accuracy)


def test_the_estimator_fine_tunes_a_model(labeled):
    x, y = labeled
    classifier = DigitClassifier(
        recipe="finetune", epochs=2, seed=0, model=lambda k: load_pretrained()
    )
    classifier.fit(x, y.argmax(axis=1))
    assert changed(classifier.model_, load_pretrained().get_weights()) == [False] * 4 + [True] * 2


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        (dict(monitor=None), ValueError, "restore_best_weights must be False for a recipe without a monitor; received True"),
        (dict(restore_best_weights=1), TypeError, "restore_best_weights must be True or False; received 1"),
        (dict(freeze_convolutions="no"), TypeError, "freeze_convolutions must be True or False; received 'no'"),
        (dict(split="random"), ValueError, "split must be one of 'last', 'shuffled', 'stratified'; received 'random'"),
    ],
)  # fmt: skip
def test_settings_are_validated(setting, error, message):
    with pytest.raises(error, match=message):
        replace(FINETUNE, **setting)
    assert recipes.get("finetune") is FINETUNE
