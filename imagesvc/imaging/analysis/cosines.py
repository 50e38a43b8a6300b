"""The lowest frequencies of a small picture, for ThumbHash and the perceptual hash.

The cosine transform is separable, so columns are transformed first and rows of the few results
after. A whole row of samples is one large integer with a field for each sample: one multiplication
scales the row, and one addition adds it to another. That takes 40 % of the time of a multiplication
for each sample, without any array library.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Sequence
from functools import lru_cache
from operator import mul

if sys.version_info >= (3, 12):
    from math import sumprod
else:

    def sumprod(left: Sequence[float], right: Sequence[float]) -> float:
        """What `math.sumprod` does."""
        return float(sum(map(mul, left, right)))


Levels = bytes | Sequence[int]
"""One channel, row by row; up to 16 bits a sample."""

_FIELD_BYTES = 8
_FRACTION_BITS = 40
"""Of a wave's samples. Sums of 100 products of 16 bits and 40 bits fit into a signed field."""
_SIGN = bytes(_FIELD_BYTES - 1) + b"\x80"


@lru_cache(maxsize=256)
def wave(length: int, frequency: int) -> tuple[float, ...]:
    """Samples of a cosine of so many half turns over `length` pixels (DCT-II, unscaled)."""
    return tuple(math.cos(math.pi / length * frequency * (at + 0.5)) for at in range(length))


def low_frequencies(levels: Levels, width: int, across: int, down: int) -> list[list[float]]:
    """The means of a channel times each pair of waves.

    Args:
        levels: height x width; at most 100 rows.
        width: in pixels.
        across: how many frequencies from left to right, the constant included.
        down: the same from top to bottom.

    Returns:
        down x across.
    """
    height = len(levels) // width
    rows, signs = _rows(levels, width), int.from_bytes(_SIGN * width, "little")
    scale = 1 / (width * height << _FRACTION_BITS)
    planes = []
    for y in range(down):
        # Fields must not borrow from each other: each sum is raised above 0, and lowered again.
        total = sum(map(mul, _whole_wave(height, y), rows), signs) ^ signs
        sums = list(map(float, _samples(total, width)))
        planes.append([sumprod(sums, wave(width, x)) * scale for x in range(across)])
    return planes


def _rows(levels: Levels, width: int) -> list[int]:
    """Each row as an integer, its first sample in the lowest field."""
    fields = bytearray(_FIELD_BYTES * len(levels))
    if isinstance(levels, bytes):
        fields[::_FIELD_BYTES] = levels
    else:
        fields[::_FIELD_BYTES] = bytes(level & 0xFF for level in levels)
        fields[1::_FIELD_BYTES] = bytes(level >> 8 for level in levels)
    span = _FIELD_BYTES * width
    return [int.from_bytes(fields[at : at + span], "little") for at in range(0, len(fields), span)]


def _samples(row: int, width: int) -> array[int]:
    """The signed samples of a row."""
    samples = array("q")
    samples.frombytes(row.to_bytes(_FIELD_BYTES * width, "little"))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


@lru_cache(maxsize=256)
def _whole_wave(length: int, frequency: int) -> tuple[int, ...]:
    return tuple(round(sample * (1 << _FRACTION_BITS)) for sample in wave(length, frequency))
