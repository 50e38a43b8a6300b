"""The supported kinds of TIFF, and the library that decodes each.

libvips' package has no decoder for some compressions, and leaves their tiles blank without an
error. Kinds that only Pillow can decode are decoded by Pillow, as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from imagesvc.errors import UnsupportedMediaType
from imagesvc.imaging.containers.found import malformed

NONE, RLE, GROUP_3, GROUP_4, LZW, OLD_JPEG, JPEG, DEFLATE = range(1, 9)
PACKBITS, OLD_DEFLATE, LZMA, ZSTD, WEBP = 32_773, 32_946, 34_925, 50_000, 50_001
GRAY_INVERTED, GRAY, RGB, PALETTE, _MASK, CMYK, YCBCR, _, CIELAB = range(9)
UNSIGNED, SIGNED, FLOAT, UNDEFINED = range(1, 5)
DIFFERENCES, FLOAT_DIFFERENCES = 2, 3

_FAX = frozenset({RLE, GROUP_3, GROUP_4})
_BY_VIPS = _FAX | {NONE, LZW, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE, WEBP}
_BY_PILLOW = _FAX | {NONE, LZW, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE, LZMA, ZSTD}
_PREDICTED = frozenset({LZW, DEFLATE, OLD_DEFLATE, LZMA, ZSTD})
_NAMES = {
    OLD_JPEG: "old-style JPEG",
    LZMA: "LZMA",
    ZSTD: "Zstandard",
    WEBP: "WebP",
    32_766: "NeXT",
    32_809: "ThunderScan",
    32_909: "PixarLog",
    34_661: "JBIG",
    34_676: "SGILog",
    34_677: "SGILog24",
    33_003: "JPEG 2000",
    33_005: "JPEG 2000",
    34_712: "JPEG 2000",
    34_887: "LERC",
    50_002: "JPEG XL",
    52_546: "JPEG XL",
}
_PHOTOMETRICS = {
    4: "transparency masks",
    9: "ICC L*a*b*",
    10: "ITU L*a*b*",
    32_803: "colour filter arrays",
    32_844: "CIE Log2(L)",
    32_845: "CIE Log2(L) (u', v')",
    34_892: "linear raw",
}
_LEAST_SAMPLES = {GRAY_INVERTED: 1, GRAY: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, CIELAB: 3}
"""Samples of a pixel by photometric interpretation, without extra ones."""
BYTE_BITS, WORD_BITS, LONG_BITS = 8, 16, 32
_SMALL_BITS = frozenset({1, 2, 4})
_WHOLE_BITS = frozenset({BYTE_BITS, WORD_BITS, LONG_BITS})
_DEPTHS_OF_PILLOW = {
    GRAY_INVERTED: {1, 2, 4, 8},
    GRAY: {1, 2, 4, 8, 16},
    RGB: {8, 16},
    PALETTE: {1, 2, 4, 8},
    CMYK: {8, 16},
    YCBCR: {8},
    CIELAB: {8},
}
_JPEG_SAMPLES = frozenset({1, 3, 4})
"""Of one stream; more than that is a stream for each plane."""
_OF_JPEG = frozenset({GRAY_INVERTED, GRAY, RGB, CMYK, YCBCR})
_TWO = 2
_MOST_PLANES = 4


class Decoder(Enum):
    """The library that decodes a kind."""

    VIPS = auto()
    PILLOW = auto()


@dataclass(frozen=True, slots=True)
class Kind:
    """How the samples of a page are coded."""

    compression: int
    photometric: int
    bits: int
    """Of each sample."""
    form: int
    """Unsigned, signed, floating point."""
    samples: int
    is_planar: bool
    is_tiled: bool
    predictor: int


def decoder(kind: Kind) -> Decoder:
    """Who decodes a kind.

    Raises:
        UnsupportedMediaType: no library here does.
        CorruptImage: it contradicts itself.
    """
    _check_sense(kind)
    if _vips_decodes(kind):
        return Decoder.VIPS
    if _pillow_decodes(kind):
        return Decoder.PILLOW
    if kind.compression not in _BY_VIPS | _BY_PILLOW:
        name = _NAMES.get(kind.compression, f"compression {kind.compression}")
        raise not_taken(f"files in {name}")
    if kind.photometric not in _LEAST_SAMPLES:
        name = _PHOTOMETRICS.get(kind.photometric, f"photometric interpretation {kind.photometric}")
        raise not_taken(f"files of {name}")
    name = {FLOAT: "floating-point ", SIGNED: "signed "}.get(kind.form, "")
    how = " in tiles of separate planes" if kind.is_tiled and kind.is_planar else ""
    coding = _NAMES.get(kind.compression, f"compression {kind.compression}")
    raise not_taken(
        f"files of {kind.samples} {name}samples of {kind.bits} bits{how}, photometric "
        f"interpretation {kind.photometric}, in {coding}"
    )


def not_taken(what: str) -> UnsupportedMediaType:
    """The error for a TIFF that nothing here decodes."""
    return UnsupportedMediaType(f"TIFF {what} are not supported.")


def _check_sense(kind: Kind) -> None:
    least = _LEAST_SAMPLES.get(kind.photometric, 1)
    if kind.samples < least:
        raise malformed("TIFF", f"it has {kind.samples} samples instead of {least}")
    if kind.compression not in _PREDICTED or kind.predictor not in {DIFFERENCES, FLOAT_DIFFERENCES}:
        return
    of_floats = kind.predictor == FLOAT_DIFFERENCES
    if kind.bits not in _WHOLE_BITS or (of_floats and kind.form != FLOAT):
        raise malformed("TIFF", f"its predictor is not one of {kind.bits} bits a sample")


def _vips_decodes(kind: Kind) -> bool:
    return (
        kind.compression in _BY_VIPS
        and kind.photometric in _LEAST_SAMPLES
        and not (kind.is_planar and not _reads_planes(kind))
        and _has_depth_of_vips(kind)
        and _suits_compression(kind)
        and (kind.photometric != YCBCR or (kind.compression == JPEG and not kind.is_planar))
    )


def _reads_planes(kind: Kind) -> bool:
    """The planar kinds that libvips reads correctly and without an error."""
    return not kind.is_tiled and kind.bits not in _SMALL_BITS and kind.samples <= _MOST_PLANES


def _has_depth_of_vips(kind: Kind) -> bool:
    if kind.form == FLOAT:
        return kind.bits in {WORD_BITS, LONG_BITS} and kind.photometric in {GRAY, RGB}
    if kind.form == SIGNED:
        return kind.bits in _WHOLE_BITS and kind.photometric in {GRAY, RGB}
    return kind.form in {UNSIGNED, UNDEFINED} and _has_whole_depth_of_vips(kind)


def _has_whole_depth_of_vips(kind: Kind) -> bool:
    if kind.bits in _SMALL_BITS:
        return kind.samples == 1 and kind.photometric in {GRAY_INVERTED, GRAY, PALETTE}
    if kind.photometric == PALETTE:
        return kind.bits == BYTE_BITS
    if kind.photometric == CIELAB:
        return kind.bits == WORD_BITS
    return kind.bits in _WHOLE_BITS


def _suits_compression(kind: Kind) -> bool:
    """Whether a compression fits its data; in tiles, libvips would show nothing of any other."""
    if kind.compression in _FAX:
        return kind.bits == 1 and kind.samples == 1
    is_byte = kind.bits == BYTE_BITS and kind.form in {UNSIGNED, UNDEFINED}
    if kind.compression == JPEG:
        is_alone = kind.is_planar or kind.samples in _JPEG_SAMPLES
        has_extra = _extra(kind) > 0 and kind.is_tiled and not kind.is_planar
        return is_byte and is_alone and not has_extra and kind.photometric in _OF_JPEG
    if kind.compression == WEBP:
        is_colour = kind.photometric == RGB and _extra(kind) <= 1
        return is_byte and is_colour and not kind.is_planar
    return True


def _pillow_decodes(kind: Kind) -> bool:
    """Kinds that its plugin decodes rightly; it has the last word when it opens a file."""
    return (
        kind.compression in _BY_PILLOW
        and kind.form in {UNSIGNED, UNDEFINED}
        and kind.bits in _DEPTHS_OF_PILLOW.get(kind.photometric, ())
        and _extra(kind) <= 1
        and not (kind.is_planar and (kind.photometric == CIELAB or kind.samples == _TWO))
        and _suits_compression(kind)
    )


def _extra(kind: Kind) -> int:
    """Samples in addition to those of colour."""
    return kind.samples - _LEAST_SAMPLES.get(kind.photometric, 1)
