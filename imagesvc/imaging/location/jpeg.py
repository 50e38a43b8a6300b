"""JPEG without locations or metadata: the segments that decoding needs, and harmless ones.

Source: ITU-T T.81, annex B; CIPA DC-008 (EXIF); CIPA DC-007 (multi-picture files); XMP part 3.
"""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import re
from collections.abc import Iterator

from imagesvc.imaging.containers.found import Data, big
from imagesvc.imaging.location.exif import rewritten
from imagesvc.imaging.location.proofs import jpeg as proof
from imagesvc.imaging.location.text import has_coordinates, is_harmless_packet
from imagesvc.imaging.location.unclear import UnclearError
from imagesvc.imaging.messages import Withheld

MAX_SEGMENTS = 20_000
MAX_TEXT_BYTES = 1 << 20
"""The limit of texts that are searched for locations; the rest is left out."""

EOI, SOS, APP1, COMMENT = 0xD9, 0xDA, 0xE1, 0xFE
_TEXTS = frozenset({APP1, COMMENT})
_CODING = frozenset({0xC0, 0xC1, 0xC2, 0xC4, 0xC9, 0xCA, 0xCC, SOS, 0xDB, 0xDD})
"""Frames, tables, scans, restart interval; not the lossless and hierarchical, and no number of
lines (DNL), which decoders ignore."""
_EXIF, _XMP = b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0"
_MARKER_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def pieces(data: Data, withheld: Withheld) -> Iterator[bytes]:
    """The first image of the file, in pieces; data after its end is left out.

    Raises:
        UnclearError: there is something between segments or behind coded pixels, or a segment
            that is not known.
    """
    at, has_exif, texts = 2, False, 0
    coding: list[bytes] = []
    yield b"\xff\xd8"
    for _ in range(MAX_SEGMENTS):
        marker, at = _marker(data, at)
        if marker == EOI:
            proof.check(coding)
            yield b"\xff\xd9"
            return
        end = at + big(data, at, 2)
        if not at + 2 <= end <= len(data):
            raise UnclearError("a segment is cut off")
        content = data[at + 2 : end]
        if marker == APP1 and content[:5] == _EXIF:
            if has_exif:
                raise UnclearError("there are two segments of EXIF")
            has_exif = True
            made = rewritten(content[6:], withheld)
            if made is not None:
                yield _segment(marker, b"Exif\0\0" + made)
        else:
            is_text = marker in _TEXTS
            texts += len(content) * is_text
            may_have_texts = withheld is Withheld.LOCATION and texts <= MAX_TEXT_BYTES
            if (may_have_texts or not is_text) and _is_kept(marker, content):
                coding += [_segment(marker, content)] * (marker in _CODING)
                yield _segment(marker, content)
        at = end
        if marker == SOS:
            at = _end_of_scan(data, end)
            coding.append(data[end:at])
            yield coding[-1]
    raise UnclearError("there are too many segments")


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def _marker(data: Data, at: int) -> tuple[int, int]:
    """The marker at `at`, after fill bytes, and the position after it."""
    if data[at : at + 1] != b"\xff":
        raise UnclearError("there are bytes between segments")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at + 3 > len(data) and data[at : at + 1] != bytes((EOI,)):
        raise UnclearError("there is no end of image")
    return data[at], at + 1


def _is_kept(marker: int, content: bytes) -> bool:
    match marker:
        case _ if marker in _CODING:
            is_kept = True
        case 0xE0:  # JFIF, without a thumbnail
            is_kept = content[:5] == b"JFIF\0" and len(content) == 14
        case 0xE1:
            is_kept = content.startswith(_XMP) and is_harmless_packet(content[len(_XMP) :])
        case 0xE2:
            is_kept = content[:12] == b"ICC_PROFILE\0"
        case 0xEE:
            is_kept = content[:5] == b"Adobe" and len(content) == 12
        case 0xFE:
            is_kept = not has_coordinates(content)
        case _ if 0xE0 <= marker <= 0xEF:
            is_kept = False
        case _:
            raise UnclearError(f"segment FF{marker:02X} is not known")
    return is_kept


def _end_of_scan(data: Data, at: int) -> int:
    match = _MARKER_AFTER_SCAN.search(data, at)
    if match is None:
        raise UnclearError("there is no end of image")
    return match.start()
