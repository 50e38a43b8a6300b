"""The coded pictures of an AVIF or HEIC: checks that the data of each decoded one exists.

Decoders interpret the stream; only lengths are compared here.
"""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the formats lay down
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from imagesvc.imaging.containers.boxes import boxes
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data, big, malformed, truncated
from imagesvc.imaging.containers.heif.av1_units import FRAME, FRAME_HEADER, TILES, units
from imagesvc.imaging.containers.heif.colour import numbers
from imagesvc.imaging.containers.heif.items import NEEDED, extents

AV1, HEVC = b"av01", b"hvc1"
_SETTINGS = {AV1: b"av1C", HEVC: b"hvcC"}
_PART, _AUXILIARY = b"dimg", b"auxl"
_MAX_PARTS = 4096
"""Of one picture that are looked at."""
_MAX_UNITS = 64
Place = tuple[int, int]
"""Start and size of a piece, within the file."""


def check_pictures(name: str, data: Data, budget: Budget) -> None:
    """Check the primary picture, and those that it is joined of.

    Raises:
        CorruptImage: one has no data or settings, or is longer than its data.
        ImageTooLarge: there are too many boxes or items.
    """
    for kind, start, end in boxes(name, data, 0, len(data), budget, NEEDED):
        if kind != b"meta":
            continue
        inner = {it: [at, to] for it, at, to in boxes(name, data, start + 4, end, budget)}
        at, to = inner.get(b"pitm", [0, 0])
        if to - at < 6:
            return
        primary = big(data, at + 4, 4 if data[at] else 2)
        others = _others(name, data, inner, primary, budget)
        wanted = {primary: b"", **{item: how for how, item in islice(others, _MAX_PARTS)}}
        codings = dict(_codings(name, data, inner, budget))
        places = extents(data, inner, set(wanted), budget, name=name)
        settings = list(_settings(name, data, inner, budget))
        for item, how in wanted.items():
            coding = codings.get(item, b"")
            if coding not in _SETTINGS:
                continue
            found = _settings_of(data, inner, item, settings, budget)
            if how == _AUXILIARY and not _is_alpha(data, found.get(b"auxC")):
                continue
            if _SETTINGS[coding] not in found:
                raise malformed(name, "a picture has no decoder settings")
            if item not in places:
                raise malformed(name, "a picture has no data")
            _check(name, data, coding, places[item], found[_SETTINGS[coding]], budget)
        return


def _check(
    name: str, data: Data, coding: bytes, pieces: tuple[Place, ...], at: int, budget: Budget
) -> None:
    if len(pieces) != 1:
        return  # a unit may go on in the next piece
    if not pieces[0][1]:
        raise malformed(name, "a picture has no data")
    start, size = pieces[0]
    if not _CHECKS[coding](data, start, start + size, at, budget):
        raise truncated(name, "a picture is longer than its data")


def _has_frame(data: Data, start: int, end: int, _settings_at: int, _budget: Budget) -> bool:
    """Whether a stream in AV1 has a frame before it is cut off."""
    kinds = {unit.kind for unit in islice(units(data, start, end), _MAX_UNITS)}
    return FRAME in kinds or {FRAME_HEADER, TILES} <= kinds


def _has_whole_units(data: Data, start: int, end: int, settings_at: int, budget: Budget) -> bool:
    """Whether the units of a stream in HEVC end where it does (ISO/IEC 14496-15, 8.3.2)."""
    wide = 1 + (data[settings_at + 21] & 3)
    while start + wide <= end:
        budget.count("units")
        start += wide + big(data, start, wide)
    return start <= end


_CHECKS: Mapping[bytes, Callable[[Data, int, int, int, Budget], bool]] = {
    AV1: _has_frame,
    HEVC: _has_whole_units,
}


def _is_alpha(data: Data, settings_at: int | None) -> bool:
    """Whether a picture is the alpha of another one, by its `auxC`."""
    return settings_at is not None and data[settings_at + 4 : settings_at + 64].find(b"alpha") >= 0


def _others(
    name: str, data: Data, inner: dict[bytes, list[int]], whole: int, budget: Budget
) -> Iterator[tuple[bytes, int]]:
    """All pictures that one is joined of, and those that belong to it, with the reference."""
    start, end = inner.get(b"iref", [0, 0])
    if end - start < 4:
        return
    wide = 4 if data[start] else 2
    for kind, at, to in boxes(name, data, start + 4, end, budget):
        if kind == _PART and to - at >= wide + 2 and big(data, at, wide) == whole:
            first = at + wide + 2
            last = min(to - wide + 1, first + wide * big(data, at + wide, 2))
            yield from ((kind, big(data, it, wide)) for it in range(first, last, wide))
        elif kind == _AUXILIARY and whole == big(data, min(at + wide + 2, to), wide):
            yield kind, big(data, at, wide)


def _codings(
    name: str, data: Data, inner: dict[bytes, list[int]], budget: Budget
) -> Iterator[tuple[int, bytes]]:
    start, end = inner.get(b"iinf", [0, 0])
    if end - start < 8:
        return
    for kind, at, to in boxes(name, data, start + (8 if data[start] else 6), end, budget):
        if kind == b"infe" and to - at >= 12 and data[at] >= 2:
            wide = 4 if data[at] == 3 else 2
            yield big(data, at + 4, wide), data[at + wide + 6 : at + wide + 10]


def _settings(
    name: str, data: Data, inner: dict[bytes, list[int]], budget: Budget
) -> Iterator[tuple[bytes, int, int]]:
    """All properties of the file."""
    start, end = inner.get(b"iprp", [0, 0])
    for kind, at, to in boxes(name, data, start, end, budget):
        if kind == b"ipco":
            yield from boxes(name, data, at, to, budget)


def _settings_of(
    data: Data,
    inner: dict[bytes, list[int]],
    item: int,
    listed: list[tuple[bytes, int, int]],
    budget: Budget,
) -> dict[bytes, int]:
    """The start of each property of an item, if it is long enough for settings."""
    start, end = inner.get(b"iprp", [0, 0])
    found = {}
    for kind, at, to in boxes("HEIF", data, start, end, budget):
        if kind == b"ipma":
            for number in numbers(data, (at, to), item, budget):
                if 0 < number <= len(listed):
                    prop, prop_at, prop_end = listed[number - 1]
                    if prop_end - prop_at >= (22 if prop == b"hvcC" else 4):
                        found[prop] = prop_at
    return found
