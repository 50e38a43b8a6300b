"""PNG without locations or metadata: the chunks that decoding needs, and harmless ones.

Source: W3C PNG, third edition, sections 5 and 11.
"""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import zlib
from collections.abc import Iterator

from imagesvc.imaging.containers.found import Data, big
from imagesvc.imaging.location.exif import rewritten
from imagesvc.imaging.location.proofs.png import Proof
from imagesvc.imaging.location.text import has_coordinates, is_harmless_packet
from imagesvc.imaging.location.unclear import UnclearError
from imagesvc.imaging.messages import Withheld

MAX_CHUNKS = 500_000

_KEPT = frozenset(
    {
        b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"bKGD",
        b"hIST", b"pHYs", b"sPLT", b"tIME", b"acTL", b"fcTL", b"fdAT", b"cICP", b"mDCV", b"cLLI",
    }
)  # fmt: skip
_TELLING = frozenset({b"tIME", b"sPLT"})
"""Those that name a time, or a palette; no decoder needs them."""
_KEYWORDS = frozenset(
    {
        b"Title", b"Author", b"Description", b"Copyright", b"Creation Time", b"Software",
        b"Disclaimer", b"Warning", b"Comment",
    }
)  # fmt: skip
_XMP = b"XML:com.adobe.xmp"


def pieces(data: Data, withheld: Withheld) -> Iterator[bytes]:
    """The chunks up to IEND; later data is left out.

    Raises:
        UnclearError: a chunk is cut off, has more than it needs, or an unknown one is needed for
            decoding.
    """
    at, has_exif, proof = 8, False, Proof()
    yield data[:8]
    for _ in range(MAX_CHUNKS):
        length, kind = big(data, at, 4), bytes(data[at + 4 : at + 8])
        end = at + 12 + length
        if len(kind) < 4 or end > len(data):
            raise UnclearError("a chunk is cut off")
        if kind == b"IEND":
            proof.close()
            yield b"\0\0\0\0IEND\xaeB`\x82"
            return
        if kind == b"eXIf":
            if has_exif:
                raise UnclearError("there are two chunks of EXIF")
            has_exif = True
            made = rewritten(data[at + 8 : end - 4], withheld)
            if made is not None:
                yield _chunk(kind, made)
        elif piece := _piece(kind, data[at + 8 : end - 4], withheld, proof):
            yield piece
        at = end
    raise UnclearError("there are too many chunks")


def _piece(kind: bytes, content: bytes, withheld: Withheld, proof: Proof) -> bytes:
    """A chunk of the copy; empty if it is left out."""
    if _is_kept(kind, withheld):
        proof.take(kind, content)
        is_unnamed = withheld is Withheld.METADATA and kind == b"iCCP"
        return _chunk(kind, _unnamed(content) if is_unnamed else content)
    if withheld is Withheld.LOCATION and _is_kept_text(kind, content):
        return _chunk(kind, content)
    if not kind[0] & 0x20:
        raise UnclearError("an unknown chunk is needed for decoding")
    return b""


def _is_kept(kind: bytes, withheld: Withheld) -> bool:
    return kind in _KEPT and (withheld is Withheld.LOCATION or kind not in _TELLING)


def _unnamed(profile: bytes) -> bytes:
    """A colour profile without the name that a program gave it."""
    _name, zero, rest = profile.partition(b"\0")
    if not zero:
        raise UnclearError("a colour profile has no name")
    return b"ICC profile\0" + rest


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return len(content).to_bytes(4, "big") + checked + zlib.crc32(checked).to_bytes(4, "big")


def _is_kept_text(kind: bytes, content: bytes) -> bool:
    """Whether this is a text that is not compressed, of a known keyword, without a place."""
    if kind not in {b"tEXt", b"iTXt"} or len(content) >= 1 << 17:
        return False
    keyword, _, rest = content.partition(b"\0")
    if kind == b"tEXt":
        return keyword in _KEYWORDS and not has_coordinates(rest)
    if rest[:2] != b"\0\0":
        return False
    if keyword == _XMP:
        return is_harmless_packet(rest[2:].split(b"\0", 2)[-1])
    return keyword in _KEYWORDS and not has_coordinates(rest)
