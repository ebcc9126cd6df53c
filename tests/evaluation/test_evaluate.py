"""`evaluate` against Keras, with arrays, files and iterables of batches."""

import re
import sys
import weakref

import numpy as np
import pytest
from sklearn import metrics

from mnistcnn import CorruptFileError, Recognizer, build_model, evaluate, load_model
from mnistcnn.backend import keras
from mnistcnn.evaluation.evaluate import _validated_batches, evaluate_batches
from mnistcnn.weights.keras_file import save_model
from tests.helpers.datasets import InfinitePyDataset, batch_sources
from tests.helpers.models import letter_network


def test_metrics_equal_keras(network, xy):
    result = evaluate(network, *xy)
    loss, accuracy = network.evaluate(*xy, verbose=0)
    assert result.loss == pytest.approx(loss, rel=1e-5)
    assert result.accuracy == pytest.approx(accuracy, abs=1e-6)
    predicted = np.asarray(network(xy[0])).argmax(axis=1)
    assert np.array_equal(
        result.confusion_matrix, metrics.confusion_matrix(xy[1].argmax(axis=1), predicted)
    )


def test_loss_of_extreme_probabilities_equals_keras(xy):
    """Probabilities that round to 0 or 1 still contribute a loss of the size of the logits."""
    model = build_model(seed=3)
    weights = model.get_weights()
    weights[-2] *= 100
    model.set_weights(weights)
    result = evaluate(model, *xy)
    assert result.loss == pytest.approx(model.evaluate(*xy, verbose=0)[0], rel=1e-4)
    assert result.loss > 16  # Keras clips probabilities at 1e-7, a loss of 16.1


def test_a_file_and_other_batch_sizes_give_the_same_result(network, xy, tmp_path, capfd):
    save_model(network, tmp_path / "network.keras")
    expected = evaluate(network, *xy)
    result = evaluate(tmp_path / "network.keras", *xy, batch_size=100)
    assert np.array_equal(result.confusion_matrix, expected.confusion_matrix)
    assert result.loss == pytest.approx(expected.loss, rel=1e-6)
    assert evaluate("network.keras", *xy) == expected
    assert capfd.readouterr() == ("", "")


def test_weights_do_not_change(network, xy):
    before = network.get_weights()
    evaluate(network, *xy)
    assert all(map(np.array_equal, network.get_weights(), before))


def test_arguments_are_checked(network, xy, tmp_path):
    x, y = xy
    with pytest.raises(
        TypeError,
        match="model must be a Keras model, a path or the name of pretrained weights; received 3",
    ):
        evaluate(3, x, y)
    with pytest.raises(FileNotFoundError, match="absent.keras"):
        evaluate("absent.keras", x, y)
    (tmp_path / "damaged.keras").write_bytes(b"PK")
    with pytest.raises(CorruptFileError, match="damaged.keras"):
        evaluate("damaged.keras", x, y)
    with pytest.raises(ValueError, match=r"x must lie in \[0, 1\]; received 0\.\.\.255: call"):
        evaluate(network, x * 255, y)
    with pytest.raises(ValueError, match="batch_size must be at least 1; received 0"):
        evaluate(network, x, y, batch_size=0)
    nine_classes = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(9)]
    )
    message = (
        r"y must be one-hot of shape \(n, 9\), or integers of shape \(n,\); received shape "
        r"\(355, 10\): call mnistcnn.preprocess with num_classes=9 first$"
    )
    with pytest.raises(ValueError, match=message):
        evaluate(nine_classes, x, y)
    fewer = np.eye(9)[np.minimum(y.argmax(axis=1), 8)]
    message = (
        r"^model must return probabilities in \[0, 1\]; received -.*: if these are logits, evaluate"
    )
    with pytest.raises(ValueError, match=message):
        evaluate(nine_classes, x, fewer)


def test_any_number_of_named_classes(xy):
    x, labels = xy[0], xy[1].argmax(axis=1) + 15
    model = letter_network()
    for y in (labels, np.eye(26)[labels]):
        result = evaluate(model, x, y)
        assert result.confusion_matrix.shape == (26, 26)
        assert result.accuracy == pytest.approx(model.evaluate(x, np.eye(26)[labels], verbose=0)[1])
    assert result.class_names == tuple(map(str, range(26)))
    model.class_names = tuple("abcdefghijklmnopqrstuvwxyz")
    assert evaluate(model, x, labels).class_names[25] == "z"
    assert (
        evaluate(model, x, labels, class_names=[*"ABCDEFGHIJKLMNOPQRSTUVWXYZ"]).class_names[0]
        == "A"
    )
    with pytest.raises(ValueError, match="class_names must hold 26 names; received 2"):
        evaluate(model, x, labels, class_names=["a", "b"])
    batches = [(x[:100], labels[:100]), (x[100:], labels[100:])]
    assert np.array_equal(evaluate(model, batches).confusion_matrix, result.confusion_matrix)


def test_the_file_of_another_network(xy, tmp_path):
    model = letter_network()
    save_model(model, tmp_path / "letters.keras")
    with pytest.raises(
        ValueError, match=r"build that network and give it as load_model\(path, model="
    ) as error:
        evaluate("letters.keras", *xy)
    assert type(error.value) is ValueError
    loaded = load_model("letters.keras", model=letter_network(seed=1))
    y = np.eye(26)[xy[1].argmax(axis=1)]
    assert evaluate(loaded, xy[0], y) == evaluate(model, xy[0], y)


def test_every_kind_of_iterable_gives_the_same_result(network, xy):
    expected = evaluate(network, *xy, batch_size=100)
    for kind, batches in batch_sources(*xy).items():
        assert evaluate(network, batches) == expected, kind


def test_large_batches_are_split(network, xy):
    sizes = []

    class Recorder:
        def __call__(self, images, training):
            sizes.append(len(images))
            return network(images, training=training)

    x, y = xy
    expected = evaluate(network, x, y, batch_size=60)
    assert evaluate(network, [(x[:300], y[:300]), (x[300:], y[300:])], batch_size=60) == expected
    batches = iter([(x[:130], y[:130]), (x[130:140], y[130:140])])
    evaluate_batches(Recorder(), _validated_batches(batches, 60))
    assert sizes == [60, 60, 10, 10]


def test_iterables_are_checked(network, xy):
    x, y = xy
    infinite = batch_sources(x, y)["tf.data"].repeat()
    for invalid, error, message in (
        (infinite, ValueError, "x must be finite; received an infinite _RepeatDataset"),
        (InfinitePyDataset(x, y, 100), ValueError, "x must be finite; received an infinite InfinitePyDataset"),
        (3, TypeError, "x must be an iterable of batches; received 3"),
        ("file.npz", TypeError, "x must be an iterable of batches; received 'file.npz'"),
        ({"x": x}, TypeError, "x must be an iterable of batches; received {"),
        (x, ValueError, "y is required where x is an array; received None"),
        ([], ValueError, "x must hold at least one batch; received none"),
        ([x], ValueError, "batch 0 must be a pair (x, y); received ndarray"),
        ([(x, y), (x, y, y)], ValueError, "batch 1 must be a pair (x, y); received 3 elements"),
        ([(x, y), (x * 255, y)], ValueError, "batch 1: x must lie in [0, 1]; received 0...255: call"),
        ([(x, y[:3])], ValueError, "batch 0: x and batch 0: y must have the same length; received 355 and 3"),
        ([(x[:0], y[:0])], ValueError, "batch 0: x must hold at least one image; received none"),
    ):  # fmt: skip
        with pytest.raises(error, match=f"^{re.escape(message)}"):
            evaluate(network, invalid)


def test_a_generator_is_read_once_and_its_batches_are_released(network, xy):
    x, y = xy
    sizes = [100, 7, 200, 48]
    references = []

    def batches():
        start = 0
        for size in sizes:
            images = x[start : start + size].copy()
            references.append(weakref.ref(images))
            # The loop variable may still refer to the previous batch, nothing to older ones.
            assert sum(reference() is not None for reference in references) <= 2
            yield images, y[start : start + size]
            start += size

    result, expected = evaluate(network, batches()), evaluate(network, x, y)
    assert result.labels_sha256 == expected.labels_sha256
    assert np.array_equal(result.confusion_matrix, expected.confusion_matrix)
    assert np.array_equal(result.misclassified.indices, expected.misclassified.indices)
    assert result.loss == pytest.approx(expected.loss, rel=1e-6)


def test_a_recognizer_is_evaluated_like_the_model_without_keras(network, xy, tmp_path, monkeypatch):
    save_model(network, tmp_path / "network.keras")
    expected = evaluate(network, *xy)
    monkeypatch.setitem(sys.modules, "keras", None)
    result = evaluate(Recognizer(tmp_path / "network.keras"), *xy)
    assert np.array_equal(result.confusion_matrix, expected.confusion_matrix)
    assert result.loss == pytest.approx(expected.loss, rel=1e-4)
    assert result.class_names == expected.class_names
    rule = (
        "^evaluate of anything but a Recognizer needs Keras and TensorFlow: pip install mnistcnn$"
    )
    with pytest.raises(ModuleNotFoundError, match=rule):
        evaluate("best", *xy)


def test_labels_must_fit_a_recognizer(recognizer, xy):
    x, y = xy
    with pytest.raises(ValueError, match=r"^y must lie in 0\.\.\.9; received 10 in row 0$"):
        evaluate(recognizer, x, np.full(len(y), 10))
