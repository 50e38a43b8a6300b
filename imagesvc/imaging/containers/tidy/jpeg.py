"""JPEG with only the metadata that affects how the pixels are shown."""

# ruff: noqa: PLR2004 - the numbers are sizes that the format lays down
from __future__ import annotations

from imagesvc.imaging.containers.budget import MAX_INFLATED_BYTES, Budget
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.jpeg import APP1, EXIF, Segment, begins, header

APP0, APP2, ADOBE, COMMENT = 0xE0, 0xE2, 0xEE, 0xFE
_ANCILLARY = frozenset({*range(APP0, 0xF0), COMMENT})
_PROFILE = b"ICC_PROFILE\0"


def tidied(data: Data, most: int, budget: Budget) -> bytes | None:
    """The file without most segments before its first scan; None if these are at most `most`."""
    segments, rest = header(data, budget)
    ancillary = [it for it in segments if it.marker in _ANCILLARY]
    if sum(it.end - it.start for it in ancillary) <= most:
        return None
    profile = [it for it in ancillary if begins(data, it, APP2, _PROFILE)]
    if len(profile) > 255 or sum(it.end - it.start for it in profile) > MAX_INFLATED_BYTES:
        profile = []
    kept = [
        *[it for it in ancillary if it.marker == APP0][:1],
        *[it for it in ancillary if begins(data, it, APP1, EXIF)][:1],
        *[it for it in ancillary if it.marker == ADOBE][:1],
        *profile,
        *[it for it in segments if it.marker not in _ANCILLARY],
    ]
    return b"".join((data[:2], *(_whole(data, it) for it in kept), data[rest:]))


def _whole(data: Data, segment: Segment) -> bytes:
    return bytes((0xFF, segment.marker)) + data[segment.start : segment.end]
