"""Parsing and formatting of durations, sizes and areas."""

from __future__ import annotations

import re

DURATIONS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
SIZES = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10}
MEGAPIXEL = 1_000_000
SINGLE = {"d", "m"}
"""Units of which one is written in the next smaller unit: 24h, 60s."""


def read_seconds(value: object) -> object:
    """Read `30`, `30s`, `5m`, `1h`, `2d` or `500ms` as seconds."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*", value)
    if match is None:
        raise ValueError("must be a duration such as 500ms, 30s, 5m, 1h or 2d")
    return float(match[1]) * {"ms": 0.001, **DURATIONS}[match[2] or "s"]


def read_pixels(value: object) -> object:
    """Read `100000000`, `100MP` or `100 MP` as pixels."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(MP)?\s*", value, re.IGNORECASE)
    if match is None:
        raise ValueError("must be a number of pixels, or of megapixels, such as 100MP")
    return int(float(match[1]) * (MEGAPIXEL if match[2] else 1))


def written_seconds(seconds: float) -> str | float:
    """Seconds in the largest unit that they are whole in; as they are where there is none."""
    for unit, size in DURATIONS.items():
        count, rest = divmod(seconds, size)
        if not rest and (count > 1 or (count == 1 and unit not in SINGLE)):
            return f"{count:.0f}{unit}"
    milliseconds = seconds * 1000
    return f"{milliseconds:.0f}ms" if milliseconds and milliseconds.is_integer() else seconds


def written_bytes(size: int) -> str | int:
    """Bytes in the largest unit that they are whole in."""
    for unit, factor in SIZES.items():
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return size


def written_pixels(pixels: int) -> str | int:
    """Pixels in megapixels, where they are whole ones."""
    return pixels if pixels % MEGAPIXEL else f"{pixels // MEGAPIXEL}MP"
