"""Temperature scaling: one number that divides the logits so that confidences are calibrated.

C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks",
International Conference on Machine Learning, 2017.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistcnn.types import Float64Array

# As in the manifest of pretrained weights: a value far outside is a mistake in the data.
TEMPERATURE_RANGE = (0.01, 100.0)
_TOLERANCE = 1e-7  # of the logarithm of the temperature


def fit_temperature(log_probabilities: NDArray[Any], labels: NDArray[np.intp]) -> float:
    """Return the temperature that minimizes the cross-entropy of the scaled probabilities.

    Parameters
    ----------
    log_probabilities : numpy.ndarray
        Finite logarithms of the probabilities, or logits, which differ from them by a constant
        per image: ``(n, k)``.
    labels : numpy.ndarray
        True classes, ``(n,)`` in ``0...k - 1``.

    Raises
    ------
    ValueError
        If no temperature in [0.01, 100] is the minimum, as for images that are all classified
        correctly, whose cross-entropy falls with the temperature down to 0.
    """
    from scipy.optimize import brentq

    logits = log_probabilities.astype(np.float64)
    rows = np.arange(len(labels))
    # Differences from the logit of the label, so that the derivative below is a mean.
    margins = logits - logits[rows, labels][:, np.newaxis]

    def derivative(log_temperature: float) -> float:
        """Return the derivative of the cross-entropy by the inverse temperature, which rises."""
        return float((scale(logits, math.exp(log_temperature)) * margins).sum(axis=1).mean())

    low, high = map(math.log, TEMPERATURE_RANGE)
    if not derivative(high) < 0 < derivative(low):
        correct = int((logits.argmax(axis=1) == labels).sum())
        advice = (
            "use more images, some of which it misclassifies"
            if correct == len(labels)
            else "check the labels, and train the model first"
        )
        raise ValueError(
            f"x and y must determine a temperature in [{TEMPERATURE_RANGE[0]:g}, "
            f"{TEMPERATURE_RANGE[1]:g}]; received {len(labels):,} images, of which the model "
            f"classifies {correct:,} correctly: {advice}"
        )
    return math.exp(brentq(derivative, low, high, xtol=_TOLERANCE))


def scale(log_probabilities: NDArray[Any], temperature: float) -> Float64Array:
    """Return the softmax of the logarithms divided by the temperature, ``float64 (n, k)``."""
    scaled = log_probabilities.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: Float64Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities
