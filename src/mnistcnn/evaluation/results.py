"""The result of an evaluation: metrics, calibration curve and misclassified images."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mnistcnn.evaluation.accumulator import MetricAccumulator
from mnistcnn.evaluation.calibration import CalibrationCurve
from mnistcnn.evaluation.formatting import html_text, plain_text, rich_text
from mnistcnn.evaluation.intervals import wilson_interval
from mnistcnn.evaluation.misclassified import MisclassifiedImages
from mnistcnn.public import public
from mnistcnn.types import Float64Array, Int64Array
from mnistcnn.utils.text import escape, quote
from mnistcnn.utils.validation import (
    check_class_names,
    check_int,
    check_integer_values,
    check_keys,
    check_non_negative,
    default_class_names,
)

if TYPE_CHECKING:
    from rich.console import Group

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIELDS = (
    "loss", "confusion_matrix", "calibration_curve", "misclassified", "labels_sha256",
    "class_names",
)  # fmt: skip
_DERIVED = (
    "num_images", "accuracy", "accuracy_ci", "expected_calibration_error", "precision", "recall",
    "f1",
)  # fmt: skip


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """Metrics of a model on labeled images. Immutable; prints as a short report.

    Its size does not depend on the number of correctly classified images. `evaluate`,
    `from_probabilities` and `from_dict` create evaluations whose fields agree with each other;
    the constructor checks each field by itself.

    Parameters
    ----------
    loss : float
        Mean categorical cross-entropy (mean negative log-likelihood of the labels), in nats.
    confusion_matrix : numpy.ndarray
        ``int64 (k, k)`` for k classes, read-only: number of images by true class (row) and
        predicted class (column). For digits, ``(10, 10)``.
    calibration_curve : CalibrationCurve
        Accuracy by confidence.
    misclassified : MisclassifiedImages
        The misclassified images.
    labels_sha256 : str
        SHA-256 of the labels in order, each as a little-endian ``int64``. `compare` uses it to
        check that two evaluations are of the same images.
    class_names : tuple of str, optional
        Name of each class. Default: ``"0"``, ``"1"`` and so on, for ten classes the digits.

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
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        matrix = check_integer_values("confusion_matrix", self.confusion_matrix)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"confusion_matrix must be square; received {matrix.shape}")
        if matrix.sum() < 1 or matrix.min() < 0:
            raise ValueError(
                "confusion_matrix must hold non-negative counts of at least one image; "
                f"received a minimum of {matrix.min()} and a sum of {matrix.sum()}"
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
                    f"{name} must be a {kind.__name__}; received {quote(getattr(self, name))}"
                )
        digest = self.labels_sha256
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise ValueError(
                f"labels_sha256 must be 64 hexadecimal digits; received {quote(digest)}"
            )
        names: Any = self.class_names
        if isinstance(names, tuple) and not names:
            names = default_class_names(len(matrix))
        names = check_class_names(names, num_classes=len(matrix))
        object.__setattr__(self, "class_names", names)

    @classmethod
    def from_probabilities(
        cls,
        probabilities: ArrayLike,
        labels: ArrayLike,
        *,
        class_names: Sequence[str] | None = None,
    ) -> Evaluation:
        """Evaluate the predicted probabilities of any model against the labels.

        Parameters
        ----------
        probabilities : array_like
            ``(n, k)`` in [0, 1]. The predicted class is the first of the most probable ones.
        labels : array_like
            ``(n,)`` integers in ``0...k - 1``, or one-hot ``(n, k)``.
        class_names : sequence of str, optional
            Name of each of the k classes.

        Returns
        -------
        Evaluation

        Raises
        ------
        TypeError, ValueError
            If an array has the wrong type, shape or range, or no rows.
        """
        accumulator = MetricAccumulator(class_names)
        accumulator.update(probabilities, labels)
        return cls(**accumulator.result())

    @property
    def num_images(self) -> int:
        """Number of images."""
        return int(self.confusion_matrix.sum())

    @property
    def num_correct(self) -> int:
        """Number of correctly classified images."""
        return int(np.trace(self.confusion_matrix))

    @property
    def accuracy(self) -> float:
        """Proportion of correctly classified images, in [0, 1]."""
        return self.num_correct / self.num_images

    @property
    def accuracy_ci(self) -> tuple[float, float]:
        """95 % Wilson confidence interval of the accuracy (Wilson, 1927)."""
        return wilson_interval(self.num_correct, self.num_images)

    @property
    def expected_calibration_error(self) -> float:
        """Mean absolute difference of confidence and accuracy, in [0, 1].

        Taken over the 15 bins of `calibration_curve`, weighted by their counts (Guo et al., "On
        calibration of modern neural networks", 2017).
        """
        return self.calibration_curve.expected_calibration_error

    @cached_property
    def precision(self) -> Float64Array:
        """Precision of each class; NaN for classes that are never predicted."""
        return self._diagonal_ratio(self.confusion_matrix.sum(axis=0))

    @cached_property
    def recall(self) -> Float64Array:
        """Recall of each class; NaN for classes without images."""
        return self._diagonal_ratio(self.confusion_matrix.sum(axis=1))

    @cached_property
    def f1(self) -> Float64Array:
        """Harmonic mean of precision and recall of each class; NaN if both are undefined."""
        return self._diagonal_ratio(
            (self.confusion_matrix.sum(axis=0) + self.confusion_matrix.sum(axis=1)) / 2
        )

    def top_confusions(self, n: int = 5) -> list[tuple[int, int, int]]:
        """Return the most frequent confusions of two classes.

        Parameters
        ----------
        n : int, default 5
            Maximum number of pairs, at least 1.

        Returns
        -------
        list of tuple
            ``(true class, predicted class, number of images)`` by descending number of images,
            then by ascending classes, as indices in `class_names`. Pairs without images are left
            out.
        """
        limit = check_int("n", n, minimum=1)
        pairs = [
            (row, column, int(count))
            for (row, column), count in np.ndenumerate(self.confusion_matrix)
            if count and row != column
        ]
        return sorted(pairs, key=lambda pair: -pair[2])[:limit]

    def to_dict(self) -> dict[str, Any]:
        """Return all fields and metrics by name, ready for JSON.

        Undefined values are ``None``. `from_dict` restores an equal evaluation.
        """

        def ratios(values: Float64Array) -> list[float | None]:
            return [None if math.isnan(value) else value for value in values.tolist()]

        return {
            "num_images": self.num_images,
            "accuracy": self.accuracy,
            "accuracy_ci": list(self.accuracy_ci),
            "loss": self.loss,
            "expected_calibration_error": self.expected_calibration_error,
            "precision": ratios(self.precision),
            "recall": ratios(self.recall),
            "f1": ratios(self.f1),
            "confusion_matrix": self.confusion_matrix.tolist(),
            "calibration_curve": self.calibration_curve.to_dict(),
            "misclassified": self.misclassified.to_dict(),
            "labels_sha256": self.labels_sha256,
            "class_names": list(self.class_names),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Evaluation:
        """Return the evaluation that `to_dict` stored, directly or as JSON.

        Parameters
        ----------
        values : mapping
            The result of `to_dict`. `class_names` may be missing.

        Returns
        -------
        Evaluation
            Equal to the stored one.

        Raises
        ------
        TypeError, ValueError
            If a key is missing or unknown, a value has the wrong type or range, or the values
            contradict each other.
        """
        if not isinstance(values, Mapping):
            raise TypeError(f"values must be a dictionary; received {quote(values)}")
        values = {"class_names": (), **values}
        check_keys("an evaluation", values, _DERIVED + _FIELDS, "keys")
        matrix = check_integer_values("confusion_matrix", values["confusion_matrix"])
        num_classes = len(np.atleast_1d(matrix))
        result = cls(
            loss=values["loss"],
            confusion_matrix=matrix,
            calibration_curve=CalibrationCurve.from_dict(values["calibration_curve"]),
            misclassified=MisclassifiedImages.from_dict(
                values["misclassified"], num_classes=num_classes
            ),
            labels_sha256=values["labels_sha256"],
            class_names=values["class_names"],
        )
        result._check_consistency(values)
        return result

    def _check_consistency(self, stored: Mapping[str, Any]) -> None:
        """Raise unless the fields, and the metrics in `stored`, agree with the confusion matrix."""
        for name, expected in (("counts", self.num_images), ("correct", self.num_correct)):
            total = int(getattr(self.calibration_curve, name).sum())
            if total != expected:
                raise ValueError(
                    f"calibration_curve: {name} must sum to {expected:,}, as in confusion_matrix; "
                    f"received {total:,}"
                )
        matrix, misclassified = self.confusion_matrix, self.misclassified
        if misclassified.probabilities.shape[1] != len(matrix):
            raise ValueError(
                f"misclassified must have {len(matrix)} classes, as in confusion_matrix; "
                f"received {misclassified.probabilities.shape[1]}"
            )
        errors = np.zeros_like(matrix)
        np.add.at(errors, (misclassified.labels, misclassified.predicted), 1)
        if not np.array_equal(errors, matrix - np.diag(np.diag(matrix))):
            raise ValueError(
                "misclassified must agree with confusion_matrix; received other counts"
            )
        if len(misclassified) and misclassified.indices[-1] >= self.num_images:
            raise ValueError(
                f"misclassified: indices must be less than {self.num_images:,}, the number of "
                f"images; received {misclassified.indices[-1]}"
            )
        for name, expected in self.to_dict().items():
            if name in _DERIVED and stored[name] != expected:
                raise ValueError(
                    f"{name} must be {expected}, as computed from the other values; "
                    f"received {escape(stored[name])}"
                )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Evaluation):
            return NotImplemented
        return (
            self.loss == other.loss
            and self.labels_sha256 == other.labels_sha256
            and self.class_names == other.class_names
            and np.array_equal(self.confusion_matrix, other.confusion_matrix)
            and self.calibration_curve == other.calibration_curve
            and self.misclassified == other.misclassified
        )

    def __hash__(self) -> int:
        return hash((self.loss, self.labels_sha256, self.misclassified))

    def __repr__(self) -> str:
        return (
            f"Evaluation(accuracy={self.accuracy:.4f}, loss={self.loss:.4f}, "
            f"num_images={self.num_images})"
        )

    def __str__(self) -> str:
        return plain_text(self)

    def _repr_html_(self) -> str:
        return html_text(self)

    def __rich__(self) -> Group:
        return rich_text(self)

    def _diagonal_ratio(self, totals: Int64Array | Float64Array) -> Float64Array:
        """Return the diagonal of the confusion matrix divided by `totals`; NaN where they are 0."""
        ratios = np.full(len(totals), np.nan)
        np.divide(np.diag(self.confusion_matrix), totals, out=ratios, where=totals > 0)
        ratios.setflags(write=False)
        return ratios


def check_evaluation(name: str, value: Any) -> Evaluation:
    """Return `value` if it is an `Evaluation`, or raise ``TypeError``."""
    if not isinstance(value, Evaluation):
        raise TypeError(f"{name} must be an Evaluation; received {quote(value)}")
    return value
