"""The comparison of two models on the same images."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mnistcnn.evaluation.intervals import bonett_price_interval, fair_binomial_cdf
from mnistcnn.evaluation.results import Evaluation, check_evaluation
from mnistcnn.notebook import html
from mnistcnn.public import public
from mnistcnn.utils.validation import check_int

_MIN_P_VALUE_SHOWN = 1e-4


@public
@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Counts of the predictions of two models, a and b, on the same images.

    Immutable; prints as three lines.

    Parameters
    ----------
    both_correct, only_a_correct, only_b_correct, both_incorrect : int
        Number of images that both models, only one of them, or neither classifies correctly.

    Notes
    -----
    McNemar's test uses only the images that exactly one model classifies correctly (Q. McNemar,
    "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12, 1947, pp. 153-157).

    Examples
    --------
    >>> from mnistcnn import Comparison
    >>> result = Comparison(
    ...     both_correct=9_800, only_a_correct=60, only_b_correct=30, both_incorrect=110
    ... )
    >>> print(result)
    Of 10,000 images, only a classifies 60 correctly, only b 30.
    The accuracy of a is higher by 0.30 percentage points (95 % CI 0.11 to 0.49).
    McNemar's exact test: p = 0.0021.
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
        """Number of images."""
        return self.both_correct + self.only_a_correct + self.only_b_correct + self.both_incorrect

    @property
    def difference(self) -> float:
        """Accuracy of a minus accuracy of b, in [-1, 1]."""
        return (self.only_a_correct - self.only_b_correct) / self.num_images

    @property
    def difference_ci(self) -> tuple[float, float]:
        """95 % confidence interval of the difference of the paired accuracies.

        The interval of Bonett and Price ("Adjusted Wald confidence interval for a difference of
        binomial proportions based on paired data", 2012).
        """
        return bonett_price_interval(self.only_a_correct, self.only_b_correct, self.num_images)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of McNemar's exact test, in [0, 1].

        The null hypothesis: an image that exactly one model classifies correctly is equally
        likely to be classified correctly by a or by b.
        """
        discordant = self.only_a_correct + self.only_b_correct
        # The smaller count, so that exchanging a and b gives the same value to the last bit.
        tail = fair_binomial_cdf(min(self.only_a_correct, self.only_b_correct), discordant)
        return min(1.0, 2 * tail)

    def to_dict(self) -> dict[str, Any]:
        """Return counts and statistics by name, ready for JSON."""
        return {
            "num_images": self.num_images,
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "difference": self.difference,
            "difference_ci": list(self.difference_ci),
            "p_value": self.p_value,
        }

    def __str__(self) -> str:
        low, high = (100 * bound for bound in self.difference_ci)
        points, better = 100 * self.difference, "a"
        if points < 0:
            points, low, high, better = -points, -high, -low, "b"
        difference = f"The accuracy of {better} is higher by {points:.2f}"
        if not points:
            difference = "The accuracies differ by 0.00"
        p_value = f"p = {self.p_value:.2g}"
        if self.p_value < _MIN_P_VALUE_SHOWN:
            p_value = f"p < {_MIN_P_VALUE_SHOWN:g}"
        return (
            f"Of {self.num_images:,} images, only a classifies {self.only_a_correct:,} correctly, "
            f"only b {self.only_b_correct:,}.\n"
            f"{difference} percentage points (95 % CI {low:.2f} to {high:.2f}).\n"
            f"McNemar's exact test: {p_value}."
        )

    def _repr_html_(self) -> str:
        rows = [
            ("a correct", f"{self.both_correct:,}", f"{self.only_a_correct:,}"),
            ("a incorrect", f"{self.only_b_correct:,}", f"{self.both_incorrect:,}"),
        ]
        return html.block(
            html.heading("Comparison"),
            *map(html.line, str(self).splitlines()),
            html.table(rows, header=("images", "b correct", "b incorrect")),
        )


@public
def compare(a: Evaluation, b: Evaluation) -> Comparison:
    """Compare two models on the same images by McNemar's exact test.

    The models misclassify many of the same images, so a paired test finds differences that two
    overlapping confidence intervals of the accuracies hide.

    Parameters
    ----------
    a, b : Evaluation
        Evaluations of the two models on the same images in the same order.

    Returns
    -------
    Comparison

    Raises
    ------
    TypeError
        If an argument is not an `Evaluation`.
    ValueError
        If the numbers of images or the labels differ.

    Examples
    --------
    >>> from mnistcnn import Evaluation, compare
    >>> a = Evaluation.from_probabilities([[0.9, 0.1], [0.2, 0.8]], [0, 1])
    >>> b = Evaluation.from_probabilities([[0.9, 0.1], [0.7, 0.3]], [0, 1])
    >>> result = compare(a, b)
    >>> result.both_correct, result.only_a_correct, result.difference, result.p_value
    (1, 1, 0.5, 1.0)
    """
    check_evaluation("a", a)
    check_evaluation("b", b)
    rule = "a and b must be evaluations of the same images in the same order"
    if a.num_images != b.num_images:
        raise ValueError(f"{rule}; received {a.num_images:,} and {b.num_images:,} images")
    if a.labels_sha256 != b.labels_sha256:
        raise ValueError(f"{rule}; received images with different labels")
    both_incorrect = len(np.intersect1d(a.misclassified.indices, b.misclassified.indices))
    only_a_correct = len(b.misclassified) - both_incorrect
    only_b_correct = len(a.misclassified) - both_incorrect
    return Comparison(
        both_correct=a.num_images - both_incorrect - only_a_correct - only_b_correct,
        only_a_correct=only_a_correct,
        only_b_correct=only_b_correct,
        both_incorrect=both_incorrect,
    )
