"""The misclassified images of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnistcnn.evaluation.array_record import ArrayRecord
from mnistcnn.public import public
from mnistcnn.types import Float32Array, Int64Array
from mnistcnn.utils.validation import (
    check_array,
    check_integer_values,
    check_same_length,
    check_unit_interval,
)


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class MisclassifiedImages(ArrayRecord):
    """The misclassified images in data order. Immutable, with read-only arrays.

    Attributes
    ----------
    indices : numpy.ndarray
        ``int64 (m,)``: index of each image among the evaluated images, from 0, ascending.
    labels : numpy.ndarray
        ``int64 (m,)``: true classes, such as digits.
    predicted : numpy.ndarray
        ``int64 (m,)``: predicted classes.
    probabilities : numpy.ndarray
        ``float32 (m, k)``: predicted probabilities of all k classes, for digits ``(m, 10)``.

    Examples
    --------
    >>> from mnistcnn import Evaluation
    >>> result = Evaluation.from_probabilities([[0.9, 0.1], [0.8, 0.2]], [0, 1])
    >>> len(result.misclassified), result.misclassified.indices, result.misclassified.confidence
    (1, array([1]), array([0.8], dtype=float32))
    """

    indices: Int64Array
    labels: Int64Array
    predicted: Int64Array
    probabilities: Float32Array

    def __post_init__(self) -> None:
        for name in ("indices", "labels", "predicted"):
            array = check_integer_values(f"misclassified: {name}", getattr(self, name))
            if array.ndim != 1:
                raise ValueError(
                    f"misclassified: {name} must have shape (m,); received {array.shape}"
                )
            self._set(name, array)
            check_same_length(
                "misclassified: indices", len(self), f"misclassified: {name}", len(array)
            )
        probabilities = check_array("misclassified: probabilities", self.probabilities)
        if probabilities.ndim != 2 or len(probabilities) != len(self):
            raise ValueError(
                f"misclassified: probabilities must have shape ({len(self)}, k); "
                f"received {probabilities.shape}"
            )
        check_unit_interval("misclassified: probabilities", probabilities, tolerance=1e-6)
        self._set("probabilities", np.array(probabilities, np.float32))
        self._check_values()

    def _check_values(self) -> None:
        if np.any(self.indices < 0) or np.any(np.diff(self.indices) <= 0):
            raise ValueError(
                "misclassified: indices must be at least 0 and ascending; received other values"
            )
        classes = self.probabilities.shape[1]
        for name in ("labels", "predicted"):
            array = getattr(self, name)
            if np.any((array < 0) | (array >= classes)):
                raise ValueError(
                    f"misclassified: {name} must lie in 0...{classes - 1}; "
                    f"received {array.min()}...{array.max()}"
                )
        if np.any(self.labels == self.predicted):
            raise ValueError(
                "misclassified: predicted must differ from labels; received equal ones"
            )
        if np.any(self.confidence < self.probabilities.max(axis=1, initial=0)):
            raise ValueError(
                "misclassified: predicted must be the most probable classes; received others"
            )

    def __repr__(self) -> str:
        return f"MisclassifiedImages({len(self)} images)"

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def confidence(self) -> Float32Array:
        """Probability of each predicted class, ``float32 (m,)``."""
        confidence: Float32Array = self.probabilities[np.arange(len(self)), self.predicted]
        return confidence

    @property
    def most_confident_first(self) -> Int64Array:
        """Positions in these arrays by descending confidence, ``int64 (m,)``."""
        return np.argsort(-self.confidence, kind="stable").astype(np.int64)

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the arrays as lists by name, ready for JSON."""
        # The shortest decimal of each float32, instead of the 17 digits of a float64.
        rows = [[float(str(value)) for value in row] for row in self.probabilities]
        return super().to_dict() | {"probabilities": rows}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, num_classes: int) -> MisclassifiedImages:
        """Return the misclassified images that `to_dict` stored."""
        cls._check_dict("misclassified", values)
        if not len(values["probabilities"]):  # an empty list has lost the number of classes
            values = {**values, "probabilities": np.empty((0, num_classes))}
        return cls(**values)
