"""The colour space that an AVIF or HEIC names: the `nclx` of its primary picture.

An ICC profile precedes the primaries and the curve of `nclx`, as libavif documents (`avifImage` in
`avif.h`); the range of `nclx` still applies to the samples.
"""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from imagesvc.imaging.containers.boxes import boxes
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.cicp import (
    CURVES,
    PRIMARIES,
    SRGB,
    ColourSpace,
    Curve,
    bounded_peak,
)
from imagesvc.imaging.containers.found import Data, big
from imagesvc.imaging.containers.heif.sequence import sequence

_NAME = "HEIF"
_NCLX_BYTES = 11
PEAK_SCALE = 10_000
Place = tuple[int, int]
"""Start and end of the content of a box."""


@dataclass(frozen=True, slots=True)
class _Samples:
    """How the coding stores samples."""

    bits: int = 8
    is_gray: bool = False


def read(data: Data, budget: Budget, *, has_profile: bool) -> ColourSpace | None:
    """The colour space of the primary picture of a valid file; None if it is not named.

    Args:
        data: the file.
        budget: for its boxes.
        has_profile: whether it has an ICC profile, which is applied after this.

    Raises:
        CorruptImage: a box is cut off.
        ImageTooLarge: there are too many boxes or items.
    """
    moves = sequence(data, budget)
    if moves:
        space = _space(data, moves.properties, has_profile=has_profile)
        # The decoder of sequences makes full range of gray, too.
        return space and replace(space, is_narrow=False)
    for kind, start, end in boxes(_NAME, data, 0, len(data), budget):
        if kind == b"meta":
            inner = {it: (at, to) for it, at, to in boxes(_NAME, data, start + 4, end, budget)}
            found = dict(reversed(list(_properties(data, inner, budget))))
            return _space(data, found, has_profile=has_profile)
    return None


def _space(data: Data, found: dict[bytes, Place], *, has_profile: bool) -> ColourSpace | None:
    place = found.get(b"nclx")
    if place is None or place[1] - place[0] < _NCLX_BYTES:
        return None
    at = place[0] + 4
    samples = _samples(data, found)
    # Decoders make full range of colours, and leave gray as it is.
    is_narrow = samples.is_gray and not data[at + 6] & 0x80
    space = ColourSpace(bits=samples.bits, is_narrow=is_narrow)
    if has_profile:
        return space
    primaries, (curve, gamma) = (
        PRIMARIES.get(big(data, at, 2), SRGB),
        CURVES.get(big(data, at + 2, 2), (Curve.SRGB, 1.0)),
    )
    space = replace(space, primaries=primaries, curve=curve, gamma=gamma)
    return replace(space, peak=_peak(data, found)) if curve is Curve.PQ else space


def _samples(data: Data, found: dict[bytes, Place]) -> _Samples:
    """Of AV1 (`av1C`, AV1 in ISOBMFF 2.3.3) or HEVC (`hvcC`, ISO/IEC 14496-15, 8.3.2.1)."""
    at, end = found.get(b"av1C", (0, 0))
    if end - at >= 4:
        flags = data[at + 2]
        return _Samples((8, 8, 10, 12)[flags >> 5 & 3], bool(flags & 0x10))
    at, end = found.get(b"hvcC", (0, 0))
    if end - at >= 18:
        return _Samples(8 + (data[at + 17] & 7), data[at + 16] & 3 == 0)
    return _Samples()


def _peak(data: Data, found: dict[bytes, Place]) -> float:
    """The light of the brightest pixel (`clli`), or of the mastering display (`mdcv`)."""
    at, end = found.get(b"clli", (0, 0))
    content = big(data, at, 2) if end - at >= 4 else 0
    at, end = found.get(b"mdcv", (0, 0))
    mastering = big(data, at + 16, 4) / PEAK_SCALE if end - at >= 24 else 0
    return bounded_peak(content, mastering)


def _properties(
    data: Data, inner: dict[bytes, Place], budget: Budget
) -> Iterator[tuple[bytes, Place]]:
    """The properties of the primary picture, then those of the first picture of its grid.

    A `colr` has the name of its content: `nclx`, or a kind of profile.
    """
    at, end = inner.get(b"pitm", (0, 0))
    start, to = inner.get(b"iprp", (0, 0))
    if end - at < 6 or start == to:
        return
    primary = big(data, at + 4, 4 if data[at] else 2)
    lists = list(boxes(_NAME, data, start, to, budget))
    listed = [
        it
        for kind, at, end in lists
        if kind == b"ipco"
        for it in boxes(_NAME, data, at, end, budget)
    ]
    used = [(at, end) for kind, at, end in lists if kind == b"ipma"]
    for item in (primary, *parts(data, inner.get(b"iref"), primary, budget)):
        for number in (it for place in used for it in numbers(data, place, item, budget)):
            if 0 < number <= len(listed):
                kind, at, end = listed[number - 1]
                yield data[at : at + 4] if kind == b"colr" else kind, (at, end)


def numbers(data: Data, place: Place, wanted: int, budget: Budget) -> list[int]:
    """The properties of an item, counted from 1 (`ipma`, ISO/IEC 23008-12, 9.3)."""
    at, end = place
    if end - at < 8:
        return []
    wide, deep = (4 if data[at] else 2), (2 if data[at + 3] & 1 else 1)
    mask = (1 << 8 * deep - 1) - 1  # the first bit says that a property is essential
    at += 8
    while at + wide < end:
        budget.count("items")
        item, count = big(data, at, wide), data[at + wide]
        at += wide + 1
        if item == wanted:
            last = min(end, at + count * deep)
            return [big(data, it, deep) & mask for it in range(at, last, deep)]
        at += count * deep
    return []


def parts(data: Data, place: Place | None, whole: int, budget: Budget) -> list[int]:
    """The first picture that one is joined of (`dimg`, ISO/IEC 23008-12, 6.6), if it is."""
    if place is None or place[1] - place[0] < 4:
        return []
    start, end = place
    wide = 4 if data[start] else 2
    for kind, at, to in boxes(_NAME, data, start + 4, end, budget):
        if kind == b"dimg" and to - at >= 2 * wide + 2 and big(data, at, wide) == whole:
            return [big(data, at + wide + 2, wide)]
    return []
