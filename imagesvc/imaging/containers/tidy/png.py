"""PNG as decoders are given it: without texts that take long to inflate, or are many.

Decoders inflate all texts and profiles of a file, before a pixel and whether they are used or not.
"""

from __future__ import annotations

import zlib

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.exif_block import MAX_BYTES
from imagesvc.imaging.containers.found import Data, big
from imagesvc.imaging.containers.png.png import ANCILLARY, IEND, SIGNATURE, Chunk, chunks

MAX_OTHER_BYTES = 64 << 10
MAX_OTHER_CHUNKS = 64
"""Of texts and unknown chunks that a file may keep."""
MAX_KEYWORD_BYTES = 79
_ONCE = frozenset(
    {b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"bKGD", b"pHYs",
     b"iCCP", b"eXIf", b"acTL"}
)  # fmt: skip
"""Chunks that affect how the pixels are shown, each at most once in a file."""
_FRAMES = frozenset({b"fcTL", b"fdAT"})
_PROFILE, _EXIF = b"iCCP", b"eXIf"


def tidied(data: Data) -> bytes | None:
    """A valid file without unneeded data; None if nothing has to be removed.

    Raises:
        CorruptImage, ImageTooLarge: the file is not sound.
    """
    budget = Budget(len(data))
    found = list(chunks(data, len(SIGNATURE), budget))
    ancillary = [it for it in found if it.kind[0] & ANCILLARY and it.kind not in _FRAMES]
    others = [it for it in ancillary if it.kind not in _ONCE]
    profiles = [it for it in found if it.kind == _PROFILE]
    once = [it.kind for it in ancillary if it.kind in _ONCE]
    if (
        sum(it.end - it.start for it in others) <= MAX_OTHER_BYTES
        and len(others) <= MAX_OTHER_CHUNKS
        and not any(_is_packed(data, it) for it in others)
        and len(once) == len(set(once))
        and data[found[-1].end + 4 : found[-1].end + 16] == IEND
        and all(_is_right(data, it) and _is_named(it.kind) for it in ancillary)
        and all(it.end - it.start <= MAX_BYTES for it in found if it.kind == _EXIF)
        and all(_inflates(data, it, budget) for it in profiles)
    ):
        return None
    return _without_others(data, found)


def essential(data: Data) -> bytes:
    """A valid file without texts, and without damaged optional chunks.

    Raises:
        CorruptImage, ImageTooLarge: the file is not sound.
    """
    return _without_others(data, list(chunks(data, len(SIGNATURE), Budget(len(data)))))


def _without_others(data: Data, found: list[Chunk]) -> bytes:
    kept, seen = [SIGNATURE], set()
    budget = Budget(len(data))
    for chunk in found:
        if chunk.kind[0] & ANCILLARY:
            is_new = chunk.kind in _FRAMES or (chunk.kind in _ONCE and chunk.kind not in seen)
            if not is_new or not _is_sound(data, chunk, budget):
                continue
            seen.add(chunk.kind)
        kept.append(data[chunk.start - 8 : chunk.end + 4])
    return b"".join((*kept, IEND))


def _is_packed(data: Data, chunk: Chunk) -> bool:
    """Whether a chunk is a text that decoders inflate (11.3.3)."""
    if chunk.kind == b"iTXt":
        head = data[chunk.start : min(chunk.start + MAX_KEYWORD_BYTES + 2, chunk.end)]
        flag = head.find(b"\0") + 1
        return head[flag : flag + 1] != b"\0"
    return chunk.kind == b"zTXt"


def _is_sound(data: Data, chunk: Chunk, budget: Budget) -> bool:
    if chunk.kind == _EXIF and chunk.end - chunk.start > MAX_BYTES:
        return False
    if not _is_right(data, chunk):
        return False
    return chunk.kind != _PROFILE or _inflates(data, chunk, budget)


def _is_named(kind: bytes) -> bool:
    """Whether a kind is one that decoders pass over: letters, the third of them large (5.4)."""
    return kind.isalpha() and kind[2:3].isupper()


def _is_right(data: Data, chunk: Chunk) -> bool:
    """Whether the check sum of a chunk is that of its kind and data."""
    return zlib.crc32(data[chunk.start - 4 : chunk.end]) == big(data, chunk.end, 4)


def _inflates(data: Data, chunk: Chunk, budget: Budget) -> bool:
    """Whether a profile is whole, and within the budget."""
    profile = data[chunk.start : chunk.end]
    inflater = zlib.decompressobj()
    most = budget.inflatable
    try:
        size = len(inflater.decompress(profile[profile.find(b"\0") + 2 :], most + 1))
    except zlib.error:
        budget.inflate(most)  # how much it was is not known
        return False
    budget.inflate(size)
    return inflater.eof and size <= most
