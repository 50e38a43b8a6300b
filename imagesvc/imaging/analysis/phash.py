"""A perceptual hash of 64 bits: resized or recompressed copies differ in few of them.

It is implemented here, since the `imagehash` package requires NumPy, SciPy and PyWavelets (some 150
MB). Of its hashes, the one by cosine transform is the best: a difference hash is cheaper, but its
bits flip with noise in even areas such as skies.

Source: C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010),
section 3.2.1; N. Krawetz, "Looks Like It" (2011).
"""

from __future__ import annotations

from statistics import median

from imagesvc.imaging.analysis.cosines import low_frequencies

SIDE = 32
FREQUENCIES = 8
DIGITS = 16
NOISE = 0.05
"""Levels by which a wave must exceed the median.

In smooth pictures most waves are only rounding errors, and their bits would be random. It does not
affect photographs (measured).
"""


def phash(gray: bytes) -> str:
    """The hash of a picture: which of its lowest frequencies are above their median.

    Args:
        gray: `SIDE` x `SIDE`, uint8, whatever the ratio of the picture was.

    Returns:
        16 hexadecimal digits.
    """
    plane = low_frequencies(gray, SIDE, FREQUENCIES, FREQUENCIES)
    waves = [wave for row in plane for wave in row]
    threshold = median(waves) + NOISE
    bits = 0
    for wave in waves:
        bits = bits << 1 | (wave > threshold)
    return f"{bits:0{DIGITS}x}"


def distance(left: str, right: str) -> int:
    """In how many of 64 bits two hashes differ; up to about 10 are the same picture."""
    return (int(left, 16) ^ int(right, 16)).bit_count()
