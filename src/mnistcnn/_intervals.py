"""The 95 % intervals that go with the figures of an evaluation."""

from __future__ import annotations

import math

_Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point


def share_interval(count: int, total: int) -> tuple[float, float]:
    """Return the interval of a share by Wilson's score method (Wilson, 1927)."""
    share = count / total
    centre = share + _Z_95**2 / (2 * total)
    half = _Z_95 * math.sqrt(share * (1 - share) / total + _Z_95**2 / (4 * total**2))
    scale = 1 + _Z_95**2 / total
    # At 0 and at 1 the formula's own bound is exact; rounding must not pass it.
    low = 0.0 if count == 0 else (centre - half) / scale
    high = 1.0 if count == total else (centre + half) / scale
    return low, high


def paired_interval(only_first: int, only_second: int, total: int) -> tuple[float, float]:
    """Return the interval of the difference of two shares of the same `total` things.

    It is Wald's with one more thing for each of the two counts (Bonett and Price, 2012),
    one of those that Fagerland, Lydersen and Laake (2014) recommend.
    """
    first, second = (only_first + 1) / (total + 2), (only_second + 1) / (total + 2)
    difference = first - second
    half = _Z_95 * math.sqrt((first + second - difference**2) / (total + 2))
    return max(difference - half, -1.0), min(difference + half, 1.0)
