"""How good a network is, as a result that can be trusted."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mnistcnn.evaluation.accumulator import MetricAccumulator
from mnistcnn.evaluation.calibration import CalibrationCurve
from mnistcnn.evaluation.formatting import plain_text, rich_text
from mnistcnn.evaluation.intervals import wilson_interval
from mnistcnn.evaluation.misclassified import MisclassifiedImages
from mnistcnn.types import Float64Array, Int64Array
from mnistcnn.utils.public import public
from mnistcnn.utils.validation import (
    check_int,
    check_integer_values,
    check_keys,
    check_non_negative,
)

if TYPE_CHECKING:
    from rich.console import Group

_HEXADECIMAL = re.compile(r"[0-9a-f]{64}")


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """What a network made of labelled images. Immutable; prints as a short report.

    It stays small however many images there were: nothing is kept of those that were read
    right but counts. `evaluate` and `from_probabilities` make one, and `from_dict` makes
    one again; the parts below must agree with one another.

    Parameters
    ----------
    loss : float
        Mean categorical cross-entropy, which is the mean negative log-likelihood of the
        labels, in nats.
    confusion_matrix : numpy.ndarray
        ``int64 (10, 10)``, read-only: how many images of the row's digit were taken for
        the column's.
    calibration_curve : CalibrationCurve
        How often answers of a given confidence are right.
    misclassified : MisclassifiedImages
        The images that were read wrong.
    labels_sha256 : str
        The SHA-256 of the labels in their order, each as a little-endian ``int64``. By it
        `compare` knows evaluations of the same images.

    Examples
    --------
    >>> from mnistcnn import Evaluation
    >>> result = Evaluation.from_probabilities([[0.9, 0.1], [0.8, 0.2]], [0, 1])
    >>> result.num_images, result.accuracy, result.top_confusions()
    (2, 0.5, [(1, 0, 1)])
    """

    loss: float
    confusion_matrix: Int64Array
    calibration_curve: CalibrationCurve
    misclassified: MisclassifiedImages
    labels_sha256: str

    def __post_init__(self) -> None:
        matrix = check_integer_values("confusion_matrix", self.confusion_matrix)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"confusion_matrix must be square; received {matrix.shape}")
        if matrix.sum() < 1 or matrix.min() < 0:
            raise ValueError(
                "confusion_matrix must hold counts of at least one image; "
                f"received {matrix.min()} as least and {matrix.sum()} in all"
            )
        object.__setattr__(self, "loss", check_non_negative("loss", self.loss))
        matrix.setflags(write=False)
        object.__setattr__(self, "confusion_matrix", matrix)
        for name, kind in (
            ("calibration_curve", CalibrationCurve),
            ("misclassified", MisclassifiedImages),
        ):
            if not isinstance(getattr(self, name), kind):
                raise TypeError(
                    f"{name} must be of the class {kind.__name__}; received {getattr(self, name)!r}"
                )
        digest = self.labels_sha256
        if not isinstance(digest, str) or not _HEXADECIMAL.fullmatch(digest):
            raise ValueError(f"labels_sha256 must be 64 hexadecimal digits; received {digest!r}")
        self._check_agreement()

    def _check_agreement(self) -> None:
        for name, count in (("counts", self.num_images), ("correct", self.num_correct)):
            found = int(getattr(self.calibration_curve, name).sum())
            if found != count:
                raise ValueError(
                    f"calibration_curve: {name} must sum to {count:,}, as in confusion_matrix; "
                    f"received {found:,}"
                )
        matrix, mistakes = self.confusion_matrix, self.misclassified
        if mistakes.probabilities.shape[1] != len(matrix):
            raise ValueError(
                f"misclassified must be of the {len(matrix)} digits of confusion_matrix; "
                f"received {mistakes.probabilities.shape[1]}"
            )
        wrong = np.zeros_like(matrix)
        np.add.at(wrong, (mistakes.labels, mistakes.predicted), 1)
        if not np.array_equal(wrong, matrix - np.diag(np.diag(matrix))):
            raise ValueError("misclassified must be those of confusion_matrix; received others")
        if len(mistakes) and mistakes.indices[-1] >= self.num_images:
            raise ValueError(
                f"misclassified must be among the {self.num_images:,} images; "
                f"received the index {mistakes.indices[-1]}"
            )

    @classmethod
    def from_probabilities(cls, probabilities: ArrayLike, labels: ArrayLike) -> Evaluation:
        """Evaluate probabilities from anywhere against the labels.

        Parameters
        ----------
        probabilities : array_like
            ``(n, k)`` in [0, 1]; the first of equal largest ones counts as the answer.
        labels : array_like
            ``(n,)`` integers in ``0...k - 1``, or one-hot ``(n, k)``.

        Returns
        -------
        Evaluation

        Raises
        ------
        TypeError, ValueError
            If the arrays are not that, or have no rows.
        """
        tally = MetricAccumulator()
        tally.add(probabilities, labels)
        return cls(**tally.figures())

    @property
    def num_images(self) -> int:
        """How many images there were."""
        return int(self.confusion_matrix.sum())

    @property
    def num_correct(self) -> int:
        """How many were read right."""
        return int(np.trace(self.confusion_matrix))

    @property
    def accuracy(self) -> float:
        """The share that was read right, in [0, 1]."""
        return self.num_correct / self.num_images

    @property
    def accuracy_ci(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy by Wilson's score method (Wilson, 1927)."""
        return wilson_interval(self.num_correct, self.num_images)

    @property
    def expected_calibration_error(self) -> float:
        """How far confidence and accuracy differ on average, in [0, 1].

        Over the 15 bins of `calibration_curve`, weighted by their images (Guo et al., *On
        Calibration of Modern Neural Networks*, 2017).
        """
        return self.calibration_curve.expected_calibration_error

    @cached_property
    def precision(self) -> Float64Array:
        """For each digit the share of its answers that were right; NaN if never given."""
        return self._share_of_diagonal(self.confusion_matrix.sum(axis=0))

    @cached_property
    def recall(self) -> Float64Array:
        """For each digit the share of its images that were read right; NaN if none."""
        return self._share_of_diagonal(self.confusion_matrix.sum(axis=1))

    @cached_property
    def f1(self) -> Float64Array:
        """For each digit the harmonic mean of precision and recall; NaN if it never occurs."""
        return self._share_of_diagonal(
            (self.confusion_matrix.sum(axis=0) + self.confusion_matrix.sum(axis=1)) / 2
        )

    def top_confusions(self, n: int = 5) -> list[tuple[int, int, int]]:
        """Return the digits that are most often taken for one another.

        Parameters
        ----------
        n : int, default 5
            How many pairs at most, at least 1.

        Returns
        -------
        list of tuple
            ``(true digit, predicted digit, images)``, the most images first; of equal ones
            the smaller digits. Pairs without images are left out.
        """
        most = check_int("n", n, minimum=1)
        pairs = [
            (row, column, int(count))
            for (row, column), count in np.ndenumerate(self.confusion_matrix)
            if count and row != column
        ]
        return sorted(pairs, key=lambda pair: -pair[2])[:most]

    def to_dict(self) -> dict[str, Any]:
        """Return everything by name, ready for JSON; an undefined share is ``None``.

        `from_dict` makes the same evaluation of it again.
        """

        def shares(values: Float64Array) -> list[float | None]:
            return [None if math.isnan(value) else value for value in values.tolist()]

        return {
            "num_images": self.num_images,
            "accuracy": self.accuracy,
            "accuracy_ci": list(self.accuracy_ci),
            "loss": self.loss,
            "expected_calibration_error": self.expected_calibration_error,
            "precision": shares(self.precision),
            "recall": shares(self.recall),
            "f1": shares(self.f1),
            "confusion_matrix": self.confusion_matrix.tolist(),
            "calibration_curve": self.calibration_curve.to_dict(),
            "misclassified": self.misclassified.to_dict(),
            "labels_sha256": self.labels_sha256,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Evaluation:
        """Return the evaluation that `to_dict` described, also after its way through JSON.

        Parameters
        ----------
        values : mapping
            What `to_dict` gave.

        Returns
        -------
        Evaluation
            Equal to the one described.

        Raises
        ------
        TypeError, ValueError
            If it is not that: a key is missing or unknown, a value of another kind, or the
            figures contradict each other.
        """
        if not isinstance(values, Mapping):
            raise TypeError(f"values must be a dictionary; received {values!r}")
        check_keys("an evaluation", values, _KEYS, "keys")
        matrix = check_integer_values("confusion_matrix", values["confusion_matrix"])
        classes = len(np.atleast_1d(matrix))
        result = cls(
            loss=values["loss"],
            confusion_matrix=matrix,
            calibration_curve=CalibrationCurve.from_dict(values["calibration_curve"]),
            misclassified=MisclassifiedImages.from_dict(
                values["misclassified"], num_classes=classes
            ),
            labels_sha256=values["labels_sha256"],
        )
        for name, figure in result.to_dict().items():
            if name not in _PARTS and figure != values[name]:
                raise ValueError(
                    f"{name} must be {figure}, as the other figures have it; "
                    f"received {values[name]}"
                )
        return result

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Evaluation):
            return NotImplemented
        return (
            self.loss == other.loss
            and self.labels_sha256 == other.labels_sha256
            and np.array_equal(self.confusion_matrix, other.confusion_matrix)
            and self.calibration_curve == other.calibration_curve
            and self.misclassified == other.misclassified
        )

    def __hash__(self) -> int:
        return hash((self.loss, self.labels_sha256, self.misclassified))

    def __str__(self) -> str:
        return plain_text(self)

    def __rich__(self) -> Group:
        return rich_text(self)

    def _share_of_diagonal(self, totals: Int64Array | Float64Array) -> Float64Array:
        shares = np.full(len(totals), np.nan)
        np.divide(np.diag(self.confusion_matrix), totals, out=shares, where=totals > 0)
        shares.setflags(write=False)
        return shares


_PARTS = ("loss", "confusion_matrix", "calibration_curve", "misclassified", "labels_sha256")
_KEYS = (
    "num_images", "accuracy", "accuracy_ci", "loss", "expected_calibration_error",
    "precision", "recall", "f1", "confusion_matrix", "calibration_curve", "misclassified", "labels_sha256",
)  # fmt: skip


def as_evaluation(name: str, value: Any) -> Evaluation:
    """Return an evaluation, or say what came in its place."""
    if not isinstance(value, Evaluation):
        raise TypeError(f"{name} must be an Evaluation; received {value!r}")
    return value
