"""Image sequences in AVIF: the samples of their tracks (ISO/IEC 14496-12, 8.3 to 8.7).

Which files are shown moving, and how often, is as libavif has it, and with it browsers.
"""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from imagesvc.imaging.containers.boxes import boxes
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data, big, malformed, truncated
from imagesvc.imaging.containers.heif.av1_units import largest_size
from imagesvc.imaging.containers.magic import HEAD_BYTES, brands

NAME = "AVIF"
BRAND = b"avis"
MAJOR_BRANDS = frozenset({BRAND, b"mif1", b"msf1"})
"""A file that begins with `avif` is shown as its still picture."""
NEEDED = frozenset({b"moov", b"mdat"})
_LISTS = frozenset({b"trak", b"mdia", b"minf", b"stbl", b"edts"})
_TABLES = frozenset({b"stsd", b"stsc", b"stsz", b"mdhd"})
_ENTRY_BYTES = 78
"""Of a sample entry, before the boxes in it (12.1.3)."""
Place = tuple[int, int]
"""Start and end of the content of a box."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """The motion of a sequence, and its decoding cost."""

    width: int
    height: int
    """As shown, before it is turned."""
    delays: tuple[int, ...]
    """Milliseconds of each frame."""
    plays: int
    """How often it is shown; 0 is without end."""
    properties: dict[bytes, Place]
    """Of all frames; a `colr` has the name of its content."""
    coded_pixels: int
    """The coded size of the largest frame."""
    tracks: int
    """Of pictures: colour, and alpha."""
    sample_bytes: float
    """The decoded bytes of a pixel, for all tracks together."""
    runs: int
    """Of frames of equal time, as the file has them."""


@dataclass(frozen=True, slots=True)
class _Track:
    number: int
    inner: dict[bytes, Place]
    is_auxiliary: bool
    samples: tuple[Place, ...]


def sequence(data: Data, budget: Budget) -> Sequence | None:
    """The sequence that a file is; None for a still picture.

    Raises:
        CorruptImage: the tables of a track contradict themselves, or point out of the file.
        ImageTooLarge: there are too many boxes or samples.
    """
    head = data[:HEAD_BYTES]
    if head[8:12] not in MAJOR_BRANDS or BRAND not in brands(head):
        return None
    for kind, start, end in boxes(NAME, data, 0, len(data), budget, NEEDED):
        if kind == b"moov":
            tracks = list(_tracks(data, start, end, budget))
            shown = next((it for it in tracks if not it.is_auxiliary), None)
            return None if shown is None else _read(data, shown, tracks, budget)
    return None


def _read(data: Data, shown: _Track, tracks: list[_Track], budget: Budget) -> Sequence:
    place = shown.inner[b"tkhd"]
    width, height = (big(data, place[1] - at, 2) for at in (8, 4))
    if not width or not height:
        raise malformed(NAME, f"its size is {width} x {height}")
    coded = [largest_size(data, at, end, budget) for it in tracks for at, end in it.samples]
    return Sequence(
        width,
        height,
        tuple(_delays(data, shown)),
        _plays(data, shown),
        _properties(data, shown, budget),
        max(across * down for across, down in coded),
        len(tracks),
        sum(_sample_bytes(data, _properties(data, it, budget)) for it in tracks),
        len(_runs(data, shown)),
    )


def _tracks(data: Data, start: int, end: int, budget: Budget) -> Iterator[_Track]:
    """The tracks in AV1 that have samples."""
    for kind, at, to in boxes(NAME, data, start, end, budget):
        if kind != b"trak":
            continue
        inner = dict(_leaves(data, at, to, budget))
        head, head_end = inner.get(b"tkhd", (0, 0))
        if head_end - head not in {84, 96} or not inner.keys() >= _TABLES:
            continue
        number = big(data, head + (20 if data[head] else 12), 4)
        coding = data[inner[b"stsd"][0] + 12 : inner[b"stsd"][0] + 16]
        if number and coding == b"av01" and inner.keys() & {b"stco", b"co64"}:
            samples = tuple(_samples(data, inner, budget))
            if samples:
                yield _Track(number, inner, _is_auxiliary(data, inner, budget), samples)


def _leaves(
    data: Data, at: int, end: int, budget: Budget, depth: int = 1
) -> Iterator[tuple[bytes, Place]]:
    budget.check_depth("levels of boxes", depth)
    for kind, start, to in boxes(NAME, data, at, end, budget):
        if kind in _LISTS:
            yield from _leaves(data, start, to, budget, depth + 1)
        else:
            yield kind, (start, to)


def _is_auxiliary(data: Data, inner: dict[bytes, Place], budget: Budget) -> bool:
    """Whether a track belongs to another one (`auxl`, 8.3.3), as alpha does."""
    start, end = inner.get(b"tref", (0, 0))
    return any(kind == b"auxl" for kind, *_ in boxes(NAME, data, start, end, budget))


def _samples(data: Data, inner: dict[bytes, Place], budget: Budget) -> Iterator[Place]:
    """The position of each sample (8.7.3 to 8.7.5)."""
    constant, sizes = _sizes(data, inner[b"stsz"])
    runs = _table(data, inner[b"stsc"], 12)
    budget.count("items", len(runs))
    firsts = [big(data, at, 4) for at in runs]
    if firsts[:1] != [1] or any(later <= first for first, later in pairwise(firsts)):
        raise malformed(NAME, "a table of chunks is out of order")
    wide = 8 if b"co64" in inner else 4
    number = run = 0
    for chunk, place in enumerate(_table(data, inner[b"co64" if wide == 8 else b"stco"], wide), 1):
        if run + 1 < len(firsts) and firsts[run + 1] <= chunk:
            run += 1
        count, at = big(data, runs[run] + 4, 4), big(data, place, wide)
        if not count or number + count > len(sizes):
            raise malformed(NAME, "its tables of samples differ")
        budget.count("items", count)
        for _ in range(count):
            size = constant or big(data, sizes[number], 4)
            if not size:
                raise malformed(NAME, "a frame has no data")
            if at + size > len(data):
                raise truncated(NAME, f"frame {number} is cut off")
            yield at, at + size
            at, number = at + size, number + 1


def _sizes(data: Data, place: Place) -> tuple[int, range]:
    """The size of all samples, or the position of each size."""
    start, end = place
    if end - start < 12:
        raise truncated(NAME, "a table is cut off")
    constant, count = big(data, start + 4, 4), big(data, start + 8, 4)
    if constant:
        return constant, range(count)
    return 0, _rows(start + 12, end, count, 4)


def _table(data: Data, place: Place, row: int) -> range:
    """Where the rows of a table start."""
    start, end = place
    if end - start < 8:
        raise truncated(NAME, "a table is cut off")
    return _rows(start + 8, end, big(data, start + 4, 4), row)


def _rows(at: int, end: int, count: int, row: int) -> range:
    if at + count * row > end:
        raise truncated(NAME, "a table is cut off")
    return range(at, at + count * row, row)


def _delays(data: Data, track: _Track) -> Iterator[int]:
    """Milliseconds of each sample (8.6.1.2); the last run applies to all remaining ones."""
    start, end = track.inner[b"mdhd"]
    at = start + (12 if data[start : start + 1] == b"\0" else 20)
    scale = big(data, at, 4) if at + 4 <= end else 0
    if not scale:
        raise malformed(NAME, "its time has no unit")
    count = len(track.samples)
    rows = _runs(data, track)
    if len(rows) > count:
        raise malformed(NAME, "it has more times than frames")
    number, delay = 0, _milliseconds(1, scale)
    for row in rows:
        delay = _milliseconds(big(data, row + 4, 4), scale)
        run = min(big(data, row, 4), count - number)
        yield from [delay] * run
        number += run
    yield from [delay] * (count - number)


def _runs(data: Data, track: _Track) -> range:
    place = track.inner.get(b"stts")
    return _table(data, place, 8) if place else range(0)


def _milliseconds(duration: int, scale: int) -> int:
    return round(1000 * duration / scale)


def _plays(data: Data, track: _Track) -> int:
    """How often a track is shown, by its edit list (8.6.6); 0 without one."""
    if b"elst" not in track.inner:
        return 0
    start, end = track.inner[b"elst"]
    head = track.inner[b"tkhd"][0]
    wide = 8 if data[start : start + 1] == b"\1" else 4
    if end - start < 8 + 2 * wide + 4 or big(data, start + 4, 4) != 1:
        raise malformed(NAME, "its edit list has not one entry")
    if not data[start + 3] & 1:
        return 1
    once = big(data, start + 8, wide)
    span = 8 if data[head] else 4
    whole = big(data, head + (28 if data[head] else 20), span)
    if not once:
        raise malformed(NAME, "it is repeated and takes no time")
    plays = -(-whole // once)
    return 0 if whole == (1 << 8 * span) - 1 or plays > 0xFFFF else max(1, plays)


def _properties(data: Data, track: _Track, budget: Budget) -> dict[bytes, Place]:
    start, end = track.inner[b"stsd"]
    entry = start + 16
    end = min(end, entry - 8 + big(data, entry - 8, 4))
    found: dict[bytes, Place] = {}
    for kind, at, to in boxes(NAME, data, entry + _ENTRY_BYTES, end, budget):
        found.setdefault(data[at : at + 4] if kind == b"colr" else kind, (at, to))
    return found


def _sample_bytes(data: Data, properties: dict[bytes, Place]) -> float:
    """Of a pixel, as `av1C` says (AV1 in ISOBMFF, 2.3.3)."""
    start, end = properties.get(b"av1C", (0, 0))
    if end - start < 4:
        return 6.0
    flags = data[start + 2]
    planes = 1.0 if flags & 0x10 else 1.5 if flags & 4 else 2.0 if flags & 8 else 3.0
    return planes * (2 if flags & 0x40 else 1)
