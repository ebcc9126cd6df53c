"""What is measured of a network for the manifest and the card of its weights."""

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

# Five people looked at each test image whose label an algorithm had doubted. For these, fewer
# than three agreed with the label (Northcutt, Athalye and Mueller, 2021, arXiv:2103.14749).
DOUBTED = (
    947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729,
)  # fmt: skip

# Digits that another processor's rounding may change are not written down.
_DIGITS = 5

Probabilities = NDArray[np.floating[Any]]
Labels = NDArray[np.integer[Any]]


def probabilities_of(model: Any, images: NDArray[np.uint8]) -> Probabilities:
    """Return ``float32 (n, 10)`` for raw images."""
    return np.asarray(model.predict(mnistcnn.preprocess(images), batch_size=500, verbose=0))


def answer_figures(
    trained: Probabilities, calibrated: Probabilities, labels: Labels
) -> dict[str, Any]:
    """Return all that follows from the answers to the test images.

    `trained` are the probabilities of the network as training left it, `calibrated` those
    after the temperature.
    """
    result = Evaluation.from_probabilities(calibrated, labels)
    sound = np.setdiff1d(np.arange(len(labels)), DOUBTED)
    return {
        # The name that whoever reads a manifest can rely on.
        "test_accuracy": result.accuracy,
        "test": accuracy_of(calibrated, labels) | {"per_digit": per_digit(result)},
        "sound_labels": accuracy_of(calibrated[sound], labels[sound]) | {"left_out": list(DOUBTED)},
        "calibration": {
            "bins": NUM_BINS,
            "before": calibration(Evaluation.from_probabilities(trained, labels)),
            "after": calibration(result),
        },
        "mistakes": mistakes(result),
    }


def accuracy_of(probabilities: Probabilities, labels: Labels) -> dict[str, Any]:
    """Return how many answers are right, with the 95 % interval of the share."""
    result = Evaluation.from_probabilities(probabilities, labels)
    return {
        "images": result.num_images,
        "right": result.num_correct,
        "interval": [round(bound, _DIGITS) for bound in result.accuracy_ci],
    }


def per_digit(result: Evaluation) -> dict[str, list[float]]:
    """Return precision, recall and F1, each a list by digit."""
    shares = {name: getattr(result, name) for name in ("precision", "recall", "f1")}
    return {
        "images": result.confusion_matrix.sum(axis=1).tolist(),
        **{name: np.nan_to_num(by).round(_DIGITS).tolist() for name, by in shares.items()},
    }


def calibration(result: Evaluation) -> dict[str, Any]:
    """Return the loss, the expected calibration error and what it is made of.

    That are images, mean top probability and right answers of each bin; an empty one has a
    mean of 0.
    """
    bins = result.calibration_curve
    rows = zip(
        bins.counts.tolist(),
        np.nan_to_num(bins.confidence).round(_DIGITS).tolist(),
        bins.correct.tolist(),
        strict=True,
    )
    return {
        "loss": round(result.loss, _DIGITS),
        "ece": round(result.expected_calibration_error, _DIGITS),
        "reliability": [list(row) for row in rows],
    }


def mistakes(result: Evaluation) -> list[list[Any]]:
    """Return index, label, answer and its probability of every image that is read wrong."""
    wrong = result.misclassified
    rows = zip(wrong.indices, wrong.labels, wrong.predicted, wrong.confidence, strict=True)
    return [[int(i), int(true), int(said), round(float(p), 4)] for i, true, said, p in rows]


def robustness(
    networks: Mapping[str, Any], images: NDArray[np.uint8], labels: Labels
) -> dict[str, dict[str, Any]]:
    """Return by each network's name its accuracy under every corruption and strength.

    The corrupted images are rounded to whole grey values, as a picture from a file is.
    """
    clean = np.asarray(images / 255, np.float32)
    shares: dict[str, dict[str, list[float]]] = {name: {} for name in networks}
    for corruption in CORRUPTIONS:
        for strength in STRENGTHS:
            raw = (255 * corrupt(corruption, clean, strength) + 0.5).astype(np.uint8)
            for name, network in networks.items():
                right = probabilities_of(network, raw).argmax(axis=1) == labels
                shares[name].setdefault(corruption, []).append(float(right.mean()))
        latest = [f"{name} {np.mean(each[corruption]):.2%}" for name, each in shares.items()]
        print(f"{corruption}:", *latest, flush=True)
    return {
        name: {
            "strengths": list(STRENGTHS),
            "mean": round(float(np.mean(list(each.values()))), _DIGITS),
            "accuracy": each,
        }
        for name, each in shares.items()
    }


def cost(model: Any, *, file_bytes: int) -> dict[str, int]:
    """Return what one image costs: each weight of a kernel is used at each place of its output.

    A multiply-add is two operations. Biases, ReLU, pooling and softmax are small beside it.
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
