"""GIF without locations or metadata: frames, timing and looping, and no comments (GIF89a)."""

from __future__ import annotations

from collections.abc import Iterator

from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.location.proofs import gif as proof
from imagesvc.imaging.location.unclear import UnclearError
from imagesvc.imaging.messages import Withheld

MAX_SUB_BLOCKS = 4_000_000

IMAGE, EXTENSION, TRAILER = 0x2C, 0x21, 0x3B
GRAPHIC_CONTROL, APPLICATION = 0xF9, 0xFF
_XMP = (b"XMP DataXMP", b"<?xpacket", b"xmpmeta", b"<rdf:")
"""What an XMP packet contains; compressed pixels contain it only by an improbable chance."""
PROFILE = b"ICCRGBG1012"
_LOOPS = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0"})


def pieces(data: Data, _withheld: Withheld) -> Iterator[bytes]:
    """The blocks up to the trailer; later data is left out, and so are all texts.

    Raises:
        UnclearError: a block is cut off or not known, or something else is inside of it.
    """
    at = 13 + _table_bytes(_byte(data, 10))
    _byte(data, at - 1)
    yield data[:at]
    budget = MAX_SUB_BLOCKS
    while at < len(data) and data[at] != TRAILER:
        start, kind, is_kept = at, data[at], False
        if kind == IMAGE:
            at += 11 + _table_bytes(_byte(data, at + 9))
            codes = at - 1
        elif kind == EXTENSION:
            at += 2
            is_kept = _is_kept(data, at)
        else:
            raise UnclearError("a block is not known")
        at, budget = _after_sub_blocks(data, at, budget)
        if kind == IMAGE:
            proof.check(bytes(data[start : start + 10]), bytes(data[codes:at]))
        if is_kept or kind == IMAGE:
            yield _without_xmp(data[start:at])
    yield bytes((TRAILER,))


def _is_kept(data: Data, at: int) -> bool:
    label = _byte(data, at - 1)
    if label == APPLICATION:
        name = bytes(data[at + 1 : at + 12])
        return name == PROFILE or (name in _LOOPS and _is_loop(bytes(data[at + 12 : at + 17])))
    if label == GRAPHIC_CONTROL and data[at : at + 1] + data[at + 5 : at + 6] != b"\x04\0":
        raise UnclearError("the control of a frame has another length than its content")
    return label == GRAPHIC_CONTROL


def _is_loop(blocks: bytes) -> bool:
    """Whether these are the blocks of a number of loops, and nothing more."""
    return blocks[:2] == b"\x03\x01" and blocks[4:] == b"\0"


def _without_xmp(block: bytes) -> bytes:
    """The block, unless a damaged size has made the metadata after it a part of it."""
    if any(text in block for text in _XMP):
        raise UnclearError("a block has the metadata of another one")
    return block


def _after_sub_blocks(data: Data, at: int, budget: int) -> tuple[int, int]:
    while size := _byte(data, at):
        at += 1 + size
        budget -= 1
        if not budget:
            raise UnclearError("there are too many blocks")
    return at + 1, budget


def _table_bytes(flags: int) -> int:
    return 3 << 1 + (flags & 7) if flags & 0x80 else 0


def _byte(data: Data, at: int) -> int:
    if at >= len(data):
        raise UnclearError("a block is cut off")
    return data[at]
