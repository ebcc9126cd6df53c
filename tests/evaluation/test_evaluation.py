"""Evaluation against oracles: NumPy, scikit-learn, SciPy and Keras itself."""

import dataclasses
import hashlib
import io
import json
import re
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from scipy.stats import binned_statistic, binomtest
from sklearn import metrics

from mnistcnn import CorruptFileError, Evaluation, build_model, evaluate
from mnistcnn.backend import keras
from mnistcnn.evaluation.accumulator import MetricAccumulator
from mnistcnn.evaluation.intervals import wilson_interval
from mnistcnn.weights.keras_file import save_model
from tests.helpers import strategies as own
from tests.helpers.datasets import Endless, streams
from tests.helpers.evaluations import evaluation_of


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
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, answers, labels=classes, zero_division=np.nan
    )
    assert np.allclose(result.precision, precision, equal_nan=True)
    assert np.allclose(result.recall, recall, equal_nan=True)
    assert np.allclose(result.f1, f1, equal_nan=True)
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
    low, high = result.accuracy_ci
    assert 0 <= low <= result.accuracy <= high <= 1
    assert low < high
    assert result.loss >= 0
    assert result.confusion_matrix.sum() == result.num_images
    assert result.confusion_matrix.dtype == np.int64
    assert 0 <= result.expected_calibration_error <= 1
    for shares in (result.precision, result.recall, result.f1):
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
    low, high = wilson_interval(correct, n)
    expected = binomtest(correct, n).proportion_ci(0.95, method="wilson")
    assert low == pytest.approx(expected.low, abs=1e-12)
    assert high == pytest.approx(expected.high, abs=1e-12)


def test_the_document_s_accuracy_has_this_interval():
    matrix = np.diag([975] * 10)
    matrix[0, 1] = 250
    low, high = evaluation_of(matrix).accuracy_ci
    assert (round(low, 4), round(high, 4)) == (0.9718, 0.9779)


@given(own.labelled(most=40))
def test_the_bins_are_scipys(case):
    probabilities, labels = case
    bins = Evaluation.from_probabilities(probabilities, labels).calibration_curve
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    # SciPy's bins hold their lower edge and ours the upper one: so they are turned round.
    images, sums, hits = (
        binned_statistic(-top, values, how, bins=-bins.bin_edges[::-1]).statistic[::-1]
        for values, how in ((top, "count"), (top, "sum"), (right, "sum"))
    )
    at_an_edge = np.isclose(top * 15, np.round(top * 15)).any()
    if not at_an_edge:
        assert bins.counts.tolist() == images.tolist()
        assert bins.correct.tolist() == hits.tolist()
        assert np.allclose(bins.confidence_sums, sums)
        expected = np.abs(sums - hits).sum() / len(labels)
        found = Evaluation.from_probabilities(probabilities, labels).expected_calibration_error
        assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("probability", "place"), [(1.0, 14), (0.95, 14), (0.8, 11), (0.81, 12)])
def test_a_bin_holds_its_upper_edge(probability, place):
    result = Evaluation.from_probabilities([[probability, 1 - probability]], [0])
    assert result.calibration_curve.counts.tolist() == [int(i == place) for i in range(15)]


def test_calibration_of_a_hand_made_example():
    # Two answers at 0.9, one of them right, and two at 0.6, both right.
    pairs = [[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]]
    result = Evaluation.from_probabilities(pairs, [0, 1, 0, 0])
    assert result.expected_calibration_error == pytest.approx((0.8 + 0.8) / 4)
    bins = result.calibration_curve
    assert bins.confidence[[8, 13]].tolist() == pytest.approx([0.6, 0.9])
    assert bins.accuracy[[8, 13]].tolist() == [1.0, 0.5]
    assert bins.accuracy_ci[13].tolist() == pytest.approx(
        list(binomtest(1, 2).proportion_ci(0.95, method="wilson"))
    )
    assert np.isnan(bins.confidence[0])
    assert np.isnan(bins.accuracy[0])
    assert np.isnan(bins.accuracy_ci[0]).all()
    assert bins.counts.sum() == 4


@given(own.labelled())
def test_mistakes_are_those_images(case):
    probabilities, labels = case
    wrong = Evaluation.from_probabilities(probabilities, labels).misclassified
    answers = probabilities.argmax(axis=1)
    places = np.flatnonzero(answers != labels)
    assert wrong.indices.tolist() == places.tolist()
    assert wrong.labels.tolist() == labels[places].tolist()
    assert wrong.predicted.tolist() == answers[places].tolist()
    assert np.array_equal(wrong.probabilities, probabilities[places].astype(np.float32))
    assert np.array_equal(wrong.confidence, probabilities[places].max(axis=1).astype(np.float32))
    assert (wrong.indices.dtype, wrong.probabilities.dtype) == (np.int64, np.float32)
    assert len(wrong) == len(places)
    assert np.all(np.diff(wrong.confidence[wrong.most_confident_first]) <= 0)
    assert sorted(wrong.most_confident_first) == list(range(len(places)))


@given(own.labelled(least=4, most=30), st.integers(1, 3), st.integers(1, 3))
def test_batches_add_up(case, first, second):
    probabilities, labels = case
    tally = MetricAccumulator()
    for part in (slice(first), slice(first, first + second), slice(first + second, None)):
        if len(labels[part]):
            tally.add(probabilities[part], labels[part])
    found, whole = Evaluation(**tally.figures()), Evaluation.from_probabilities(*case)
    assert found.loss == pytest.approx(whole.loss, rel=1e-12)
    assert np.array_equal(found.confusion_matrix, whole.confusion_matrix)
    assert np.array_equal(found.calibration_curve.counts, whole.calibration_curve.counts)
    assert np.array_equal(found.calibration_curve.correct, whole.calibration_curve.correct)
    assert np.allclose(
        found.calibration_curve.confidence_sums, whole.calibration_curve.confidence_sums
    )
    assert found.misclassified == whole.misclassified
    assert found.labels_sha256 == whole.labels_sha256


def test_a_batch_of_other_digits_is_refused():
    tally = MetricAccumulator()
    tally.add([[0.5, 0.5]], [0])
    expected = "every batch must have 2 probabilities for each image; received one with 3"
    with pytest.raises(ValueError, match=expected):
        tally.add([[0.5, 0.5, 0.0]], [0])


def test_the_digest_is_that_of_the_labels():
    labels = [3, 0, 1]
    expected = hashlib.sha256(np.array(labels, "<i8").tobytes()).hexdigest()
    assert Evaluation.from_probabilities(np.full((3, 4), 0.25), labels).labels_sha256 == expected


def test_top_confusions_are_sorted():
    matrix = np.diag([5] * 10)
    matrix[4, 9], matrix[9, 4], matrix[2, 7], matrix[0, 1] = 3, 7, 3, 1
    result = evaluation_of(matrix)
    assert result.top_confusions() == [(9, 4, 7), (2, 7, 3), (4, 9, 3), (0, 1, 1)]
    assert result.top_confusions(2) == [(9, 4, 7), (2, 7, 3)]
    assert evaluation_of(np.eye(10, dtype=int)).top_confusions() == []
    with pytest.raises(ValueError, match="n must be at least 1; received 0"):
        result.top_confusions(0)


def test_a_result_is_frozen_to_its_arrays():
    result = evaluation_of(np.eye(3, dtype=int) + 1)
    with pytest.raises(AttributeError):
        result.loss = 0
    wrong, bins = result.misclassified, result.calibration_curve
    for array in (
        result.confusion_matrix, result.precision, result.recall, result.f1, wrong.indices,
        wrong.labels, wrong.predicted, wrong.probabilities, bins.counts, bins.correct,
        bins.confidence_sums,
    ):  # fmt: skip
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_result_keeps_no_array_of_the_callers():
    matrix = np.eye(10, dtype=int)
    figures = fields_of(evaluation_of(matrix)) | {"confusion_matrix": matrix}
    result = Evaluation(**figures)
    matrix[0, 0] = 7
    assert result.num_images == 10


def test_equality_and_hash():
    probabilities, labels = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), [0, 1, 1]
    one, same = (Evaluation.from_probabilities(probabilities, labels) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    assert hash(one.calibration_curve) == hash(same.calibration_curve)
    assert one != Evaluation.from_probabilities(probabilities, [0, 1, 0])
    assert one != Evaluation.from_probabilities(probabilities[[0, 2, 1]], [0, 1, 1])
    assert one != dataclasses.replace(one, loss=0.9)
    assert one != dataclasses.replace(one, labels_sha256="a" * 64)
    sums = np.array(one.calibration_curve.confidence_sums)
    sums[13] += 1e-9
    assert one != dataclasses.replace(
        one, calibration_curve=dataclasses.replace(one.calibration_curve, confidence_sums=sums)
    )
    moved = dataclasses.replace(one.misclassified, probabilities=[[0.7, 0.3]])
    assert one != dataclasses.replace(one, misclassified=moved)
    for part in (one, one.calibration_curve, one.misclassified):
        assert part != "a text"


def confused():
    matrix = np.diag([1000] * 10)
    matrix[3, 5] = 100
    matrix[1, 7] = 3
    matrix[9, 9] = 0
    return evaluation_of(matrix, loss=0.0312)


def test_it_prints_as_a_short_report():
    lines = str(confused()).splitlines()
    assert lines[0] == "accuracy 98.87% (95 % interval 98.63% to 99.07%), loss 0.0312, 9,103 images"
    error = confused().expected_calibration_error
    assert (
        lines[1] == f"calibration error {error:.2%}, most often taken: 3 for 5 (100), 1 for 7 (3)"
    )
    assert lines[2].split() == ["digit", "precision", "recall", "F1", "images"]
    assert lines[3 + 3].split() == ["3", "100.00%", "90.91%", "95.24%", "1,100"]
    assert lines[3 + 5].split() == ["5", "90.91%", "100.00%", "95.24%", "1,000"]
    assert lines[3 + 9].split() == ["9", "nan%", "nan%", "nan%", "0"]
    assert len(lines) == 13
    assert len({len(line) for line in lines[2:]}) == 1
    assert str(evaluation_of(np.eye(2, dtype=int))).splitlines()[1].endswith(", no mistakes")


def test_a_terminal_gets_a_table():
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    console.print(confused())
    lines = console.file.getvalue().splitlines()
    assert lines[:2] == str(confused()).splitlines()[:2]
    rows = [re.split(r"\s*│\s*", line.strip("│ ")) for line in lines if "│" in line]
    assert ["3", "1,100", "100.00%", "90.91%", "95.24%", "5 (100)"] in rows
    assert ["1", "1,003", "100.00%", "99.70%", "99.85%", "7 (3)"] in rows
    assert ["0", "1,000", "100.00%", "100.00%", "100.00%"] in rows
    assert rows[-1][:2] == ["9", "0"]
    assert "nan" not in console.file.getvalue()


# to_dict and from_dict


@given(own.labelled(most=30))
def test_it_comes_back_from_json(case):
    result = Evaluation.from_probabilities(*case)
    assert Evaluation.from_dict(result.to_dict()) == result
    written = json.dumps(result.to_dict(), allow_nan=False)
    found = Evaluation.from_dict(json.loads(written))
    assert found == result
    assert np.array_equal(
        found.calibration_curve.confidence_sums, result.calibration_curve.confidence_sums
    )
    assert np.array_equal(found.misclassified.probabilities, result.misclassified.probabilities)
    assert found.misclassified.probabilities.dtype == np.float32
    assert json.dumps(found.to_dict()) == written


def test_to_dict_is_json_with_none_for_the_undefined():
    matrix = np.diag([1] * 9 + [0])
    found = json.loads(json.dumps(evaluation_of(matrix, loss=0.25).to_dict(), allow_nan=False))
    assert found["accuracy"] == 1.0
    assert found["num_images"] == 9
    assert found["loss"] == 0.25
    assert found["precision"] == found["recall"] == found["f1"] == [1.0] * 9 + [None]
    assert found["confusion_matrix"] == matrix.tolist()
    assert found["accuracy_ci"][1] == 1.0
    assert found["misclassified"] == {
        "indices": [],
        "labels": [],
        "predicted": [],
        "probabilities": [],
    }


def described():
    probabilities = [[0.75, 0.25], [0.125, 0.875], [0.625, 0.375], [0.5, 0.5]]
    return Evaluation.from_probabilities(probabilities, [0, 1, 1, 0]).to_dict()


def test_a_description_is_of_these_figures():
    assert described()["misclassified"] == {
        "indices": [2], "labels": [1], "predicted": [0], "probabilities": [[0.625, 0.375]]
    }  # fmt: skip
    assert described()["expected_calibration_error"] == (0.25 + 0.125 + 0.625 + 0.5) / 4


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
        (change("accuracy", to=0.9), ValueError, r"accuracy must be 0\.75, as the other figures have it; received 0\.9"),
        (change("f1", 0, to=0.9), ValueError, r"f1 must be \[0\.8, .*\], as the other figures have it; received \[0\.9"),
        (change("confusion_matrix", to=[[2, 0, 1]]), ValueError, r"confusion_matrix must be square; received \(1, 3\)"),
        (change("confusion_matrix", to=[[1, 0], [1]]), ValueError, "confusion_matrix must be convertible to one array"),
        (change("confusion_matrix", to="much"), TypeError, "confusion_matrix must be integers or floats"),
        (change("confusion_matrix", to=4), ValueError, r"confusion_matrix must be square; received \(\)"),
        (change("confusion_matrix", 0, 0, to=3), ValueError, "calibration_curve: counts must sum to 5, as in confusion_matrix; received 4"),
        (change("confusion_matrix", to=[[2, 1], [0, 1]]), ValueError, "misclassified must be those of confusion_matrix; received others"),
        (change("labels_sha256", to="abc"), ValueError, "labels_sha256 must be 64 hexadecimal digits; received 'abc'"),
        (change("calibration_curve", to=[1]), TypeError, r"calibration_curve must be a dictionary; received \[1\]"),
        (drop("calibration_curve", "correct"), ValueError, "calibration_curve must hold the keys counts, correct, confidence_sums; missing: correct"),
        (change("calibration_curve", "correct", to=[3]), ValueError, r"calibration_curve: correct must have shape \(15,\); received \(1,\)"),
        (change("calibration_curve", "counts", 0, to=-1), ValueError, "calibration_curve: correct must lie between 0 and counts; received other counts"),
        (change("calibration_curve", "counts", 0, to=1.5), ValueError, "calibration_curve: counts must hold integers; received fractional values"),
        (change("calibration_curve", "confidence_sums", 0, to=1.5), ValueError, "calibration_curve: confidence_sums must agree with the bins; received other sums"),
        (change("calibration_curve", "confidence_sums", 0, to=float("nan")), ValueError, "calibration_curve: confidence_sums must agree with the bins"),
        (change("misclassified", to=None), TypeError, "misclassified must be a dictionary; received None"),
        (drop("misclassified", "labels"), ValueError, "misclassified must hold the keys indices, labels, predicted, probabilities; missing: labels"),
        (change("misclassified", "indices", to=[2, 3]), ValueError, "misclassified: indices and misclassified: labels must have the same length; received 2 and 1"),
        (change("misclassified", "indices", to=2), ValueError, r"misclassified: indices must have shape \(m,\); received \(\)"),
        (change("misclassified", "indices", to=[-1]), ValueError, "misclassified: indices must ascend from 0 on; received others"),
        (change("misclassified", "indices", to=[4]), ValueError, "misclassified must be among the 4 images; received the index 4"),
        (change("misclassified", "labels", to=[2]), ValueError, r"misclassified: labels must lie in 0\.\.\.1; received 2\.\.\.2"),
        (change("misclassified", "labels", to=[0]), ValueError, "misclassified: predicted must differ from labels; received equal ones"),
        (change("misclassified", "probabilities", to=[]), ValueError, r"misclassified: probabilities must have shape \(1, k\); received \(0, 2\)"),
        (change("misclassified", "probabilities", to=[[2.0, 0.0]]), ValueError, r"misclassified: probabilities must lie in \[0, 1\]; received 0\.\.\.2"),
        (change("misclassified", "probabilities", to=[[0.3, 0.7]]), ValueError, "misclassified: predicted must be the most probable; received others"),
        (change("misclassified", "probabilities", to=[[0.6, 0.3, 0.1]]), ValueError, "misclassified must be of the 2 digits of confusion_matrix; received 3"),
    ],
)  # fmt: skip
def test_a_damaged_description_is_refused(damage, error, message):
    values = described()
    assert Evaluation.from_dict(values).num_images == 4
    damage(values)
    with pytest.raises(error, match=message):
        Evaluation.from_dict(values)


def test_a_description_must_be_a_dictionary():
    with pytest.raises(TypeError, match="values must be a dictionary; received 'a text'"):
        Evaluation.from_dict("a text")


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


def fields_of(result):
    return {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"confusion_matrix": np.zeros((2, 3), int)}, ValueError, r"confusion_matrix must be square; received \(2, 3\)"),
        ({"confusion_matrix": np.zeros((2, 2), int)}, ValueError, "must hold counts of at least one image; received 0 as least and 0 in all"),
        ({"confusion_matrix": np.diag([3, -1])}, ValueError, "received -1 as least and 2 in all"),
        ({"confusion_matrix": 1.9 * np.eye(2)}, ValueError, "confusion_matrix must hold integers; received fractional values"),
        ({"loss": -0.1}, ValueError, r"loss must be at least 0; received -0\.1"),
        ({"loss": np.nan}, ValueError, "loss must be finite; received nan"),
        ({"calibration_curve": 3}, TypeError, "calibration_curve must be of the class CalibrationCurve; received 3"),
        ({"misclassified": None}, TypeError, "misclassified must be of the class MisclassifiedImages; received None"),
    ],
)  # fmt: skip
def test_a_result_by_hand_is_checked(changed, error, message):
    figures = fields_of(evaluation_of(np.eye(2, dtype=int)))
    with pytest.raises(error, match=message):
        Evaluation(**figures | changed)


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
    result = evaluation_of(np.eye(10), loss=np.float32(0.5))
    json.dumps(result.to_dict())
    assert type(result.loss) is float


def test_every_kind_of_stream_gives_the_same(network, xy):
    expected = evaluate(network, *xy, batch_size=100)
    for kind, stream in streams(*xy).items():
        assert evaluate(network, stream) == expected, kind


def test_large_batches_of_a_stream_are_cut(network, xy):
    sizes = []

    class Noting:
        def __call__(self, images, training):
            sizes.append(len(images))
            return network(images, training=training)

    x, y = xy
    expected = evaluate(network, x, y, batch_size=60)
    assert evaluate(network, [(x[:300], y[:300]), (x[300:], y[300:])], batch_size=60) == expected
    from mnistcnn.evaluation.evaluate import _validated, evaluate_batches

    evaluate_batches(Noting(), _validated(iter([(x[:130], y[:130]), (x[130:140], y[130:140])]), 60))
    assert sizes == [60, 60, 10, 10]


def test_streams_are_checked(network, xy):
    x, y = xy
    endless = streams(x, y)["tf.data"].repeat()

    for wrong, error, message in (
        (endless, ValueError, "x must come to an end; received _RepeatDataset without"),
        (Endless(x, y, 100), ValueError, "x must come to an end; received Endless without"),
        (3, TypeError, "x must be an iterable of batches; received 3"),
        ("file.npz", TypeError, "x must be an iterable of batches; received 'file.npz'"),
        ({"x": x}, TypeError, "x must be an iterable of batches; received {"),
        (x, ValueError, "y must be given where x is an array; received None"),
        ([], ValueError, "x must hold at least one batch; received none"),
        ([x], ValueError, "batch 0 must be a pair (x, y); received ndarray"),
        ([(x, y), (x, y, y)], ValueError, "batch 1 must be a pair (x, y); received 3 elements"),
        ([(x, y), (x * 255, y)], ValueError, "batch 1: x must lie in [0, 1]; received 0...255: call"),
        ([(x, y[:3])], ValueError, "batch 0: x and batch 0: y must have the same length; received 355 and 3"),
        ([(x[:0], y[:0])], ValueError, "batch 0: x must hold at least one image; received none"),
    ):  # fmt: skip
        with pytest.raises(error, match=f"^{re.escape(message)}"):
            evaluate(network, wrong)


def test_batches_may_come_from_anywhere_and_are_not_kept(network, xy):
    """A generator is read once, a batch at a time."""
    x, y = xy
    sizes = [100, 7, 200, 48]
    alive = []

    def stream():
        first = 0
        for size in sizes:
            batch = x[first : first + size].copy()
            alive.append(weakref.ref(batch))
            # the one before may still have its name in the loop, none else
            assert sum(one() is not None for one in alive) <= 2
            yield batch, y[first : first + size]
            first += size

    found, expected = evaluate(network, stream()), evaluate(network, x, y)
    assert found.labels_sha256 == expected.labels_sha256
    assert np.array_equal(found.confusion_matrix, expected.confusion_matrix)
    assert np.array_equal(found.misclassified.indices, expected.misclassified.indices)
    assert found.loss == pytest.approx(expected.loss, rel=1e-6)
