"""The images that were read wrong, and what was thought of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mnistcnn.types import Float32Array, Int64Array
from mnistcnn.utils.public import public
from mnistcnn.utils.validation import (
    check_array,
    check_integer_values,
    check_keys,
    check_same_length,
    check_unit_interval,
)


@public
@dataclass(frozen=True, eq=False, kw_only=True)
class MisclassifiedImages:
    """The images that were read wrong, in their order. Immutable, and so are its arrays.

    Attributes
    ----------
    indices : numpy.ndarray
        ``int64 (m,)``: where each stands among the evaluated images, from 0, ascending.
    labels : numpy.ndarray
        ``int64 (m,)``: the digit that it is.
    predicted : numpy.ndarray
        ``int64 (m,)``: the digit that it was taken for.
    probabilities : numpy.ndarray
        ``float32 (m, 10)``: of all ten digits.

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
            self._keep(name, array)
            check_same_length(
                "misclassified: indices", len(self), f"misclassified: {name}", len(array)
            )
        given = check_array("misclassified: probabilities", self.probabilities)
        if given.ndim != 2 or len(given) != len(self):
            raise ValueError(
                f"misclassified: probabilities must have shape ({len(self)}, k); received {given.shape}"
            )
        check_unit_interval("misclassified: probabilities", given, tolerance=1e-6)  # softmax rounds
        self._keep("probabilities", np.array(given, np.float32))
        if np.any(self.indices < 0) or np.any(np.diff(self.indices) <= 0):
            raise ValueError("misclassified: indices must ascend from 0 on; received others")
        classes = given.shape[1]
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
            raise ValueError("misclassified: predicted must be the most probable; received others")

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def confidence(self) -> Float32Array:
        """How probable each wrong answer was held, ``float32 (m,)``."""
        confidence: Float32Array = self.probabilities[np.arange(len(self)), self.predicted]
        return confidence

    @property
    def most_confident_first(self) -> Int64Array:
        """Where in these arrays they stand, the most probable wrong answer first."""
        return np.argsort(-self.confidence, kind="stable").astype(np.int64)

    def to_dict(self) -> dict[str, Any]:
        """Return the arrays as lists by name, ready for JSON."""
        plain = {name: getattr(self, name).tolist() for name in ("indices", "labels", "predicted")}
        # The shortest text that is the same float32, in place of 17 digits.
        rows = [[float(str(value)) for value in row] for row in self.probabilities]
        return {**plain, "probabilities": rows}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, num_classes: int) -> MisclassifiedImages:
        """Return the mistakes that `to_dict` described."""
        if not isinstance(values, Mapping):
            raise TypeError(f"misclassified must be a dictionary; received {values!r}")
        check_keys("misclassified", values, [field.name for field in fields(cls)], "keys")
        given = dict(values)
        if not len(given["probabilities"]):  # an empty list does not say of how many digits
            given["probabilities"] = np.empty((0, num_classes))
        return cls(**given)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MisclassifiedImages):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name))
            for field in fields(self)
        )

    def __hash__(self) -> int:
        return hash((self.indices.tobytes(), self.predicted.tobytes()))

    def _keep(self, name: str, array: Any) -> None:
        array.setflags(write=False)
        object.__setattr__(self, name, array)
