"""How good a network is, as a result that can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from mnistcnn import _checks
from mnistcnn._types import NUM_CLASSES, Float64Array, Int64Array, PathLike

if TYPE_CHECKING:
    import keras

BATCH_SIZE = 256
_Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network made of labelled images. Immutable; prints as a short report.

    Parameters
    ----------
    loss : float
        Mean categorical cross-entropy in nats.
    confusion_matrix : numpy.ndarray
        ``int64 (10, 10)``, read-only: how many images of the row's digit were taken for
        the column's.

    Examples
    --------
    >>> from mnistcnn import Evaluation
    >>> result = Evaluation.from_probabilities([[0.9, 0.1], [0.8, 0.2]], [0, 1])
    >>> result.num_images, result.accuracy
    (2, 0.5)
    """

    loss: float
    confusion_matrix: Int64Array

    def __post_init__(self) -> None:
        given = _checks.as_array("confusion_matrix", self.confusion_matrix)
        matrix = np.array(given, np.int64)
        if not np.array_equal(matrix, given):
            raise ValueError("confusion_matrix must hold whole numbers; received fractions")
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"confusion_matrix must be square; received {matrix.shape}")
        if matrix.sum() < 1 or matrix.min() < 0:
            raise ValueError(
                "confusion_matrix must hold counts of at least one image; "
                f"received {matrix.min()} as least and {matrix.sum()} in all"
            )
        object.__setattr__(self, "loss", _checks.not_negative("loss", self.loss))
        matrix.setflags(write=False)
        object.__setattr__(self, "confusion_matrix", matrix)

    @classmethod
    def from_probabilities(cls, probabilities: ArrayLike, labels: ArrayLike) -> Evaluation:
        """Evaluate probabilities from anywhere against the labels.

        Parameters
        ----------
        probabilities : array_like
            ``(n, k)`` in [0, 1]; the first of equal largest ones counts as the answer.
        labels : array_like
            ``(n,)`` whole numbers in ``0...k - 1``, or one-hot ``(n, k)``.

        Returns
        -------
        Evaluation

        Raises
        ------
        TypeError, ValueError
            If the arrays are not that, or have no rows.
        """
        given = _checks.as_array("probabilities", probabilities)
        if given.ndim != 2 or not given.size:
            raise ValueError(
                "probabilities must have shape (n, k) with n and k at least 1; "
                f"received {given.shape}"
            )
        _checks.unit_interval("probabilities", given, tolerance=1e-6)  # softmax rounds
        num_classes = given.shape[1]
        coded = _checks.as_array("labels", labels)
        if _checks.is_one_hot(coded, num_classes):
            coded = coded.argmax(axis=1)
        truth = _checks.class_labels(coded, num_classes)
        _checks.same_length("probabilities", len(given), "labels", len(truth))
        # Keras works from the logits, so a certain mistake costs what it costs; the
        # least float32 stands for what a float32 probability can't tell from 0.
        certainty = np.maximum(
            given[np.arange(len(given)), truth].astype(np.float64),
            np.finfo(np.float32).smallest_normal,
        )
        counts = np.bincount(
            truth * num_classes + given.argmax(axis=1), minlength=num_classes * num_classes
        )
        return cls(float(-np.log(certainty).mean()), counts.reshape(num_classes, num_classes))

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
    def accuracy_interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy by Wilson's score method (Wilson, 1927)."""
        n, p = self.num_images, self.accuracy
        centre = p + _Z_95**2 / (2 * n)
        half = _Z_95 * math.sqrt(p * (1 - p) / n + _Z_95**2 / (4 * n**2))
        scale = 1 + _Z_95**2 / n
        # At 0 and at 1 the formula's own bound is exact; rounding must not pass it.
        low = 0.0 if self.num_correct == 0 else (centre - half) / scale
        high = 1.0 if self.num_correct == n else (centre + half) / scale
        return low, high

    @cached_property
    def precision(self) -> Float64Array:
        """For each digit the share of its answers that were right; NaN if never given."""
        return self._share_of_diagonal(axis=0)

    @cached_property
    def recall(self) -> Float64Array:
        """For each digit the share of its images that were read right; NaN if none."""
        return self._share_of_diagonal(axis=1)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures by name, ready for JSON; an undefined share is ``None``."""

        def shares(values: Float64Array) -> list[float | None]:
            return [None if math.isnan(value) else value for value in values.tolist()]

        return {
            "num_images": self.num_images,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "loss": self.loss,
            "precision": shares(self.precision),
            "recall": shares(self.recall),
            "confusion_matrix": self.confusion_matrix.tolist(),
        }

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Evaluation):
            return NotImplemented
        return self.loss == other.loss and np.array_equal(
            self.confusion_matrix, other.confusion_matrix
        )

    def __hash__(self) -> int:
        return hash((self.loss, self.confusion_matrix.tobytes()))

    def __str__(self) -> str:
        low, high = self.accuracy_interval
        lines = [
            (
                f"accuracy {self.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}), "
                f"loss {self.loss:.4f}, {self.num_images:,} images"
            ),
            "digit  precision   recall   images",
        ]
        images = self.confusion_matrix.sum(axis=1)
        for digit in range(len(images)):
            precision, recall = self.precision[digit], self.recall[digit]
            lines.append(f"{digit:5}  {precision:9.2%}  {recall:7.2%}  {images[digit]:7,}")
        return "\n".join(lines)

    def _share_of_diagonal(self, axis: int) -> Float64Array:
        totals = self.confusion_matrix.sum(axis=axis)
        shares = np.full(len(totals), np.nan)
        np.divide(np.diag(self.confusion_matrix), totals, out=shares, where=totals > 0)
        shares.setflags(write=False)
        return shares


def evaluate(
    model: keras.Model | PathLike,
    x: ArrayLike,
    y: ArrayLike,
    *,
    batch_size: int = BATCH_SIZE,
) -> Evaluation:
    """Evaluate a network, or the file of one, on preprocessed images.

    The network's weights stay as they are.

    Parameters
    ----------
    model : keras.Model, str or path-like
        A Keras model that gives ``(n, 10)`` probabilities, or a file that `load_model`
        takes.
    x : array_like
        ``float32 (n, 28, 28, 1)`` in [0, 1], as `preprocess` gives it.
    y : array_like
        One-hot ``float32 (n, 10)``, as `preprocess` gives it.
    batch_size : int, default 256
        Images at a time, at least 1. It changes speed and memory, not the result.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, or was not preprocessed.
    FileNotFoundError, CorruptFileError
        If the file is absent, damaged or of another network.

    Examples
    --------
    >>> from mnistcnn import build_model, evaluate, load_data, preprocess
    >>> _, (x_test, y_test) = load_data("digits")
    >>> result = evaluate(build_model(seed=0), *preprocess(x_test, y_test))
    >>> result.num_images, result.confusion_matrix.shape
    (355, (10, 10))
    """
    from mnistcnn._backend import keras
    from mnistcnn._model import load_model

    images, labels = _checks.preprocessed(x, y)
    size = _checks.whole_number("batch_size", batch_size, at_least=1)
    network = model if isinstance(model, keras.Model) else load_model(_model_path(model))
    # Called directly: predict would compile a graph for each network, and TensorFlow would
    # remark on it from the fifth on.
    probabilities = [
        np.asarray(keras.ops.cast(network(images[first : first + size], training=False), "float32"))
        for first in range(0, len(images), size)
    ]
    together = np.concatenate(probabilities)
    if together.shape != labels.shape:
        raise ValueError(
            f"model must give {NUM_CLASSES} probabilities for each image; "
            f"received one that gives {together.shape[1:]}"
        )
    return Evaluation.from_probabilities(together, labels)


def _model_path(model: Any) -> PathLike:
    try:
        _checks.path("model", model)
    except TypeError:
        raise TypeError(f"model must be a Keras model or a path; received {model!r}") from None
    given: PathLike = model  # as it came: a message shows what the user wrote
    return given
