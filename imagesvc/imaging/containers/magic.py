"""Which format the first bytes of a file claim."""

from __future__ import annotations

import re

from imagesvc.model.formats import Format

HEAD_BYTES = 1024
"""The bytes at a file's start that `sniff` and `foreign_name` read."""

AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})
_STARTS = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"II*\0", Format.TIFF),
    (b"MM\0*", Format.TIFF),
    (b"II+\0", Format.TIFF),
    (b"MM\0+", Format.TIFF),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Format.JP2),
    (b"\xff\x4f\xff\x51", Format.JP2),
    (b"\0\0\1\0", Format.ICO),
)
_BMP_HEADERS = frozenset(size.to_bytes(4, "little") for size in (12, 40, 52, 56, 64, 108, 124))
"""Sizes of the header that follows the first 14 bytes; two letters alone would be too little."""
_FOREIGN = (
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "PSD"),
    (b"PK\3\4", "ZIP"),
    (b"\x1f\x8b", "gzip"),
)
_MARKUP = re.compile(rb"<\s*(?:[a-z]+:)?(svg|html|!doctype)", re.IGNORECASE)


def sniff(head: bytes) -> Format | None:
    """The format that a file starting with `head` claims to be; None for any other."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Format.WEBP
    if head[:2] == b"BM" and head[14:18] in _BMP_HEADERS:
        return Format.BMP
    claimed = brands(head)
    if AVIF_BRANDS & claimed:
        return Format.AVIF
    return Format.HEIC if HEIF_BRANDS & claimed else None


def foreign_name(head: bytes) -> str | None:
    """The name of a known but unsupported format; None for unknown bytes."""
    for start, name in _FOREIGN:
        if head.startswith(start):
            return name
    # UTF-16 text has a zero byte beside each ASCII letter.
    match = _MARKUP.search(head.replace(b"\0", b""))
    if match is None:
        return None
    return "SVG" if match[1].lower() == b"svg" else "HTML"


def brands(head: bytes) -> frozenset[bytes]:
    """Major and compatible brands of an ISO base media file (ISO/IEC 14496-12, 4.3)."""
    if head[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset({head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))})
