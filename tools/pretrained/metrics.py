"""The metrics of pretrained weights, for their manifest and their model card."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mnistcnn
from benchmarks.accuracy.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from mnistcnn import Evaluation
from mnistcnn.evaluation.calibration import NUM_BINS

# Five people reviewed each test image whose label an algorithm had flagged. For these, fewer than
# three agreed with the label (Northcutt, Athalye and Mueller, 2021, arXiv:2103.14749).
DISPUTED_IMAGES = (
    947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729,
)  # fmt: skip

_DECIMALS = 5  # rounding differences between processors change only later digits

Probabilities = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]


def predict_proba(model: Any, images: NDArray[np.uint8]) -> Probabilities:
    """Return ``float32 (n, 10)`` for raw images."""
    return np.asarray(model.predict(mnistcnn.preprocess(images), batch_size=500, verbose=0))


def prediction_metrics(
    as_trained: Probabilities, calibrated: Probabilities, labels: Labels
) -> dict[str, Any]:
    """Return all metrics of the predictions for the test images.

    `as_trained` are the probabilities of the network after training, `calibrated` those after
    temperature scaling.
    """
    result = Evaluation.from_probabilities(calibrated, labels)
    undisputed = np.setdiff1d(np.arange(len(labels)), DISPUTED_IMAGES)
    return {
        "test_accuracy": result.accuracy,
        "test": accuracy_with_ci(calibrated, labels) | {"per_digit": per_digit_metrics(result)},
        "undisputed_labels": accuracy_with_ci(calibrated[undisputed], labels[undisputed])
        | {"excluded": list(DISPUTED_IMAGES)},
        "calibration": {
            "num_bins": NUM_BINS,
            "before": calibration_metrics(Evaluation.from_probabilities(as_trained, labels)),
            "after": calibration_metrics(result),
        },
        "misclassified": misclassified_rows(result),
    }


def accuracy_with_ci(probabilities: Probabilities, labels: Labels) -> dict[str, Any]:
    """Return the number of correct predictions, and the 95 % interval of the accuracy."""
    result = Evaluation.from_probabilities(probabilities, labels)
    return {
        "images": result.num_images,
        "correct": result.num_correct,
        "accuracy_ci": [round(bound, _DECIMALS) for bound in result.accuracy_ci],
    }


def per_digit_metrics(result: Evaluation) -> dict[str, list[float]]:
    """Return precision, recall and F1, each a list by digit."""
    metrics = {name: getattr(result, name) for name in ("precision", "recall", "f1")}
    return {
        "images": result.confusion_matrix.sum(axis=1).tolist(),
        **{name: np.nan_to_num(each).round(_DECIMALS).tolist() for name, each in metrics.items()},
    }


def calibration_metrics(result: Evaluation) -> dict[str, Any]:
    """Return the loss, the expected calibration error and the calibration curve.

    Each row of the curve is a bin: images, mean confidence and correct predictions; the mean of
    an empty bin is 0.
    """
    curve = result.calibration_curve
    rows = zip(
        curve.counts.tolist(),
        np.nan_to_num(curve.confidence).round(_DECIMALS).tolist(),
        curve.correct.tolist(),
        strict=True,
    )
    return {
        "loss": round(result.loss, _DECIMALS),
        "ece": round(result.expected_calibration_error, _DECIMALS),
        "calibration_curve": [list(row) for row in rows],
    }


def misclassified_rows(result: Evaluation) -> list[list[Any]]:
    """Return index, label, predicted digit and confidence of every misclassified image."""
    images = result.misclassified
    rows = zip(images.indices, images.labels, images.predicted, images.confidence, strict=True)
    return [[int(i), int(label), int(p), round(float(c), 4)] for i, label, p, c in rows]


def robustness_metrics(
    networks: Mapping[str, Any], images: NDArray[np.uint8], labels: Labels
) -> dict[str, dict[str, Any]]:
    """Return for each network its accuracy under every corruption and strength.

    The corrupted images are rounded to integer gray levels, as images in files are.
    """
    clean = np.asarray(images / 255, np.float32)
    accuracies: dict[str, dict[str, list[float]]] = {name: {} for name in networks}
    for corruption in CORRUPTIONS:
        for strength in STRENGTHS:
            raw = (255 * corrupt(corruption, clean, strength) + 0.5).astype(np.uint8)
            for name, network in networks.items():
                correct = predict_proba(network, raw).argmax(axis=1) == labels
                accuracies[name].setdefault(corruption, []).append(float(correct.mean()))
        means = [f"{name} {np.mean(each[corruption]):.2%}" for name, each in accuracies.items()]
        print(f"{corruption}:", *means, flush=True)
    return {
        name: {
            "strengths": list(STRENGTHS),
            "mean": round(float(np.mean(list(each.values()))), _DECIMALS),
            "accuracy": each,
        }
        for name, each in accuracies.items()
    }


def cost_metrics(model: Any, *, file_bytes: int) -> dict[str, int]:
    """Return the operations for one image: each weight of a kernel is used once per output pixel.

    A multiply-add is two operations. Biases, ReLU, pooling and softmax are negligible.
    """
    multiply_adds = sum(
        prod(layer.output.shape[1:-1]) * prod(layer.kernel.shape)
        for layer in model.layers
        if layer.weights
    )
    return {
        "parameters": int(model.count_params()),
        "file_bytes": file_bytes,
        "multiply_adds": multiply_adds,
        "flop": 2 * multiply_adds,
    }
