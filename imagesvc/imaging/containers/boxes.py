"""Boxes, as ISO base media files (ISO/IEC 14496-12, 4.2) and JP2 (ITU-T T.800, I.4) have them."""

from __future__ import annotations

from collections.abc import Iterator

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data, big, malformed, truncated


def boxes(
    name: str,
    data: Data,
    at: int,
    end: int,
    budget: Budget,
    needed: frozenset[bytes] = frozenset(),
) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box from `at` to `end`.

    Cameras put data of their own behind the boxes. Where there are `needed` ones, what follows the
    first of each may be no box.

    Raises:
        CorruptImage: a box reaches beyond `end`.
        ImageTooLarge: there are too many.
    """
    missing = set(needed)
    while at + 8 <= end:
        budget.count("boxes")
        size, kind, start = big(data, at, 4), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = big(data, at + 8, 8), at + 16
        elif size == 0:
            size = end - at
        is_sound = start - at <= size <= end - at
        if needed and not missing and kind not in needed and not is_sound:
            return
        missing.discard(kind)
        if size < start - at:
            raise malformed(name, f"a box has the size {size}")
        if at + size > end:
            raise truncated(name, f"a box of {size:,} bytes is cut off")
        yield kind, start, at + size
        at += size
