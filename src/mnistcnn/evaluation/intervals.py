"""The 95 % intervals that go with the figures of evaluations."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

_Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point


def wilson_interval(count: int, total: int) -> tuple[float, float]:
    """Return the interval of a share by Wilson's score method (Wilson, 1927)."""
    share = count / total
    centre = share + _Z_95**2 / (2 * total)
    half = _Z_95 * math.sqrt(share * (1 - share) / total + _Z_95**2 / (4 * total**2))
    scale = 1 + _Z_95**2 / total
    # At 0 and at 1 the formula's own bound is exact; rounding must not pass it.
    low = 0.0 if count == 0 else (centre - half) / scale
    high = 1.0 if count == total else (centre + half) / scale
    return low, high


def bonett_price_interval(only_first: int, only_second: int, total: int) -> tuple[float, float]:
    """Return the interval of the difference of two shares of the same `total` things.

    It is Wald's with one more thing for each of the two counts (Bonett and Price, 2012),
    one of those that Fagerland, Lydersen and Laake (2014) recommend.
    """
    first, second = (only_first + 1) / (total + 2), (only_second + 1) / (total + 2)
    difference = first - second
    half = _Z_95 * math.sqrt((first + second - difference**2) / (total + 2))
    return max(difference - half, -1.0), min(difference + half, 1.0)


def t_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the interval of a mean by Student's t distribution (Student, 1908).

    It is for two values at least, drawn alike and apart from each other.
    """
    mean = statistics.fmean(values)
    half = t_quantile(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return mean - half, mean + half


def t_quantile(freedom: int) -> float:
    """Return the 97.5 % point of Student's t distribution of so many degrees of freedom."""
    low, high = 0.0, math.pi / 2  # of the angle whose tangent is the point over the root
    for _ in range(64):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_within(middle, freedom) < 0.95 else (low, middle)
    return math.tan(low) * math.sqrt(freedom)


def _student_within(angle: float, freedom: int) -> float:
    """Return how much of the distribution lies within a point either way.

    By the finite series of the angle for whole degrees of freedom (Abramowitz and Stegun,
    *Handbook of Mathematical Functions*, 1964, 26.7.3 and 26.7.4).
    """
    odd = freedom % 2
    sine, cosine = math.sin(angle), math.cos(angle)
    term, total = (cosine if odd else 1.0), 0.0
    for i in range(2 + odd, freedom + 1, 2):
        total += term
        term *= cosine**2 * (i - 1) / i
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
