"""WebP without texts, and with its profile and EXIF only where they are of a usual size."""

from __future__ import annotations

import struct

from imagesvc.imaging.containers.budget import MAX_INFLATED_BYTES, Budget
from imagesvc.imaging.containers.exif_block import MAX_BYTES
from imagesvc.imaging.containers.found import Data, little
from imagesvc.imaging.containers.webp import PICTURE, Chunk, chunks

_FIRST = frozenset({b"VP8X", b"VP8 ", b"VP8L"})
_MOST = {b"ICCP": MAX_INFLATED_BYTES, b"EXIF": MAX_BYTES}
_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}
"""The flags by which the first chunk announces others (RFC 9649, 2.7)."""


def tidied(data: Data, most: int, budget: Budget) -> bytes | None:
    """The file without most of its metadata; None where that is whole, and at most `most`."""
    found = list(chunks(data, budget))
    has_head = any(it.kind == b"VP8X" for it in found)
    picture = _picture({it.kind for it in found})
    others = sum(it.end - it.start for it in found if it.kind not in picture)
    is_usual = found[0].kind in _FIRST and not any(it.kind in PICTURE - picture for it in found)
    if others <= most and is_usual and _is_whole(data, found):
        return None
    kept = [it for it in found if it.kind in picture]
    for kind, largest in _MOST.items() if has_head else ():
        first = next((it for it in found if it.kind == kind), None)
        if first is not None and first.end - first.start <= largest:
            kept.append(first)
    kept.sort(key=lambda chunk: chunk.start)
    kinds = {chunk.kind for chunk in kept}
    absent = sum(flag for kind, flag in _FLAGS.items() if kind not in kinds)
    body = b"".join(_chunk(data, chunk, absent) for chunk in kept)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _picture(kinds: set[bytes]) -> frozenset[bytes]:
    """The chunks that make the picture, in a file that has these."""
    if b"VP8X" not in kinds:
        return _FIRST
    return PICTURE if b"ANMF" in kinds else PICTURE - {b"ANIM"}


def _is_whole(data: Data, found: list[Chunk]) -> bool:
    """Whether the file and its last chunk end at their declared positions."""
    end, last = 8 + little(data, 4, 4), found[-1]
    return end <= len(data) and end == last.end + (last.end - last.start & 1)


def _chunk(data: Data, chunk: Chunk, absent: int) -> bytes:
    """A copy of a chunk; the first chunk no longer announces absent ones."""
    body = data[chunk.start : chunk.end]
    if chunk.kind == b"VP8X" and body:
        body = bytes((body[0] & ~absent,)) + body[1:]
    return chunk.kind + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)
