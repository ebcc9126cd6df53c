"""`Evaluation`: metrics against scikit-learn, immutability, equality, storage as JSON."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from mnistcnn import Evaluation
from tests.helpers import strategies
from tests.helpers.evaluations import make_evaluation


@given(strategies.labeled_probabilities())
def test_metrics_equal_scikit_learn(case):
    probabilities, labels = case
    result = Evaluation.from_probabilities(probabilities, labels)
    predicted = probabilities.argmax(axis=1)
    classes = range(10)
    assert result.num_images == len(labels)
    assert result.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert np.array_equal(
        result.confusion_matrix, metrics.confusion_matrix(labels, predicted, labels=classes)
    )
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=np.nan
    )
    assert np.allclose(result.precision, precision, equal_nan=True)
    assert np.allclose(result.recall, recall, equal_nan=True)
    assert np.allclose(result.f1, f1, equal_nan=True)
    assert result.loss == pytest.approx(metrics.log_loss(labels, probabilities, labels=classes))


@given(strategies.labeled_probabilities(), st.randoms(use_true_random=False))
def test_metrics_do_not_depend_on_the_order_of_the_images(case, random):
    probabilities, labels = case
    order = list(range(len(labels)))
    random.shuffle(order)
    shuffled = Evaluation.from_probabilities(probabilities[order], labels[order])
    result = Evaluation.from_probabilities(probabilities, labels)
    assert np.array_equal(shuffled.confusion_matrix, result.confusion_matrix)
    assert shuffled.loss == pytest.approx(result.loss, rel=1e-12)


@given(strategies.labeled_probabilities())
def test_metrics_lie_in_their_range(case):
    result = Evaluation.from_probabilities(*case)
    low, high = result.accuracy_ci
    assert 0 <= low <= result.accuracy <= high <= 1
    assert low < high
    assert result.loss >= 0
    assert result.confusion_matrix.sum() == result.num_images
    assert result.confusion_matrix.dtype == np.int64
    assert 0 <= result.expected_calibration_error <= 1
    for ratios in (result.precision, result.recall, result.f1):
        assert ratios.shape == (10,)
        assert all(np.isnan(ratio) or 0 <= ratio <= 1 for ratio in ratios)


@given(strategies.labeled_probabilities())
def test_one_hot_labels_and_integer_labels_are_equivalent(case):
    probabilities, labels = case
    one_hot = np.eye(10, dtype=np.float32)[labels]
    result = Evaluation.from_probabilities(probabilities, one_hot)
    assert result == Evaluation.from_probabilities(probabilities, labels)


def test_top_confusions_are_sorted():
    matrix = np.diag([5] * 10)
    matrix[4, 9], matrix[9, 4], matrix[2, 7], matrix[0, 1] = 3, 7, 3, 1
    result = make_evaluation(matrix)
    assert result.top_confusions() == [(9, 4, 7), (2, 7, 3), (4, 9, 3), (0, 1, 1)]
    assert result.top_confusions(2) == [(9, 4, 7), (2, 7, 3)]
    assert make_evaluation(np.eye(10, dtype=int)).top_confusions() == []
    with pytest.raises(ValueError, match="n must be at least 1; received 0"):
        result.top_confusions(0)


# Classes


def test_classes_have_numbers_as_names_by_default():
    assert make_evaluation(np.eye(3, dtype=int)).class_names == ("0", "1", "2")


def test_class_names_are_stored():
    probabilities, labels = [[0.9, 0.1], [0.2, 0.8]], [0, 0]
    result = Evaluation.from_probabilities(probabilities, labels, class_names=["cat", "dog"])
    assert result.class_names == ("cat", "dog")
    stored = json.loads(json.dumps(result.to_dict()))
    assert stored["class_names"] == ["cat", "dog"]
    assert Evaluation.from_dict(stored) == result
    assert result != Evaluation.from_probabilities(probabilities, labels)
    del stored["class_names"]
    assert Evaluation.from_dict(stored) == Evaluation.from_probabilities(probabilities, labels)


# Immutability and equality


def fields_of(result):
    return {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}


def test_fields_and_arrays_are_read_only():
    result = make_evaluation(np.eye(3, dtype=int) + 1)
    with pytest.raises(AttributeError):
        result.loss = 0
    for array in (
        result.confusion_matrix,
        result.precision,
        result.recall,
        result.f1,
        *fields_of(result.misclassified).values(),
        *fields_of(result.calibration_curve).values(),
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_arrays_are_copied():
    matrix = np.eye(10, dtype=int)
    result = Evaluation(**fields_of(make_evaluation(matrix)) | {"confusion_matrix": matrix})
    matrix[0, 0] = 7
    assert result.num_images == 10


def test_equality_and_hash():
    probabilities, labels = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), [0, 1, 1]
    result, same = (Evaluation.from_probabilities(probabilities, labels) for _ in range(2))
    assert result == same
    assert hash(result) == hash(same)
    assert hash(result.calibration_curve) == hash(same.calibration_curve)
    assert result != Evaluation.from_probabilities(probabilities, [0, 1, 0])
    assert result != Evaluation.from_probabilities(probabilities[[0, 2, 1]], [0, 1, 1])
    assert result != dataclasses.replace(result, loss=0.9)
    assert result != dataclasses.replace(result, labels_sha256="a" * 64)
    sums = np.array(result.calibration_curve.confidence_sums)
    sums[13] += 1e-9
    curve = dataclasses.replace(result.calibration_curve, confidence_sums=sums)
    assert result != dataclasses.replace(result, calibration_curve=curve)
    misclassified = dataclasses.replace(result.misclassified, probabilities=[[0.7, 0.3]])
    assert result != dataclasses.replace(result, misclassified=misclassified)
    assert result.calibration_curve != result.misclassified
    for part in (result, result.calibration_curve, result.misclassified):
        assert part != "a string"


# to_dict and from_dict


@given(strategies.labeled_probabilities(max_size=30))
def test_an_evaluation_survives_json(case):
    result = Evaluation.from_probabilities(*case)
    assert Evaluation.from_dict(result.to_dict()) == result
    text = json.dumps(result.to_dict(), allow_nan=False)
    restored = Evaluation.from_dict(json.loads(text))
    assert restored == result
    assert restored.misclassified.probabilities.dtype == np.float32
    assert json.dumps(restored.to_dict()) == text


def test_to_dict_has_none_for_undefined_values():
    matrix = np.diag([1] * 9 + [0])
    stored = json.loads(json.dumps(make_evaluation(matrix, loss=0.25).to_dict(), allow_nan=False))
    assert stored["accuracy"] == 1.0
    assert stored["num_images"] == 9
    assert stored["loss"] == 0.25
    assert stored["precision"] == stored["recall"] == stored["f1"] == [1.0] * 9 + [None]
    assert stored["confusion_matrix"] == matrix.tolist()
    assert stored["accuracy_ci"][1] == 1.0
    assert stored["misclassified"] == {
        "indices": [], "labels": [], "predicted": [], "probabilities": []
    }  # fmt: skip


def test_to_dict_converts_numpy_scalars():
    result = make_evaluation(np.eye(10), loss=np.float32(0.5))
    json.dumps(result.to_dict())
    assert type(result.loss) is float


def stored_evaluation():
    probabilities = [[0.75, 0.25], [0.125, 0.875], [0.625, 0.375], [0.5, 0.5]]
    return Evaluation.from_probabilities(probabilities, [0, 1, 1, 0]).to_dict()


def test_to_dict_of_a_small_example():
    assert stored_evaluation()["misclassified"] == {
        "indices": [2], "labels": [1], "predicted": [0], "probabilities": [[0.625, 0.375]]
    }  # fmt: skip
    expected = (0.25 + 0.125 + 0.625 + 0.5) / 4
    assert stored_evaluation()["expected_calibration_error"] == expected


def change(*keys, to):
    def damage(values):
        for key in keys[:-1]:
            values = values[key]
        values[keys[-1]] = to

    return damage


def drop(*keys):
    def damage(values):
        for key in keys[:-1]:
            values = values[key]
        del values[keys[-1]]

    return damage


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (drop("loss"), ValueError, r"an evaluation must hold the keys num_images, .*; missing: loss$"),
        (change("mood", to=1), ValueError, "unknown: 'mood'"),
        (change("loss", to="low"), TypeError, "loss must be a number; received 'low'"),
        (change("loss", to=-1), ValueError, "loss must be at least 0; received -1"),
        (change("accuracy", to=0.9), ValueError, r"accuracy must be 0\.75, as computed from the other values; received 0\.9"),
        (change("f1", 0, to=0.9), ValueError, r"f1 must be \[0\.8, .*\], as computed from the other values; received \[0\.9"),
        (change("confusion_matrix", to=[[2, 0, 1]]), ValueError, r"confusion_matrix must be square; received \(1, 3\)"),
        (change("confusion_matrix", to=[[1, 0], [1]]), ValueError, "confusion_matrix must be convertible to one array"),
        (change("confusion_matrix", to="much"), TypeError, "confusion_matrix must be integers or floats"),
        (change("confusion_matrix", to=4), ValueError, r"confusion_matrix must be square; received \(\)"),
        (change("confusion_matrix", 0, 0, to=3), ValueError, "calibration_curve: counts must sum to 5, as in confusion_matrix; received 4"),
        (change("calibration_curve", "correct", 7, to=0), ValueError, "calibration_curve: correct must sum to 3, as in confusion_matrix; received 2"),
        (change("confusion_matrix", to=[[2, 1], [0, 1]]), ValueError, "misclassified must agree with confusion_matrix; received other counts"),
        (change("labels_sha256", to="abc"), ValueError, "labels_sha256 must be 64 hexadecimal digits; received 'abc'"),
        (change("calibration_curve", to=[1]), TypeError, r"calibration_curve must be a dictionary; received \[1\]"),
        (drop("calibration_curve", "correct"), ValueError, "calibration_curve must hold the keys counts, correct, confidence_sums; missing: correct"),
        (change("calibration_curve", "correct", to=[3]), ValueError, r"calibration_curve: correct must have shape \(15,\); received \(1,\)"),
        (change("calibration_curve", "counts", 0, to=-1), ValueError, "calibration_curve: correct must lie between 0 and counts; received other values"),
        (change("calibration_curve", "counts", 0, to=1.5), ValueError, "calibration_curve: counts must hold integers; received fractional values"),
        (change("calibration_curve", "confidence_sums", 0, to=1.5), ValueError, "calibration_curve: confidence_sums must lie between counts times the edges of each bin; received other values"),
        (change("calibration_curve", "confidence_sums", 0, to=float("nan")), ValueError, "calibration_curve: confidence_sums must lie between"),
        (change("class_names", to=["a"]), ValueError, "class_names must hold 2 names; received 1"),
        (change("class_names", to=["a", "b\x1b"]), ValueError, r"class_names must be printable, .*; received 'b\\x1b'"),
        (change("class_names", to=None), TypeError, "class_names must be a list of strings; received None"),
        (change("misclassified", to=None), TypeError, "misclassified must be a dictionary; received None"),
        (drop("misclassified", "labels"), ValueError, "misclassified must hold the keys indices, labels, predicted, probabilities; missing: labels"),
        (change("misclassified", "indices", to=[2, 3]), ValueError, "misclassified: indices and misclassified: labels must have the same length; received 2 and 1"),
        (change("misclassified", "indices", to=2), ValueError, r"misclassified: indices must have shape \(m,\); received \(\)"),
        (change("misclassified", "indices", to=[-1]), ValueError, "misclassified: indices must be at least 0 and ascending; received other values"),
        (change("misclassified", "indices", to=[4]), ValueError, "misclassified: indices must be less than 4, the number of images; received 4"),
        (change("misclassified", "labels", to=[2]), ValueError, r"misclassified: labels must lie in 0\.\.\.1; received 2\.\.\.2"),
        (change("misclassified", "labels", to=[0]), ValueError, "misclassified: predicted must differ from labels; received equal ones"),
        (change("misclassified", "probabilities", to=[]), ValueError, r"misclassified: probabilities must have shape \(1, k\); received \(0, 2\)"),
        (change("misclassified", "probabilities", to=[[2.0, 0.0]]), ValueError, r"misclassified: probabilities must lie in \[0, 1\]; received 0\.\.\.2"),
        (change("misclassified", "probabilities", to=[[0.3, 0.7]]), ValueError, "misclassified: predicted must be the most probable classes; received others"),
        (change("misclassified", "probabilities", to=[[0.6, 0.3, 0.1]]), ValueError, "misclassified must have 2 classes, as in confusion_matrix; received 3"),
    ],
)  # fmt: skip
def test_from_dict_rejects_damaged_values(damage, error, message):
    values = stored_evaluation()
    assert Evaluation.from_dict(values).num_images == 4
    damage(values)
    with pytest.raises(error, match=message):
        Evaluation.from_dict(values)


def test_from_dict_requires_a_dictionary():
    with pytest.raises(TypeError, match="values must be a dictionary; received 'a string'"):
        Evaluation.from_dict("a string")


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"confusion_matrix": np.zeros((2, 3), int)}, ValueError, r"confusion_matrix must be square; received \(2, 3\)"),
        ({"confusion_matrix": np.zeros((2, 2), int)}, ValueError, "confusion_matrix must hold non-negative counts of at least one image; received a minimum of 0 and a sum of 0"),
        ({"confusion_matrix": np.diag([3, -1])}, ValueError, "received a minimum of -1 and a sum of 2"),
        ({"confusion_matrix": 1.9 * np.eye(2)}, ValueError, "confusion_matrix must hold integers; received fractional values"),
        ({"loss": -0.1}, ValueError, r"loss must be at least 0; received -0\.1"),
        ({"loss": np.nan}, ValueError, "loss must be finite; received nan"),
        ({"calibration_curve": 3}, TypeError, "calibration_curve must be a CalibrationCurve; received 3"),
        ({"misclassified": None}, TypeError, "misclassified must be a MisclassifiedImages; received None"),
    ],
)  # fmt: skip
def test_the_constructor_checks_each_field(changed, error, message):
    fields = fields_of(make_evaluation(np.eye(2, dtype=int)))
    with pytest.raises(error, match=message):
        Evaluation(**fields | changed)
