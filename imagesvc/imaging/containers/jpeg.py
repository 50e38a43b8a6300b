"""JPEG: markers up to the end of the image (ITU-T T.81, annex B)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import re

from imagesvc.imaging.containers.found import (
    Data,
    Found,
    big,
    check_count,
    malformed,
    truncated,
)
from imagesvc.imaging.limits import Limits

MAX_SCANS = 1000
SCAN_COST_FACTOR = 20
"""Scans times pixels may reach this many times `max_pixels`; progressive files have 10 scans."""

SOS, EOI, SOI, DNL = 0xDA, 0xD9, 0xD8, 0xDC
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_PROGRESSIVE = frozenset({0xC2, 0xCA})
_UNSUPPORTED_FRAMES = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF})
_BANDS = frozenset({1, 3, 4})
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker in entropy-coded data: FF00 is a stuffed byte, FFD0 to FFD7 restart."""


def walk(data: Data, limits: Limits) -> Found:
    """Check that the first image of the file is there to its end.

    Raises:
        CorruptImage: no end of image, no frame header, or two.
        ImageTooLarge: so many scans that decoding them would take forever.
    """
    at, scans = 2, 0
    found: Found | None = None
    while True:
        marker, at = _next_marker(data, at)
        if marker == EOI:
            break
        length = big(data, at, 2)
        if length < 2 or at + length > len(data):
            raise truncated("JPEG", f"segment FF{marker:02X} is cut off")
        if marker in _UNSUPPORTED_FRAMES:
            raise malformed("JPEG", f"frame type FF{marker:02X} is not taken")
        if marker in _FRAMES:
            if found is not None:
                raise malformed("JPEG", "it has two frame headers")
            found = _frame(data, at, marker)
        at += length
        if marker == SOS:
            if found is None:
                raise malformed("JPEG", "a scan comes before the frame header")
            scans += 1
            _check_scans(scans, found, limits)
            at = _after_scan(data, at)
    if found is None or not scans:
        raise malformed("JPEG", "it has no picture")
    return found


def _next_marker(data: Data, at: int) -> tuple[int, int]:
    """The marker at `at`, and where what follows it starts; fill bytes are skipped."""
    while True:
        pair = data[at : at + 2]
        if len(pair) < 2:
            raise truncated("JPEG", "there is no end of image")
        if pair[0] != 0xFF:
            at = data.find(b"\xff", at)  # decoders skip stray bytes between segments, too
            if at < 0:
                raise truncated("JPEG", "there is no end of image")
        elif pair[1] in (0xFF, 0x00):
            at += 1
        elif pair[1] == 0x01 or 0xD0 <= pair[1] <= SOI:
            at += 2
        else:
            return pair[1], at + 2


def _after_scan(data: Data, at: int) -> int:
    match = _MARKER.search(data, at)
    if match is None:
        raise truncated("JPEG", "there is no end of image")
    return match.start()


def _frame(data: Data, at: int, marker: int) -> Found:
    """Read a frame header (B.2.2)."""
    header = data[at : at + 8]
    if len(header) < 8:
        raise truncated("JPEG", "the frame header is cut off")
    precision, bands = header[2], header[7]
    height, width = big(header, 3, 2), big(header, 5, 2)
    if precision != 8:
        raise malformed("JPEG", f"{precision} bits a sample are not taken")
    if bands not in _BANDS:
        raise malformed("JPEG", f"it has {bands} components")
    if not width or not height:
        raise malformed("JPEG", f"its size is {width} x {height}")
    factors = [data[at + 9 + 3 * n] for n in range(bands) if at + 9 + 3 * n < len(data)]
    areas = [(f >> 4) * (f & 15) for f in factors]
    held = 16 * sum(areas) / max([1, *areas]) if marker in _PROGRESSIVE else 0
    return Found(width, height, held_bits=held, row_bits=8 * bands)


def _check_scans(scans: int, found: Found, limits: Limits) -> None:
    check_count("scans", scans, MAX_SCANS)
    if scans > 1:
        cost = scans * found.width * found.height
        check_count("pixels in all its scans", cost, SCAN_COST_FACTOR * limits.max_pixels)
