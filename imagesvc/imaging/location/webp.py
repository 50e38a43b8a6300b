"""WebP without locations or metadata: what decoding needs, and what is harmless (RFC 9649)."""

from __future__ import annotations

from imagesvc.imaging.containers.found import Data, little
from imagesvc.imaging.location.exif import rewritten
from imagesvc.imaging.location.proofs import webp as proof
from imagesvc.imaging.location.text import is_harmless_packet
from imagesvc.imaging.location.unclear import UnclearError
from imagesvc.imaging.messages import Withheld

MAX_CHUNKS = 100_000

HAS_EXIF, HAS_XMP = 0x08, 0x04
_KEPT = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_IN_FRAMES = frozenset({b"ALPH", b"VP8 ", b"VP8L"})
_FRAME_HEADER = 16

_LENGTHS = {b"VP8X": 10, b"ANIM": 6}

Chunk = tuple[bytes, bytes]


def pieces(data: Data, withheld: Withheld) -> list[bytes]:
    """The file in pieces; data after its declared end is left out.

    Raises:
        UnclearError: a chunk is cut off, is there twice or has more than its content, or a frame
            holds an unknown one.
    """
    chunks = _chunks(data, 12, 8 + little(data, 4, 4))
    proof.check(chunks)
    kept = [_rewritten(*chunk, withheld) for chunk in chunks if _is_kept(*chunk, withheld)]
    kinds = [kind for kind, content in kept if content]
    for kind in (b"VP8X", b"EXIF", b"XMP ", b"ICCP", b"ANIM"):
        if kinds.count(kind) > 1:
            raise UnclearError("a chunk is there twice")
    flags = HAS_EXIF * (b"EXIF" in kinds) | HAS_XMP * (b"XMP " in kinds)
    body: list[bytes] = [b"WEBP"]
    for kind, content in kept:
        if kind == b"VP8X":
            body += _chunk(kind, bytes((content[0] & ~(HAS_EXIF | HAS_XMP) | flags,)) + content[1:])
        elif content or kind != b"EXIF":
            body += _chunk(kind, content)
    return [b"RIFF", sum(map(len, body)).to_bytes(4, "little"), *body]


def _chunk(kind: bytes, content: bytes) -> tuple[bytes, ...]:
    return kind, len(content).to_bytes(4, "little"), content, bytes(len(content) & 1)


def _chunks(data: Data, at: int, end: int) -> list[Chunk]:
    found: list[Chunk] = []
    if end > len(data):
        raise UnclearError("the file is cut off")
    while at + 8 <= end:
        length = little(data, at + 4, 4)
        if at + 8 + length > end:
            raise UnclearError("a chunk is cut off")
        found.append((bytes(data[at : at + 4]), data[at + 8 : at + 8 + length]))
        at += 8 + length + (length & 1)
        if len(found) > MAX_CHUNKS:
            raise UnclearError("there are too many chunks")
    return found


def _is_kept(kind: bytes, content: bytes, withheld: Withheld) -> bool:
    if len(content) != _LENGTHS.get(kind, len(content)):
        raise UnclearError("a chunk has another length than its content")
    if kind == b"ANMF":
        frame = _chunks(content, _FRAME_HEADER, len(content))
        if any(inner not in _IN_FRAMES for inner, _content in frame):
            raise UnclearError("a frame holds an unknown chunk")
        proof.check(frame)
    if kind == b"XMP ":
        return withheld is Withheld.LOCATION and is_harmless_packet(content)
    return kind in _KEPT or kind == b"EXIF"


def _rewritten(kind: bytes, content: bytes, withheld: Withheld) -> Chunk:
    if kind != b"EXIF":
        return kind, content
    return kind, rewritten(content.removeprefix(b"Exif\0\0"), withheld) or b""
