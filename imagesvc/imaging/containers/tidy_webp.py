"""WebP without texts, and with its profile and EXIF only where they are of a usual size."""

from __future__ import annotations

import struct

from imagesvc.imaging.containers.budget import MAX_INFLATED_BYTES, Budget
from imagesvc.imaging.containers.exif_block import MAX_BYTES
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.webp import Chunk, chunks

_PICTURE = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"})
_MOST = {b"ICCP": MAX_INFLATED_BYTES, b"EXIF": MAX_BYTES}
_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}
"""By which the first chunk announces others (RFC 9649, 2.7)."""


def tidied(data: Data, most: int, budget: Budget) -> bytes | None:
    """The file without most of its metadata; None where that is at most `most`."""
    found = list(chunks(data, budget))
    others = sum(it.end - it.start for it in found if it.kind not in _PICTURE)
    if others <= most:
        return None
    kept = [it for it in found if it.kind in _PICTURE]
    for kind, largest in _MOST.items():
        first = next((it for it in found if it.kind == kind), None)
        if first is not None and first.end - first.start <= largest:
            kept.append(first)
    kept.sort(key=lambda chunk: chunk.start)
    kinds = {chunk.kind for chunk in kept}
    absent = sum(flag for kind, flag in _FLAGS.items() if kind not in kinds)
    body = b"".join(_chunk(data, chunk, absent) for chunk in kept)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def _chunk(data: Data, chunk: Chunk, absent: int) -> bytes:
    """A chunk of its own; the one that announces others does so no more for absent ones."""
    body = data[chunk.start : chunk.end]
    if chunk.kind == b"VP8X" and body:
        body = bytes((body[0] & ~absent,)) + body[1:]
    return chunk.kind + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)
