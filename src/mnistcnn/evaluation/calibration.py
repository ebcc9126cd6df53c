"""The calibration curve: accuracy as a function of confidence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnistcnn.evaluation.array_record import ArrayRecord
from mnistcnn.evaluation.intervals import wilson_interval
from mnistcnn.public import public
from mnistcnn.types import Float64Array, Int64Array
from mnistcnn.utils.validation import check_array, check_integer_values

NUM_BINS = 15  # as in Guo et al. (2017)
_TOLERANCE = 1e-5  # for the rounding of softmax and of sums


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class CalibrationCurve(ArrayRecord):
    """Predictions in 15 bins by confidence. Immutable, with read-only arrays.

    The confidence of a prediction is the probability of the predicted class. Bin ``i``,
    counted from 0, holds the predictions with a confidence in ``(i / 15, (i + 1) / 15]``.

    Attributes
    ----------
    counts : numpy.ndarray
        ``int64 (15,)``: number of predictions in each bin.
    correct : numpy.ndarray
        ``int64 (15,)``: number of correct predictions in each bin.
    confidence_sums : numpy.ndarray
        ``float64 (15,)``: sum of the confidences in each bin.

    Notes
    -----
    C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks",
    International Conference on Machine Learning, 2017.

    Examples
    --------
    >>> from mnistcnn import Evaluation
    >>> result = Evaluation.from_probabilities([[0.9, 0.1], [0.9, 0.1]], [0, 1])
    >>> curve = result.calibration_curve
    >>> bin_index = curve.counts.argmax()
    >>> float(curve.accuracy[bin_index]), float(curve.confidence[bin_index])
    (0.5, 0.9)
    """

    counts: Int64Array
    correct: Int64Array
    confidence_sums: Float64Array

    def __post_init__(self) -> None:
        for name in ("counts", "correct"):
            self._set(name, check_integer_values(f"calibration_curve: {name}", getattr(self, name)))
        sums = check_array("calibration_curve: confidence_sums", self.confidence_sums)
        self._set("confidence_sums", np.array(sums, np.float64))
        for name, array in zip(self._field_names(), self._arrays(), strict=True):
            if array.shape != (NUM_BINS,):
                raise ValueError(
                    f"calibration_curve: {name} must have shape ({NUM_BINS},); "
                    f"received {array.shape}"
                )
        if np.any(self.correct < 0) or np.any(self.correct > self.counts):
            raise ValueError(
                "calibration_curve: correct must lie between 0 and counts; received other values"
            )
        low, high = self.counts * self.bin_edges[:-1], self.counts * self.bin_edges[1:]
        tolerance = _TOLERANCE * self.counts
        sums = self.confidence_sums
        if not np.all((sums >= low - tolerance) & (sums <= high + tolerance)):  # false for NaN
            raise ValueError(
                "calibration_curve: confidence_sums must lie between counts times the edges of "
                "each bin; received other values"
            )

    def __repr__(self) -> str:
        return (
            f"CalibrationCurve({len(self.counts)} bins, "
            f"expected_calibration_error={self.expected_calibration_error:.4f})"
        )

    @property
    def bin_edges(self) -> Float64Array:
        """Edges of the bins, ``float64 (16,)`` from 0 to 1."""
        return np.arange(NUM_BINS + 1) / NUM_BINS

    @property
    def confidence(self) -> Float64Array:
        """Mean confidence in each bin, ``float64 (15,)``; NaN in empty bins."""
        return self._means(self.confidence_sums)

    @property
    def accuracy(self) -> Float64Array:
        """Accuracy in each bin, ``float64 (15,)``; NaN in empty bins."""
        return self._means(self.correct)

    @property
    def accuracy_ci(self) -> Float64Array:
        """95 % Wilson confidence interval of each accuracy, ``(15, 2)``; NaN in empty bins."""
        pairs = zip(self.correct.tolist(), self.counts.tolist(), strict=True)
        empty = (math.nan, math.nan)
        return np.array([wilson_interval(correct, n) if n else empty for correct, n in pairs])

    @property
    def expected_calibration_error(self) -> float:
        """Mean absolute difference of confidence and accuracy of a bin, weighted by counts."""
        gaps = np.abs(self.confidence_sums - self.correct).tolist()
        return math.fsum(gaps) / int(self.counts.sum())  # fsum: equal on all processors

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CalibrationCurve:
        """Return the calibration curve that `to_dict` stored."""
        cls._check_dict("calibration_curve", values)
        return cls(**values)

    def _means(self, sums: Int64Array | Float64Array) -> Float64Array:
        means = np.full(NUM_BINS, np.nan)
        np.divide(sums, self.counts, out=means, where=self.counts > 0)
        return means
