"""Gaussian kernels, and their approximation by the coefficients that libvips convolves fast."""

from __future__ import annotations

import math
from functools import lru_cache

LARGEST = 64
"""The largest coefficient of a fast kernel.

libvips convolves bytes with 8-bit coefficients. It keeps integers of up to 64 as they are if their
sum is a power of two; then flat areas stay exactly flat. It rounds all others.
"""
MOST_ALONE = 0.0155
"""The sum of absolute errors with which one kernel will do: 2 levels of black and white."""
NEAR = tuple(1 + step / 150 for step in range(-2, 3))
"""The sigmas that one kernel is rounded from, relative to the one that it is for."""
FIRST_SHARES = tuple(0.2 + 0.3 * step / 8 for step in range(9))
"""The shares of the variance that the first of two kernels is tried with."""
REACH = 3.5
"""Where an exact kernel ends, in sigmas: beyond it is 0.05 % of the weight."""

Kernel = tuple[int, ...]
"""Coefficients of one row; their number is odd, and their sum is a power of two."""


def sampled(sigma: float) -> list[float]:
    """The coefficients of a Gaussian kernel; their sum is 1."""
    reach = math.ceil(REACH * sigma)
    weights = [math.exp(-((x / sigma) ** 2) / 2) for x in range(-reach, reach + 1)]
    total = sum(weights)
    return [weight / total for weight in weights]


@lru_cache(maxsize=256)
def one_or_two(sigma: float) -> tuple[Kernel, ...]:
    """One fast kernel if it is close enough to a Gaussian, else a pair."""
    exact = sampled(sigma)
    found = [(_error(it, (1,), exact), it) for it in (rounded(sigma * near) for near in NEAR)]
    error, alone = min(found)
    return (alone,) if error <= MOST_ALONE else pair(sigma)


@lru_cache(maxsize=256)
def pair(sigma: float) -> tuple[Kernel, Kernel]:
    """Two fast kernels that are a Gaussian when applied one after the other.

    One alone can be off by 5 levels. Of several pairs this is the one with the smallest sum of
    absolute errors, which bounds the error of any picture: a level a pass for a sigma from 1.
    """
    exact = sampled(sigma)
    pairs = [_pair(sigma, share) for share in FIRST_SHARES]
    return min(pairs, key=lambda kernels: _error(kernels[0], kernels[1], exact))


def _pair(sigma: float, share: float) -> tuple[Kernel, Kernel]:
    """A pair whose first kernel has about this share of the variance, and the second the rest."""
    first = rounded(sigma * math.sqrt(share))
    return first, rounded(math.sqrt(sigma * sigma - variance(first)))


def rounded(sigma: float) -> Kernel:
    """A fast kernel close to a Gaussian.

    The sums of its coefficients from the middle outwards are rounded, not each coefficient:
    errors do not add up, and an edge is off by less than one coefficient.
    """
    exact = sampled(sigma)
    middle = len(exact) // 2
    total = 1
    while 2 * total * exact[middle] <= LARGEST:
        total *= 2
    half = [2 * round(total * exact[middle] / 2)]
    taken, wanted = half[0] // 2, total * exact[middle] / 2
    for weight in exact[middle + 1 :]:
        wanted += total * weight
        half.append(max(0, round(wanted) - taken))
        taken += half[-1]
    half[-1] += total // 2 - taken
    while half[-1] == 0:
        half.pop()
    return (*half[:0:-1], *half)


def variance(kernel: Kernel) -> float:
    """The mean square of the distance from the middle, in pixels."""
    middle = len(kernel) // 2
    moment = sum(weight * (x - middle) ** 2 for x, weight in enumerate(kernel))
    return moment / sum(kernel)


def _error(first: Kernel, second: Kernel, exact: list[float]) -> float:
    """The sum of absolute differences of two kernels, one after the other, to an exact one."""
    both = [0.0] * max(len(first) + len(second) - 1, len(exact))
    scale = sum(first) * sum(second)
    start = (len(both) - len(first) - len(second) + 1) // 2
    for x, one in enumerate(first):
        for y, other in enumerate(second):
            both[start + x + y] += one * other / scale
    offset = (len(both) - len(exact)) // 2
    for x, weight in enumerate(exact):
        both[offset + x] -= weight
    return sum(map(abs, both))
