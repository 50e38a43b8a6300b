"""Formats that nothing is removed from: whether a file is seen to have no location.

Each check errs on the side of metadata: a byte sequence that only looks like it costs a
re-encoded copy, never a position.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.location.unclear import UnclearError
from imagesvc.imaging.messages import Withheld
from imagesvc.model.formats import Format

_HEIF_WORDS = (
    b"Exif", b"mime", b"uri ", b"uuid", b"moov", b"udta", b"loci", b"\xa9xyz", b"xml ",
    b"II*\0", b"MM\0*", b"xpacket", b"xmpmeta", b"<rdf:",
)  # fmt: skip
"""Boxes and items of metadata, and what EXIF and XMP begin with where the type is damaged."""
_JP2_WORDS = (b"uuid", b"xml ", b"asoc", b"lbl ", b"uinf", b"Exif")
_APPENDED = (b"Exif\0", b"xpacket", b"xmpmeta", b"<rdf:", b"PK\x03\x04", b"\xff\xd8\xff")
"""What EXIF, XMP, archives and JPEGs begin with, anywhere in a file."""
_PICTURE_TAGS = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284}
    | {290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 332, 334}
    | {338, 339, 340, 341, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532}
    | {34675}
)
"""How pixels are stored, resolution, orientation and colour profile."""
MAX_PAGES = 500


def lacks(data: Data, kind: Format, withheld: Withheld) -> bool:
    """Whether a file is seen to have no metadata that could name a location.

    That it has none at all is not known: descriptions, files behind the picture, and gaps.
    """
    check = _CHECKS.get(kind)
    if check is None or withheld is Withheld.METADATA:
        return False
    return check(data) and _lacks(_APPENDED)(data)


def _lacks(words: tuple[bytes, ...]) -> Callable[[Data], bool]:
    return lambda data: all(data.find(word) < 0 for word in words)


def _is_bare_tiff(data: Data) -> bool:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(data[:4]))
    try:
        at = _unpack(data, f"{order}I", 4)[0] if order else 0
        for _ in range(MAX_PAGES):
            if at == 0:
                return order is not None
            (count,) = _unpack(data, f"{order}H", at)
            tags = {_unpack(data, f"{order}H", at + 2 + 12 * place)[0] for place in range(count)}
            if not tags <= _PICTURE_TAGS:
                return False
            (at,) = _unpack(data, f"{order}I", at + 2 + 12 * count)
    except UnclearError:
        return False
    return False


def _unpack(data: Data, layout: str, at: int) -> tuple[int, ...]:
    if at + struct.calcsize(layout) > len(data):
        raise UnclearError("a directory is cut off")
    return struct.unpack_from(layout, data, at)


_CHECKS: Mapping[Format, Callable[[Data], bool]] = {
    Format.AVIF: _lacks(_HEIF_WORDS),
    Format.HEIC: _lacks(_HEIF_WORDS),
    Format.JP2: _lacks(_JP2_WORDS),
    Format.TIFF: _is_bare_tiff,
    Format.BMP: _lacks((b"II*\0", b"MM\0*")),
    Format.ICO: _lacks((b"\x89PNG", b"II*\0", b"MM\0*")),
}
