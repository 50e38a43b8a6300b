"""PNG without locations: the chunks that decoding needs, and those that cannot name one.

Source: W3C PNG, third edition, sections 5 and 11.
"""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import zlib
from collections.abc import Iterator

from imagesvc.imaging.containers.found import Data, big
from imagesvc.imaging.location.exif import without_places
from imagesvc.imaging.location.text import has_coordinates, is_harmless_packet
from imagesvc.imaging.location.unclear import UnclearError

MAX_CHUNKS = 500_000

_KEPT = frozenset(
    {
        b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"bKGD",
        b"hIST", b"pHYs", b"sPLT", b"tIME", b"acTL", b"fcTL", b"fdAT", b"cICP", b"mDCV", b"cLLI",
    }
)  # fmt: skip
_KEYWORDS = frozenset(
    {
        b"Title", b"Author", b"Description", b"Copyright", b"Creation Time", b"Software",
        b"Disclaimer", b"Warning", b"Comment",
    }
)  # fmt: skip
_XMP = b"XML:com.adobe.xmp"


def pieces(data: Data) -> Iterator[bytes]:
    """The chunks up to IEND; later data is left out.

    Raises:
        UnclearError: a chunk is cut off, or an unknown one is needed for decoding.
    """
    at, has_exif = 8, False
    yield data[:8]
    for _ in range(MAX_CHUNKS):
        length, kind = big(data, at, 4), bytes(data[at + 4 : at + 8])
        end = at + 12 + length
        if len(kind) < 4 or end > len(data):
            raise UnclearError("a chunk is cut off")
        if kind == b"IEND":
            yield b"\0\0\0\0IEND\xaeB`\x82"
            return
        if kind == b"eXIf":
            if has_exif:
                raise UnclearError("there are two chunks of EXIF")
            has_exif = True
            made = without_places(data[at + 8 : end - 4])
            if made is not None:
                yield _chunk(kind, made)
        elif kind in _KEPT or _is_kept_text(kind, data[at + 8 : min(end - 4, at + 8 + (1 << 17))]):
            yield data[at:end]
        elif not kind[0] & 0x20:
            raise UnclearError("an unknown chunk is needed for decoding")
        at = end
    raise UnclearError("there are too many chunks")


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
