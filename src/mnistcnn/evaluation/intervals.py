"""95 % confidence intervals for proportions, paired differences and means; a binomial tail."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence

_Z_95 = 1.959963984540054  # 97.5 % quantile of the standard normal distribution
# Up to here, a binomial coefficient divided by 2**n is a ratio of integers that is exact to the
# last bit; above, the logarithm of the gamma function is precise enough, and fast.
_MAX_EXACT = 1_000


def wilson_interval(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of the proportion ``count / total``.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (158), 1927, pp. 209-212.
    """
    proportion = count / total
    center = proportion + _Z_95**2 / (2 * total)
    margin = _Z_95 * math.sqrt(proportion * (1 - proportion) / total + _Z_95**2 / (4 * total**2))
    scale = 1 + _Z_95**2 / total
    # The bounds at 0 and 1 are exact; rounding must not move them.
    low = 0.0 if count == 0 else (center - margin) / scale
    high = 1.0 if count == total else (center + margin) / scale
    return low, high


def bonett_price_interval(only_first: int, only_second: int, total: int) -> tuple[float, float]:
    """Return the 95 % Bonett-Price interval of the difference of two paired proportions.

    This adjusted Wald interval adds one to each of the discordant counts `only_first` and
    `only_second`.

    D. G. Bonett and R. M. Price, "Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data", Journal of Educational and Behavioral Statistics 37 (4),
    2012, pp. 479-488. Recommended by M. W. Fagerland, S. Lydersen and P. Laake, "Recommended tests
    and confidence intervals for paired binomial proportions", Statistics in Medicine 33 (16),
    2014, pp. 2850-2875.
    """
    first, second = (only_first + 1) / (total + 2), (only_second + 1) / (total + 2)
    difference = first - second
    margin = _Z_95 * math.sqrt((first + second - difference**2) / (total + 2))
    return max(difference - margin, -1.0), min(difference + margin, 1.0)


def fair_binomial_cdf(count: int, total: int) -> float:
    """Return the probability of at most `count` heads in `total` tosses of a fair coin.

    `count` must be at most half of `total`. SciPy has this distribution too, but is 140 MB that
    nothing else in the evaluation of a model needs.
    """
    if total <= _MAX_EXACT:
        mass = math.comb(total, count) / (1 << total)
    else:
        log_comb = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
        mass = math.exp(log_comb - total * math.log(2))
    # Each term, relative to that of `count`, follows from the one above it.
    ratio = relative = 1.0
    while count > 0 and ratio > relative * sys.float_info.epsilon / 8:
        ratio *= count / (total - count + 1)
        relative += ratio
        count -= 1
    return mass * relative


def t_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of at least two values by Student's t distribution.

    Student, "The probable error of a mean", Biometrika 6 (1), 1908, pp. 1-25.
    """
    from scipy.stats import t

    mean = statistics.fmean(values)
    quantile = float(t.ppf(0.975, len(values) - 1))
    margin = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return mean - margin, mean + margin
