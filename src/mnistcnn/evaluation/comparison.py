"""Whether one network is better than another, or luckier."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mnistcnn.evaluation.intervals import bonett_price_interval
from mnistcnn.evaluation.results import Evaluation, as_evaluation
from mnistcnn.utils.public import public
from mnistcnn.utils.validation import check_int

_MIN_P_VALUE_SHOWN = 1e-4


@public
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two networks, a and b, on the same images. Immutable; prints as three sentences.

    Parameters
    ----------
    both_correct, only_a_correct, only_b_correct, both_incorrect : int
        How many images were read right by both, by one alone and by neither.

    Notes
    -----
    Only the images that one network alone reads right tell the two apart (McNemar, *Note
    on the sampling error of the difference between correlated proportions or percentages*,
    1947).

    Examples
    --------
    >>> from mnistcnn import Comparison
    >>> result = Comparison(both_correct=9_800, only_a_correct=60, only_b_correct=30, both_incorrect=110)
    >>> print(result)
    Of 10,000 images a alone reads 60 right, b alone 30.
    a is ahead by 0.30 percentage points (95 % interval 0.11 to 0.49).
    Equally good networks would differ at least so much in 0.21 % of cases (McNemar's exact test).
    """

    both_correct: int
    only_a_correct: int
    only_b_correct: int
    both_incorrect: int

    def __post_init__(self) -> None:
        for field in fields(self):
            count = check_int(field.name, getattr(self, field.name), minimum=0)
            object.__setattr__(self, field.name, count)
        if not self.num_images:
            raise ValueError("a comparison must be of at least one image; received none")

    @property
    def num_images(self) -> int:
        """How many images there were."""
        return self.both_correct + self.only_a_correct + self.only_b_correct + self.both_incorrect

    @property
    def difference(self) -> float:
        """The accuracy of a less that of b, in [-1, 1]."""
        return (self.only_a_correct - self.only_b_correct) / self.num_images

    @property
    def difference_ci(self) -> tuple[float, float]:
        """The 95 % interval of the difference, for paired answers.

        By Bonett and Price (*Adjusted Wald confidence interval for a difference of binomial
        proportions based on paired data*, 2012).
        """
        return bonett_price_interval(self.only_a_correct, self.only_b_correct, self.num_images)

    @property
    def p_value(self) -> float:
        """How often equally good networks differ at least so much, in [0, 1].

        By McNemar's exact test: were both equally good, each image that one alone reads
        right would be a's or b's by the toss of a coin. Two-sided.
        """
        return _sign_test(
            min(self.only_a_correct, self.only_b_correct), self.only_a_correct + self.only_b_correct
        )

    def to_dict(self) -> dict[str, Any]:
        """Return counts and figures by name, ready for JSON."""
        return {
            "num_images": self.num_images,
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "difference": self.difference,
            "difference_ci": list(self.difference_ci),
            "p_value": self.p_value,
        }

    def __str__(self) -> str:
        low, high = (100 * bound for bound in self.difference_ci)
        size, better = 100 * self.difference, "a"
        if size < 0:  # told from the better one's side
            size, low, high, better = -size, -high, -low, "b"
        said = f"{better} is ahead by {size:.2f}" if size else "They differ by 0.00"
        p = self.p_value
        often = f"{100 * p:.0f}" if p >= 0.1 else f"{100 * p:.2g}"
        if p < _MIN_P_VALUE_SHOWN:
            often = f"less than {100 * _MIN_P_VALUE_SHOWN:g}"
        return (
            f"Of {self.num_images:,} images a alone reads {self.only_a_correct:,} right, "
            f"b alone {self.only_b_correct:,}.\n"
            f"{said} percentage points (95 % interval {low:.2f} to {high:.2f}).\n"
            f"Equally good networks would differ at least so much in {often} % of cases "
            "(McNemar's exact test)."
        )


@public
def compare(a: Evaluation, b: Evaluation) -> Comparison:
    """Tell whether one of two networks is better on the same images, or was luckier.

    Two networks that are tested on the same images err on many of the same ones, so the
    intervals of their accuracies may well overlap although one is clearly better.

    Parameters
    ----------
    a, b : Evaluation
        What `evaluate` returned for each network, on the same images in the same order.

    Returns
    -------
    Comparison

    Raises
    ------
    TypeError
        If one is not an `Evaluation`.
    ValueError
        If they are of different images, as far as the labels tell.

    Examples
    --------
    >>> from mnistcnn import Evaluation, compare
    >>> a = Evaluation.from_probabilities([[0.9, 0.1], [0.2, 0.8]], [0, 1])
    >>> b = Evaluation.from_probabilities([[0.9, 0.1], [0.7, 0.3]], [0, 1])
    >>> result = compare(a, b)
    >>> result.both_correct, result.only_a_correct, result.difference, result.p_value
    (1, 1, 0.5, 1.0)
    """
    as_evaluation("a", a)
    as_evaluation("b", b)
    rule = "a and b must be of the same images in the same order"
    if a.num_images != b.num_images:
        raise ValueError(f"{rule}; received {a.num_images:,} and {b.num_images:,}")
    if a.labels_sha256 != b.labels_sha256:
        raise ValueError(f"{rule}; received images whose labels differ")
    both_incorrect = len(np.intersect1d(a.misclassified.indices, b.misclassified.indices))
    only_a, only_b = len(b.misclassified) - both_incorrect, len(a.misclassified) - both_incorrect
    return Comparison(
        both_correct=a.num_images - both_incorrect - only_a - only_b,
        only_a_correct=only_a,
        only_b_correct=only_b,
        both_incorrect=both_incorrect,
    )


def _sign_test(fewer: int, tosses: int) -> float:
    """Return how probable it is that a coin shows one side at most `fewer` times, or the other.

    In logarithms, since 2 to the power of `tosses` has no place in a float.
    """
    steps = np.arange(fewer)
    logs = np.concatenate([[0.0], np.cumsum(np.log((tosses - steps) / (steps + 1)))])
    largest = logs.max()
    total = largest + math.log(np.exp(logs - largest).sum())
    return min(2 * math.exp(total - tosses * math.log(2)), 1.0)
