"""Evaluation against oracles: NumPy, scikit-learn, SciPy and Keras itself."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics

from mnistcnn import CorruptFileError, Evaluation, build_model, evaluate
from mnistcnn._backend import keras
from mnistcnn._weights import save_model
from tests import strategies as own


@given(own.labelled())
def test_figures_are_scikit_learns(case):
    probabilities, labels = case
    result = Evaluation.from_probabilities(probabilities, labels)
    answers = probabilities.argmax(axis=1)
    classes = range(10)
    assert result.num_images == len(labels)
    assert result.accuracy == pytest.approx(metrics.accuracy_score(labels, answers))
    assert np.array_equal(
        result.confusion_matrix, metrics.confusion_matrix(labels, answers, labels=classes)
    )
    precision, recall, _, _ = metrics.precision_recall_fscore_support(
        labels, answers, labels=classes, zero_division=np.nan
    )
    assert np.allclose(result.precision, precision, equal_nan=True)
    assert np.allclose(result.recall, recall, equal_nan=True)
    assert result.loss == pytest.approx(metrics.log_loss(labels, probabilities, labels=classes))


@given(own.labelled(), st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter(case, random):
    probabilities, labels = case
    order = list(range(len(labels)))
    random.shuffle(order)
    shuffled = Evaluation.from_probabilities(probabilities[order], labels[order])
    result = Evaluation.from_probabilities(probabilities, labels)
    assert np.array_equal(shuffled.confusion_matrix, result.confusion_matrix)
    assert shuffled.loss == pytest.approx(result.loss, rel=1e-12)


@given(own.labelled())
def test_bounds(case):
    result = Evaluation.from_probabilities(*case)
    low, high = result.accuracy_interval
    assert 0 <= low <= result.accuracy <= high <= 1
    assert low < high
    assert result.loss >= 0
    assert result.confusion_matrix.sum() == result.num_images
    assert result.confusion_matrix.dtype == np.int64
    for shares in (result.precision, result.recall):
        assert shares.shape == (10,)
        assert all(np.isnan(share) or 0 <= share <= 1 for share in shares)


@given(own.labelled())
def test_one_hot_labels_and_plain_ones_are_the_same(case):
    probabilities, labels = case
    coded = np.eye(10, dtype=np.float32)[labels]
    assert Evaluation.from_probabilities(probabilities, coded) == Evaluation.from_probabilities(
        probabilities, labels
    )


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_interval_is_wilsons(case):
    n, correct = case
    matrix = np.zeros((10, 10), int)
    matrix[0, 0], matrix[0, 1] = correct, n - correct
    low, high = Evaluation(0.0, matrix).accuracy_interval
    expected = binomtest(correct, n).proportion_ci(0.95, method="wilson")
    assert low == pytest.approx(expected.low, abs=1e-12)
    assert high == pytest.approx(expected.high, abs=1e-12)


def test_the_document_s_accuracy_has_this_interval():
    matrix = np.diag([975] * 10)
    matrix[0, 1] = 250
    low, high = Evaluation(0.1, matrix).accuracy_interval
    assert (round(low, 4), round(high, 4)) == (0.9718, 0.9779)


def test_a_result_is_frozen_to_its_arrays():
    matrix = np.eye(10, dtype=int)
    result = Evaluation(0.5, matrix)
    matrix[0, 0] = 7
    assert result.num_images == 10
    with pytest.raises(AttributeError):
        result.loss = 0
    for array in (result.confusion_matrix, result.precision, result.recall):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_equality_and_hash():
    one, same = Evaluation(0.5, np.eye(10, dtype=int)), Evaluation(0.5, np.eye(10, dtype=int))
    other = Evaluation(0.5, 2 * np.eye(10, dtype=int))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != Evaluation(0.4, np.eye(10, dtype=int))
    assert one != "a text"


def test_it_prints_as_a_short_report():
    matrix = np.diag([1000] * 10)
    matrix[3, 5] = 100
    matrix[9, 9] = 0
    lines = str(Evaluation(0.0312, matrix)).splitlines()
    assert lines[0] == "accuracy 98.90% (95 % interval 98.67% to 99.10%), loss 0.0312, 9,100 images"
    assert lines[1].split() == ["digit", "precision", "recall", "images"]
    assert lines[2 + 3].split() == ["3", "100.00%", "90.91%", "1,100"]
    assert lines[2 + 5].split() == ["5", "90.91%", "100.00%", "1,000"]
    assert lines[2 + 9].split() == ["9", "nan%", "nan%", "0"]
    assert len(lines) == 12


def test_to_dict_is_json_with_none_for_the_undefined():
    matrix = np.diag([1] * 9 + [0])
    found = json.loads(json.dumps(Evaluation(0.25, matrix).to_dict(), allow_nan=False))
    assert found["accuracy"] == 1.0
    assert found["num_images"] == 9
    assert found["precision"] == found["recall"] == [1.0] * 9 + [None]
    assert found["confusion_matrix"] == matrix.tolist()
    assert found["accuracy_interval"][1] == 1.0


def test_a_certain_mistake_costs_what_float32_can_tell():
    result = Evaluation.from_probabilities([[1.0, 0.0]], [1])
    assert result.loss == pytest.approx(-np.log(np.finfo(np.float32).smallest_normal))


@pytest.mark.parametrize(
    ("probabilities", "labels", "error", "message"),
    [
        ([0.5, 0.5], [1], ValueError, r"probabilities must have shape \(n, k\) with n and k at least 1; received \(2,\)"),
        (np.zeros((0, 10)), [], ValueError, r"received \(0, 10\)"),
        ([[0.5, np.nan]], [1], ValueError, r"probabilities must lie in \[0, 1\]; received NaN"),
        ([[0.5, 1.5]], [1], ValueError, r"probabilities must lie in \[0, 1\]; received 0\.5\.\.\.1\.5"),
        ([[0.5, 0.5]], [2], ValueError, r"labels must lie in 0\.\.\.1; received 2"),
        ([[0.5, 0.5]], [0, 1], ValueError, "probabilities and labels must have the same length; received 1 and 2"),
    ],
)  # fmt: skip
def test_probabilities_are_checked(probabilities, labels, error, message):
    with pytest.raises(error, match=message):
        Evaluation.from_probabilities(probabilities, labels)


@pytest.mark.parametrize(
    ("loss", "matrix", "error", "message"),
    [
        (0.1, np.zeros((2, 3), int), ValueError, r"confusion_matrix must be square; received \(2, 3\)"),
        (0.1, np.zeros((2, 2), int), ValueError, "must hold counts of at least one image; received 0 as least and 0 in all"),
        (0.1, np.diag([3, -1]), ValueError, "received -1 as least and 2 in all"),
        (0.1, 1.9 * np.eye(2), ValueError, "confusion_matrix must hold whole numbers; received fractions"),
        (-0.1, np.eye(2, dtype=int), ValueError, r"loss must be at least 0; received -0\.1"),
        (np.nan, np.eye(2, dtype=int), ValueError, "loss must be finite; received nan"),
    ],
)  # fmt: skip
def test_a_result_by_hand_is_checked(loss, matrix, error, message):
    with pytest.raises(error, match=message):
        Evaluation(loss, matrix)


# evaluate


def test_it_says_what_keras_says(network, xy):
    result = evaluate(network, *xy)
    loss, accuracy = network.evaluate(*xy, verbose=0)
    assert result.loss == pytest.approx(loss, rel=1e-5)
    assert result.accuracy == pytest.approx(accuracy, abs=1e-6)
    answers = np.asarray(network(xy[0])).argmax(axis=1)
    assert np.array_equal(
        result.confusion_matrix, metrics.confusion_matrix(xy[1].argmax(axis=1), answers)
    )


def test_a_sure_network_costs_what_keras_says(xy):
    """Where probabilities round to 0 or 1 the loss still has the logits' size."""
    model = build_model(seed=3)
    weights = model.get_weights()
    weights[-2] *= 100
    model.set_weights(weights)
    result = evaluate(model, *xy)
    assert result.loss == pytest.approx(model.evaluate(*xy, verbose=0)[0], rel=1e-4)
    assert result.loss > 16  # beyond Keras' clipping of probabilities at 1e-7


def test_a_file_and_any_batch_size_say_the_same(network, xy, tmp_path, capfd):
    save_model(network, tmp_path / "network.keras")
    expected = evaluate(network, *xy)
    found = evaluate(tmp_path / "network.keras", *xy, batch_size=100)
    assert np.array_equal(found.confusion_matrix, expected.confusion_matrix)
    assert found.loss == pytest.approx(expected.loss, rel=1e-6)
    assert evaluate("network.keras", *xy) == expected
    assert capfd.readouterr() == ("", "")


def test_the_weights_stay_as_they_are(network, xy):
    before = network.get_weights()
    evaluate(network, *xy)
    assert all(map(np.array_equal, network.get_weights(), before))


def test_arguments_are_checked(network, xy, tmp_path):
    x, y = xy
    with pytest.raises(TypeError, match="model must be a Keras model or a path; received 3"):
        evaluate(3, x, y)
    with pytest.raises(FileNotFoundError, match="absent.keras"):
        evaluate("absent.keras", x, y)
    (tmp_path / "damaged.keras").write_bytes(b"PK")
    with pytest.raises(CorruptFileError, match="damaged.keras is not a whole Keras file"):
        evaluate("damaged.keras", x, y)
    with pytest.raises(ValueError, match=r"x must lie in \[0, 1\]; received 0\.\.\.255: call"):
        evaluate(network, x * 255, y)
    with pytest.raises(ValueError, match="batch_size must be at least 1; received 0"):
        evaluate(network, x, y, batch_size=0)
    nine = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(9)]
    )
    with pytest.raises(
        ValueError,
        match=r"model must give 10 probabilities for each image; received one that gives \(9,\)",
    ):
        evaluate(nine, x, y)


def test_figures_from_numpy_are_plain_numbers():
    result = Evaluation(np.float32(0.5), np.eye(10))
    json.dumps(result.to_dict())
    assert type(result.loss) is float
