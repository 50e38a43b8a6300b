"""JPEG: markers up to the end of the image (ITU-T T.81, annex B)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from imagesvc.imaging.analysis.exif import Tags
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.colour_spaces import INK_SECONDS
from imagesvc.imaging.containers.exif_block import read_tags
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

SCAN_SECONDS = 0.6e-3
"""A megapixel of a component in one progressive scan without data: its coefficients are visited."""
SCAN_BYTE_SECONDS = 20e-9
"""A byte of a progressive scan, in addition to one of a baseline scan."""
ARITHMETIC_FACTOR = 4
"""Arithmetic decoders decide without data, too; with the least data twice as often as here."""

MAX_STRAY_BYTES = 1 << 16
"""Between segments; decoders pass over them one by one."""

SOS, EOI, DNL, APP1 = 0xDA, 0xD9, 0xDC, 0xE1
EXIF = b"Exif\0"
"""The prefix of the EXIF segment; one more byte follows."""
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_PROGRESSIVE = frozenset({0xC2, 0xCA})
_ARITHMETIC = frozenset({0xC9, 0xCA})
_UNSUPPORTED_FRAMES = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF})
_BANDS = frozenset({1, 3, 4})
_MOST_BANDS = 4
_SEGMENT = re.compile(rb"\xff[^\xff\x00\x01\xd0-\xd8]")
"""A marker with something to follow; fill and stray bytes before it are skipped (B.1.1.2)."""
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker in entropy-coded data: FF00 is a stuffed byte, FFD0 to FFD7 restart."""


class Segment(NamedTuple):
    """Where a segment is."""

    marker: int
    start: int
    """The size of its length, which precedes its content."""
    end: int


def walk(data: Data, limits: Limits, budget: Budget) -> Found:
    """Check that the first image of the file is complete.

    Raises:
        CorruptImage: no end of image, no frame header, or two.
        ImageTooLarge: so many scans or segments that going through them would take forever.
    """
    at, stray = 2, 0
    scans: _Scans | None = None
    while True:
        start, (marker, at) = at, _next_marker(data, at)
        stray += at - 2 - start
        check_count("stray bytes between its segments", stray, MAX_STRAY_BYTES)
        if marker == EOI:
            break
        budget.count("segments")
        length = big(data, at, 2)
        if length < 2 or at + length > len(data):
            raise truncated("JPEG", f"segment FF{marker:02X} is cut off")
        if marker in _UNSUPPORTED_FRAMES:
            raise malformed("JPEG", f"frame type FF{marker:02X} is not supported")
        if marker in _FRAMES:
            if scans is not None:
                raise malformed("JPEG", "it has two frame headers")
            scans = _Scans(_frame(data, at, marker), marker)
        segment, at = at, at + length
        if marker == SOS:
            if scans is None:
                raise malformed("JPEG", "a scan comes before the frame header")
            components = data[segment + 2] if length > 2 else 1
            start, at = at, _after_scan(data, at)
            scans.add(components, at - start, limits)
    if scans is None or not scans.count:
        raise malformed("JPEG", "it has no picture")
    return replace(scans.frame, tags=_tags(data), extra_seconds=scans.seconds + scans.ink_seconds)


def header(data: Data, budget: Budget) -> tuple[list[Segment], int]:
    """The segments of a valid file before its first scan, and the start of the scan.

    Raises:
        ImageTooLarge: there are too many.
    """
    found: list[Segment] = []
    at = 2
    while match := _SEGMENT.search(data, at):
        marker, start = data[match.start() + 1], match.end()
        if marker in {SOS, EOI}:
            return found, match.start()
        budget.count("segments")
        at = start + max(2, big(data, start, 2))
        found.append(Segment(marker, start, at))
    return found, at


def begins(data: Data, segment: Segment, marker: int, word: bytes) -> bool:
    """Whether a segment has this marker, and its content begins with a word."""
    start = segment.start + 2
    return segment.marker == marker and data[start : start + len(word)] == word


def exif_block(data: Data, segment: Segment) -> bytes:
    """The EXIF in a segment that begins with `EXIF`."""
    return data[segment.start + 2 + len(EXIF) + 1 : segment.end]


@dataclass(slots=True)
class _Scans:
    """The scans of a frame: their number, and their time in addition to that of one."""

    frame: Found
    marker: int
    count: int = 0
    seconds: float = 0.0

    @property
    def ink_seconds(self) -> float:
        """The time of the conversion from CMYK."""
        is_cmyk = self.frame.row_bits == 8 * _MOST_BANDS
        return is_cmyk * INK_SECONDS * self.frame.width * self.frame.height / 1e6

    def add(self, components: int, size: int, limits: Limits) -> None:
        """Count a scan of so many components and bytes.

        Raises:
            ImageTooLarge: there are too many.
        """
        self.count += 1
        check_count("scans", self.count, MAX_SCANS)
        pixels = self.frame.width * self.frame.height
        if self.count > 1:
            cost = self.count * pixels
            check_count("pixels in all its scans", cost, SCAN_COST_FACTOR * limits.max_pixels)
        factor = ARITHMETIC_FACTOR if self.marker in _ARITHMETIC else 1
        if factor > 1 or self.marker in _PROGRESSIVE:
            megapixels = min(components, _MOST_BANDS) * pixels / 1e6
            self.seconds += factor * (SCAN_SECONDS * megapixels + SCAN_BYTE_SECONDS * size)


def starts_early(head: bytes, most_segments: int) -> bool:
    """Whether the first scan begins within the first bytes of a file, after few segments.

    Of EXIF one at most: some versions of Pillow join them, and copy a value for each entry.
    """
    at, exif = 2, 0
    for _ in range(most_segments):
        if len(head) < at + 4 or not _SEGMENT.match(head, at):
            return False
        exif += head[at + 1] == APP1 and head[at + 4 : at + 4 + len(EXIF)] == EXIF
        if exif > 1:
            return False
        if head[at + 1] == SOS:
            return True
        at += 2 + big(head, at + 2, 2)
    return False


def _tags(data: Data) -> Tags:
    segments, _ = header(data, Budget(len(data)))
    blocks = (exif_block(data, it) for it in segments if begins(data, it, APP1, EXIF))
    return read_tags(next(blocks, b""))


def _next_marker(data: Data, at: int) -> tuple[int, int]:
    """The marker at `at` or later, and the position after it."""
    match = _SEGMENT.search(data, at)
    if match is None:
        raise truncated("JPEG", "there is no end of image")
    return data[match.start() + 1], match.end()


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
        raise malformed("JPEG", f"{precision} bits a sample are not supported")
    if bands not in _BANDS:
        raise malformed("JPEG", f"it has {bands} components")
    if not width or not height:
        raise malformed("JPEG", f"its size is {width} x {height}")
    factors = [data[at + 9 + 3 * n] for n in range(bands) if at + 9 + 3 * n < len(data)]
    areas = [(f >> 4) * (f & 15) for f in factors]
    held = 16 * sum(areas) / max([1, *areas]) if marker in _PROGRESSIVE else 0
    return Found(width, height, held_bits=held, row_bits=8 * bands)
