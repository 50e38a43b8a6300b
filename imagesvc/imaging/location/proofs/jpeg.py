"""JPEG scans: no bytes between the coded pixels and the next marker.

libjpeg reports such bytes when it reads on to the next marker. It does so at the start when a file
has several scans; a file with one scan gets a component without a scan for this. It keeps up to
seven bytes in a register, which it does not report. No pixels are computed.

Source: libjpeg, `jdmarker.c` (`next_marker`) and `jdinput.c` (`initial_setup`).
"""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

from collections.abc import Iterable

import pyvips

from imagesvc.imaging.location.unclear import UnclearError

_FRAMES = frozenset({0xC0, 0xC1, 0xC9})
"""Those that may have one scan; progressive ones are read to the end anyway."""
_ADDED = {1: 2, 3: 1, 4: 1}
"""Components to add, by those of a picture, to a number that libvips accepts."""


def check(segments: Iterable[bytes]) -> None:
    """Check the segments and scans that decoding needs, in order.

    Args:
        segments: each from its marker on, and the coded pixels after those of scans.

    Raises:
        UnclearError: there are bytes behind coded pixels, or they are damaged.
    """
    probe = b"".join((b"\xff\xd8", *map(_with_components, segments), b"\xff\xd9"))
    try:
        picture = pyvips.Image.jpegload_buffer(probe, fail_on="warning", access="sequential")
        picture.crop(0, 0, picture.width, 1).avg()
    except pyvips.Error as error:
        raise UnclearError("the coded pixels do not end where the scan does") from error


def _with_components(segment: bytes) -> bytes:
    """A segment; a frame header gets components that no scan has."""
    if len(segment) < 13 or segment[0] != 0xFF or segment[1] not in _FRAMES:
        return segment
    known = set(segment[10::3])
    unknown = [number for number in range(1, 8) if number not in known]
    added = b"".join(
        bytes((number, 0x11, segment[12])) for number in unknown[: _ADDED.get(segment[9], 0)]
    )
    length, count = len(segment) - 2 + len(added), segment[9] + len(added) // 3
    head = segment[:2] + length.to_bytes(2, "big") + segment[4:9]
    return head + bytes((count,)) + segment[10:] + added
