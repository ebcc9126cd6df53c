"""How often answers of a given confidence are right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mnistcnn.evaluation.intervals import wilson_interval
from mnistcnn.types import Float64Array, Int64Array
from mnistcnn.utils.public import public
from mnistcnn.utils.validation import check_array, check_integer_values, check_keys

NUM_BINS = 15  # as Guo et al. (2017) have it
_TOLERANCE = 1e-5  # softmax and sums round


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class CalibrationCurve:
    """Answers in 15 bins by their confidence. Immutable, and so are its arrays.

    An answer's confidence is the probability of the most probable digit. The i-th bin,
    from 0, holds those in ``(i / 15, (i + 1) / 15]``.

    Attributes
    ----------
    counts : numpy.ndarray
        ``int64 (15,)``: how many answers are in each bin.
    correct : numpy.ndarray
        ``int64 (15,)``: how many of them are right.
    confidence_sums : numpy.ndarray
        ``float64 (15,)``: the sum of their confidences.

    Notes
    -----
    Guo, Pleiss, Sun and Weinberger, *On Calibration of Modern Neural Networks*, 2017.

    Examples
    --------
    >>> from mnistcnn import Evaluation
    >>> result = Evaluation.from_probabilities([[0.9, 0.1], [0.9, 0.1]], [0, 1])
    >>> last = result.calibration_curve.counts.argmax()
    >>> float(result.calibration_curve.accuracy[last]), float(result.calibration_curve.confidence[last])
    (0.5, 0.9)
    """

    counts: Int64Array
    correct: Int64Array
    confidence_sums: Float64Array

    def __post_init__(self) -> None:
        for name in ("counts", "correct"):
            self._keep(
                name, check_integer_values(f"calibration_curve: {name}", getattr(self, name))
            )
        sums = check_array("calibration_curve: confidence_sums", self.confidence_sums)
        self._keep("confidence_sums", np.array(sums, np.float64))
        for field in fields(self):
            shape = getattr(self, field.name).shape
            if shape != (NUM_BINS,):
                raise ValueError(
                    f"calibration_curve: {field.name} must have shape ({NUM_BINS},); received {shape}"
                )
        if np.any(self.correct < 0) or np.any(self.correct > self.counts):
            raise ValueError(
                "calibration_curve: correct must lie between 0 and counts; received other counts"
            )
        low, high = self.counts * self.bin_edges[:-1], self.counts * self.bin_edges[1:]
        slack = _TOLERANCE * self.counts
        if not np.all((self.confidence_sums >= low - slack) & (sums <= high + slack)):
            raise ValueError(
                "calibration_curve: confidence_sums must agree with the bins; received other sums"
            )

    @property
    def bin_edges(self) -> Float64Array:
        """The bounds of the bins, ``float64 (16,)`` from 0 to 1."""
        return np.arange(NUM_BINS + 1) / NUM_BINS

    @property
    def confidence(self) -> Float64Array:
        """The mean confidence in each bin, ``float64 (15,)``; NaN if it is empty."""
        return self._shares(self.confidence_sums)

    @property
    def accuracy(self) -> Float64Array:
        """The share of right answers in each bin, ``float64 (15,)``; NaN if it is empty."""
        return self._shares(self.correct)

    @property
    def accuracy_ci(self) -> Float64Array:
        """The 95 % interval of each share by Wilson's method, ``(15, 2)``; NaN if empty."""
        pairs = zip(self.correct.tolist(), self.counts.tolist(), strict=True)
        empty = (math.nan, math.nan)
        return np.array([wilson_interval(right, n) if n else empty for right, n in pairs])

    @property
    def expected_calibration_error(self) -> float:
        """How far confidence and accuracy of a bin differ, on average over the images."""
        gaps = np.abs(self.confidence_sums - self.correct).tolist()
        return math.fsum(gaps) / int(self.counts.sum())  # fsum: the same on every processor

    def to_dict(self) -> dict[str, list[float]]:
        """Return the arrays as lists by name, ready for JSON."""
        return {field.name: getattr(self, field.name).tolist() for field in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CalibrationCurve:
        """Return what `to_dict` described."""
        if not isinstance(values, Mapping):
            raise TypeError(f"calibration_curve must be a dictionary; received {values!r}")
        check_keys("calibration_curve", values, [field.name for field in fields(cls)], "keys")
        return cls(**values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CalibrationCurve):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)
        )

    def __hash__(self) -> int:
        return hash((self.counts.tobytes(), self.confidence_sums.tobytes()))

    def _shares(self, counts: Int64Array | Float64Array) -> Float64Array:
        shares = np.full(NUM_BINS, np.nan)
        np.divide(counts, self.counts, out=shares, where=self.counts > 0)
        return shares

    def _keep(self, name: str, array: Any) -> None:
        array.setflags(write=False)
        object.__setattr__(self, name, array)
