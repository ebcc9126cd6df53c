"""The metrics in the manifests: computed correctly, and true of the pretrained weights."""

import numpy as np
import pytest
from scipy.stats import binomtest

import mnistcnn
from mnistcnn.weights.pretrained import FOLDER, PRETRAINED, load_pretrained_weights
from tools.pretrained import metrics


def two_class_predictions(*rows):
    """Probabilities of two classes from the (confidence, predicted class) of each image."""
    probabilities = np.array([[p, 1 - p] if label == 0 else [1 - p, p] for p, label in rows])
    return probabilities, np.zeros(len(rows), int)


def test_calibration_is_rounded():
    # Two predictions at 0.9, one of them correct, and two at 0.6, both correct.
    predictions = two_class_predictions((0.9, 0), (0.9, 1), (0.6, 0), (0.6, 0))
    result = metrics.calibration_metrics(mnistcnn.Evaluation.from_probabilities(*predictions))
    assert result["ece"] == pytest.approx((0.8 + 0.8) / 4)
    curve = result["calibration_curve"]
    assert len(curve) == metrics.NUM_BINS
    assert [row for row in curve if row[0]] == [[2, 0.6, 2], [2, 0.9, 1]]
    assert curve[0] == [0, 0.0, 0]
    assert result["loss"] == round(-(np.log(0.9) + np.log(0.1) + 2 * np.log(0.6)) / 4, 5)


@pytest.mark.parametrize(("correct", "images"), [(9, 10), (10, 10), (0, 3), (9_960, 10_000)])
def test_interval_equals_that_of_scipy(correct, images):
    predictions = two_class_predictions(*[(0.9, 0)] * correct, *[(0.9, 1)] * (images - correct))
    result = metrics.accuracy_with_ci(*predictions)
    expected = binomtest(correct, images).proportion_ci(0.95, method="wilson")
    assert (result["correct"], result["images"]) == (correct, images)
    assert result["accuracy_ci"] == pytest.approx([expected.low, expected.high], abs=1e-5)


def test_metrics_of_each_digit():
    probabilities = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.1, 0.9, 0], [0.6, 0.4, 0]])
    result = mnistcnn.Evaluation.from_probabilities(probabilities, [0, 0, 1, 1])
    assert metrics.per_digit_metrics(result) == {
        "images": [2, 2, 0],
        "precision": [0.66667, 1.0, 0.0],
        "recall": [1.0, 0.5, 0.0],
        "f1": [0.8, 0.66667, 0.0],
    }


def test_misclassified_rows_are_index_label_prediction_and_confidence():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.25, 0.75]])
    result = mnistcnn.Evaluation.from_probabilities(probabilities, [0, 1, 0])
    assert metrics.misclassified_rows(result) == [[1, 1, 0, 0.8], [2, 0, 1, 0.75]]


def test_disputed_images_are_excluded():
    labels = np.zeros(1_000, int)
    probabilities = np.tile([0.9, 0.1], (1_000, 1))
    probabilities[[3, 947]] = [0.2, 0.8]
    result = metrics.prediction_metrics(probabilities, probabilities, labels)
    assert (result["test"]["images"], result["test"]["correct"]) == (1_000, 998)
    undisputed = result["undisputed_labels"]
    assert (undisputed["images"], undisputed["correct"]) == (999, 998)
    assert len(undisputed["excluded"]) == 15


def test_cost_is_that_of_the_layers(network):
    assert metrics.cost_metrics(network, file_bytes=3) == {
        "parameters": 34_826,
        "file_bytes": 3,
        "multiply_adds": 26 * 26 * 32 * 9 + 11 * 11 * 64 * 9 * 32 + 1_600 * 10,
        "flop": 4_881_920,
    }


class BrightnessModel:
    """Predicts 1 for images with a mean above one half, else 0, or the opposite."""

    def __init__(self, *, inverted=False):
        self.columns = [1, 0] if inverted else [0, 1]

    def predict(self, x, **options):
        return np.eye(10)[:, self.columns][(x.mean(axis=(1, 2, 3)) > 0.5).astype(int)]


def test_robustness_counts_correct_predictions(monkeypatch, digits):
    corruptions = {name: metrics.CORRUPTIONS[name] for name in ("brightness", "contrast")}
    monkeypatch.setattr(metrics, "CORRUPTIONS", corruptions)
    images = digits.test.images[:20]
    networks = {"bright": BrightnessModel(), "inverted": BrightnessModel(inverted=True)}
    result = metrics.robustness_metrics(networks, images, np.ones(20, int))
    assert list(result) == ["bright", "inverted"]
    bright, inverted = result.values()
    assert bright["strengths"] == [1, 2, 3, 4, 5]
    assert bright["accuracy"]["brightness"][-2:] == [1, 1]
    assert bright["accuracy"]["contrast"] == [0] * 5
    assert bright["mean"] == pytest.approx(np.mean(bright["accuracy"]["brightness"]) / 2, abs=1e-5)
    assert inverted["accuracy"]["contrast"] == [1] * 5
    assert bright["mean"] + inverted["mean"] == pytest.approx(1)


# The pretrained weights


@pytest.fixture(params=PRETRAINED)
def manifest(request):
    return load_pretrained_weights(request.param).manifest


@pytest.mark.mnist
def test_manifest_has_the_metrics_of_the_weights(mnist_path, manifest):
    _, (images, labels) = mnistcnn.load_data(mnist_path)
    as_trained, calibrated = (
        metrics.predict_proba(mnistcnn.load_pretrained(manifest.name, calibrated=value), images)
        for value in (False, True)
    )
    measured = metrics.prediction_metrics(as_trained, calibrated, labels)
    stored = manifest.metrics
    assert measured["test_accuracy"] == stored["test_accuracy"]
    assert measured["test"] == stored["test"]
    assert measured["undisputed_labels"] == stored["undisputed_labels"]
    assert measured["undisputed_labels"]["images"] == 9_985
    rows = [[row[:3] for row in each["misclassified"]] for each in (measured, stored)]
    assert rows[0] == rows[1]
    for side in ("before", "after"):
        for name in ("loss", "ece"):
            # The last decimal may be rounded differently.
            assert measured["calibration"][side][name] == pytest.approx(
                stored["calibration"][side][name], abs=1.5e-5
            )


def test_manifest_has_the_accuracy_on_sklearn_digits(digits, manifest):
    images, labels = (np.concatenate(arrays) for arrays in zip(*digits, strict=True))
    model = mnistcnn.load_pretrained(manifest.name)
    measured = metrics.accuracy_with_ci(metrics.predict_proba(model, images), labels)
    stored = manifest.metrics["sklearn_digits"]
    assert {name: stored[name] for name in measured} == measured


def test_manifest_is_consistent(network, manifest):
    stored = manifest.metrics
    assert manifest.recipe["name"] == manifest.name
    assert manifest.command == "make weights"
    assert stored["test"]["correct"] == 10_000 - len(stored["misclassified"])
    assert stored["test_accuracy"] == stored["test"]["correct"] / 10_000
    assert dict(stored["seeds"])[manifest.seed] == stored["test"]["correct"]
    assert stored["temperature"]["mean"] == manifest.temperature
    size = (FOLDER / manifest.file).stat().st_size
    assert stored["cost"] == metrics.cost_metrics(network, file_bytes=size)
    for part in (stored, stored["plain"]):
        assert set(part["robustness"]["accuracy"]) == set(metrics.CORRUPTIONS)
