"""AV1 in AVIF: the coded size of a stream, compared with the size that its item claims.

A layered picture may claim the size of a smaller layer than the largest, which libheif still
decodes, and then refuses.
"""

# ruff: noqa: PLR2004 - the numbers are sizes that the format lays down
from __future__ import annotations

from itertools import islice

from imagesvc.errors import UnsupportedMediaType
from imagesvc.imaging.containers.boxes import boxes
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data, big
from imagesvc.imaging.containers.heif.av1_units import Size, size_of, units
from imagesvc.imaging.containers.heif.colour import numbers, parts
from imagesvc.imaging.containers.heif.items import NEEDED, extents

NAME = "AVIF"
_MAX_UNITS = 4


def check_sizes(data: Data, budget: Budget) -> None:
    """Check that the primary picture, or the first that it is joined of, is coded as it claims.

    Raises:
        UnsupportedMediaType: it is coded in another size.
        CorruptImage, ImageTooLarge: as `boxes`.
    """
    for kind, start, end in boxes(NAME, data, 0, len(data), budget, NEEDED):
        if kind != b"meta":
            continue
        inner = {it: [at, to] for it, at, to in boxes(NAME, data, start + 4, end, budget)}
        at, to = inner.get(b"pitm", [0, 0])
        if to - at < 6:
            return
        primary = big(data, at + 4, 4 if data[at] else 2)
        place = inner.get(b"iref")
        items = [primary, *parts(data, (place[0], place[1]) if place else None, primary, budget)]
        claimed = _claimed(data, inner, items, budget)
        for item, pieces in extents(data, inner, set(items), budget).items():
            coded = _coded(data, *pieces[0]) if pieces else None
            if coded and item in claimed and coded != claimed[item]:
                wanted = "{} x {}".format(*claimed[item])
                raise UnsupportedMediaType(
                    f"The AVIF file shows a layer of {wanted} pixels of a picture of "
                    f"{coded[0]} x {coded[1]}; only the largest layer is supported."
                )
        return


def _claimed(
    data: Data, inner: dict[bytes, list[int]], items: list[int], budget: Budget
) -> dict[int, Size]:
    """The size that each item claims (`ispe`)."""
    start, end = inner.get(b"iprp", [0, 0])
    lists = list(boxes(NAME, data, start, end, budget))
    listed = [it for k, at, to in lists if k == b"ipco" for it in boxes(NAME, data, at, to, budget)]
    found = {}
    for place in ((at, to) for kind, at, to in lists if kind == b"ipma"):
        for item in items:
            for number in numbers(data, place, item, budget):
                kind, at, to = listed[number - 1] if 0 < number <= len(listed) else (b"", 0, 0)
                if kind == b"ispe" and to - at >= 12:
                    found[item] = big(data, at + 4, 4), big(data, at + 8, 4)
    return found


def _coded(data: Data, at: int, size: int) -> Size | None:
    """The largest size of a frame in the first units."""
    found = (size_of(data, it) for it in islice(units(data, at, at + size), _MAX_UNITS))
    return next((it for it in found if it), None)
