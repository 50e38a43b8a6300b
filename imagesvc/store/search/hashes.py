"""Perceptual hashes that differ in few bits, found without comparing all.

A hash of 64 bits is cut into four bands of 16. Of two hashes that differ in at most 10 bits, one
band differs in at most two: a lookup of the 137 values within two bits of each band finds them
all, and among random hashes 8 in a thousand others.

Source: M. Norouzi, A. Punjani, D. Fleet, "Fast Search in Hamming Space with Multi-Index Hashing"
(2012).
"""

from __future__ import annotations

from itertools import combinations

RADIUS = 10
"""Bits in which two hashes of one picture may differ."""
BANDS = 4
_DIGITS = 4
_BITS = 16
_FLIPS = tuple(
    sum(1 << bit for bit in bits)
    for count in range(RADIUS // BANDS + 1)
    for bits in combinations(range(_BITS), count)
)


def near_bands(phash: str) -> list[str]:
    """The bands that a hash near this one has at least one of: the band's place and its digits."""
    found: list[str] = []
    for place in range(BANDS):
        value = int(phash[_DIGITS * place : _DIGITS * (place + 1)], 16)
        found += [f"{place}{value ^ flip:04x}" for flip in _FLIPS]
    return found


def distance(left: str, right: str) -> int:
    """In how many bits two hashes differ."""
    return (int(left, 16) ^ int(right, 16)).bit_count()
