"""Items of AVIF and HEIC: which there are, and where their bytes lie (ISO/IEC 14496-12, 8.11)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from imagesvc.imaging.containers.boxes import boxes
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.exif_block import MAX_BYTES, PREFIX
from imagesvc.imaging.containers.found import Data, big, truncated

EXIF, TEXT = b"Exif", b"mime"
NEEDED = frozenset({b"meta", b"mdat"})
"""Boxes of a file that has its picture outside of the first one."""
MAX_EXTENTS = 64
"""Pieces that an item of metadata may lie in; one is usual."""


class Metadata(NamedTuple):
    """An item that is not a picture."""

    kind: bytes
    kind_at: int
    """The position of its type in the file."""
    extents: tuple[tuple[int, int], ...]
    """Start and size of each of its pieces, within the file."""

    @property
    def bytes(self) -> int:
        """The size of the item."""
        return sum(size for _, size in self.extents)


def metadata(name: str, data: Data, budget: Budget) -> list[Metadata]:
    """The items of EXIF and text that a file has.

    Raises:
        CorruptImage: a box is cut off.
        ImageTooLarge: there are too many boxes or items.
    """
    found: list[Metadata] = []
    for kind, start, end in boxes(name, data, 0, len(data), budget, NEEDED):
        if kind == b"meta":
            inner = {it: place for it, *place in boxes(name, data, start + 4, end, budget)}
            types = dict(_types(name, data, inner.get(b"iinf"), budget))
            if types:
                places = extents(data, inner, set(types), budget)
                found += [Metadata(*types[item], places.get(item, ())) for item in types]
    return found


def exif_block(data: Data, item: Metadata) -> bytes:
    """The EXIF in an item, up to the limit that is read (ISO/IEC 23008-12, A.2.1)."""
    joined = b""
    for start, size in item.extents:
        joined += data[start : start + min(size, MAX_BYTES + 5 - len(joined))]
    return joined[4 + big(joined, 0, 4) :].removeprefix(PREFIX)


def _types(
    name: str, data: Data, place: list[int] | None, budget: Budget
) -> Iterator[tuple[int, tuple[bytes, int]]]:
    """The number of each item of metadata, its type, and the position of the type."""
    if place is None or place[0] >= place[1]:
        return
    start, end = place
    start += 6 if data[start] == 0 else 8
    for kind, at, inner_end in boxes(name, data, start, end, budget):
        if kind == b"infe" and inner_end - at >= 12:
            wide = 4 if data[at] == 3 else 2
            type_at = at + 4 + wide + 2
            coding = data[type_at : type_at + 4]
            if coding in {EXIF, TEXT} and type_at + 4 <= inner_end:
                yield big(data, at + 4, wide), (coding, type_at)


def extents(
    data: Data, inner: dict[bytes, list[int]], wanted: set[int], budget: Budget, *, name: str = ""
) -> dict[int, tuple[tuple[int, int], ...]]:
    """Where the wanted items lie, as `iloc` says.

    Pieces outside of the file are left out, unless the items must be whole for their format; then
    items in many pieces, or in other items, have none.

    Raises:
        CorruptImage: `name` is given, and a piece is outside of the file.
    """
    place = inner.get(b"iloc")
    if place is None:
        return {}
    at, end = place
    version, sizes = data[at : at + 1], big(data, at + 4, 2)
    offset_bytes, length_bytes, base_bytes, index_bytes = (
        sizes >> shift & 15 for shift in (12, 8, 4, 0)
    )
    is_wide, has_method = version == b"\2", version in {b"\1", b"\2"}
    index_bytes *= has_method
    wide = 4 if is_wide else 2
    count, at = big(data, at + 6, wide), at + 6 + wide
    idat = inner.get(b"idat", [0, 0])
    found = {}
    for _ in range(count):
        budget.count("items")
        item, at = big(data, at, wide), at + wide
        method = big(data, at, 2) & 15 if has_method else 0
        at += 2 * has_method + 2
        base, at = big(data, at, base_bytes), at + base_bytes
        pieces, at = big(data, at, 2), at + 2
        row = index_bytes + offset_bytes + length_bytes
        if at + pieces * row > end:
            break
        if item in wanted and pieces <= MAX_EXTENTS and method <= 1:
            origin, last = (base, len(data)) if method == 0 else (base + idat[0], idat[1])
            starts = range(at + index_bytes, at + pieces * row, row) if row else ()
            found[item] = tuple(
                (origin + big(data, it, offset_bytes), big(data, it + offset_bytes, length_bytes))
                for it in starts
            )
            if name and any(sum(it) > last for it in found[item]):
                raise truncated(name, "a picture lies outside of it")
            found[item] = tuple(it for it in found[item] if sum(it) <= last)
            if name and not pieces:
                found[item] = ((last, 0),)
        elif item in wanted and name:
            found[item] = ()
        at += pieces * row
    return found
