"""JP2 without header boxes that are damaged, or do not concern the pixels (T.800, I.5.3)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from imagesvc.imaging.containers.boxes import boxes
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data, big
from imagesvc.imaging.containers.jp2.stream import NAME

_ENUMERATED, _PROFILE = 1, 2
_PALETTE = frozenset({b"pclr", b"cmap"})
_MAX_PALETTE = 1024


def tidied(data: Data) -> bytes | None:
    """A valid file with only the boxes that decoders need; None if there are no others.

    Raises:
        CorruptImage, ImageTooLarge: the file is not sound.
    """
    if data[4:8] != b"jP  ":
        return None  # a code stream alone
    budget = Budget(len(data))
    for kind, start, end in boxes(NAME, data, 0, len(data), budget):
        if kind == b"jp2c":
            return None
        if kind == b"jp2h":
            found = list(boxes(NAME, data, start, end, budget))
            kept = _kept(data, found)
            if len(kept) == len(found):
                return None
            header = b"".join(data[inner - 8 : inner_end] for _, inner, inner_end in kept)
            head = struct.pack(">I4s", 8 + len(header), kind)
            return b"".join((data[: start - 8], head, header, data[end:]))
    return None


def _kept(data: Data, found: list[tuple[bytes, int, int]]) -> list[tuple[bytes, int, int]]:
    """The valid boxes; a palette is kept only together with its mapping."""
    sound = [it for it in found if it[0] in _CHECKS and _CHECKS[it[0]](data[it[1] : it[2]])]
    if len(_PALETTE & {kind for kind, *_ in sound}) in {0, len(_PALETTE)}:
        return sound
    return [it for it in sound if it[0] not in {*_PALETTE, b"cdef"}]


def _is_colour(content: bytes) -> bool:
    method = content[0] if content else 0
    if method == _ENUMERATED:
        return len(content) >= 7
    return method == _PROFILE and len(content) >= 131 and big(content, 3, 4) == len(content) - 3


def _is_palette(content: bytes) -> bool:
    if len(content) < 3:
        return False
    entries, columns = big(content, 0, 2), content[2]
    widths = content[3 : 3 + columns]
    row = sum(((width & 0x7F) + 8) // 8 for width in widths)
    has_all = len(content) >= 3 + columns + entries * row
    return 1 <= entries <= _MAX_PALETTE and 1 <= columns == len(widths) and has_all


def _is_definition(content: bytes) -> bool:
    if len(content) < 2:
        return False
    channels = big(content, 0, 2)
    numbers = {big(content, at, 2) for at in range(2, len(content) - 5, 6)}
    return len(content) == 2 + 6 * channels and numbers == set(range(channels))


_CHECKS: Mapping[bytes, Callable[[bytes], bool]] = {
    b"ihdr": lambda content: len(content) >= 14,
    b"bpcc": bool,
    b"colr": _is_colour,
    b"pclr": _is_palette,
    b"cmap": lambda content: bool(content) and len(content) % 4 == 0,
    b"cdef": _is_definition,
}
