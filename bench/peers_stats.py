"""Means of a few rounds with 95 % intervals, and of ratios of two, by Student's t.

Rounds pair what was measured within moments of each other, so what disturbs both counts once. A
price is a difference and may be near zero or below, so ratios are not taken round by round:
`ratio` is Fieller's interval, all r for which the mean of a - r * b may be zero.
"""

import math
import statistics

# Two-sided 95 %, by degrees of freedom; what is beyond the list has the last.
T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
     2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
     2.052, 2.048, 2.045, 2.042)
T_MANY = 2.0


def t_of(count):
    """For the mean of so many values."""
    return T[count - 2] if count - 2 < len(T) else T_MANY


class Estimate:
    """A mean and where it lies with 95 %; low and high are None where nothing can be said."""

    def __init__(self, value, low, high):
        self.value, self.low, self.high = value, low, high

    @property
    def bounded(self):
        return self.low is not None


def mean(values):
    """The Estimate of some values; one value alone has no interval."""
    middle = statistics.fmean(values)
    if len(values) < 2:
        return Estimate(middle, None, None)
    half = t_of(len(values)) * statistics.stdev(values) / math.sqrt(len(values))
    return Estimate(middle, middle - half, middle + half)


def difference(first, second):
    return mean([a - b for a, b in zip(first, second)])


def ratio(first, second):
    """The Estimate of mean(first) / mean(second); None when the second may well be zero."""
    count = len(first)
    a, b = statistics.fmean(first), statistics.fmean(second)
    if count < 2:
        return None if b <= 0 else Estimate(a / b, None, None)
    t2 = t_of(count) ** 2 / count
    var_a, var_b = statistics.variance(first), statistics.variance(second)
    both = statistics.covariance(first, second)
    square = b * b - t2 * var_b
    if b <= 0 or square <= 0:
        return None
    half = a * b - t2 * both
    rest = a * a - t2 * var_a
    # The quadratic has roots when its first coefficient is above zero; rounding may say otherwise.
    root = math.sqrt(max(0.0, half * half - square * rest))
    return Estimate(a / b, (half - root) / square, (half + root) / square)
