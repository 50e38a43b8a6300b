"""The colour space that a file names without an ICC profile, for all formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from imagesvc.errors import Rejected
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.cicp import HDR, ColourSpace
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.heif import colour as heif_colour
from imagesvc.imaging.containers.png import colour as png_colour
from imagesvc.model.formats import Format

_READERS: Mapping[Format, Callable[..., ColourSpace | None]] = {
    Format.PNG: png_colour.read,
    Format.AVIF: heif_colour.read,
    Format.HEIC: heif_colour.read,
}
CONVERSION_SECONDS, HDR_SECONDS = 0.02, 0.05
"""A megapixel to sRGB: 17 ms and 50 ms were measured."""
INK_SECONDS = 0.04
"""A megapixel of CMYK to sRGB: 36 ms were measured."""


def colour_space(data: Data, kind: Format, *, has_profile: bool) -> ColourSpace | None:
    """The colour space of a valid file; None if only its profile defines it.

    Unreadable values never decide whether a picture is shown: it is shown as sRGB.
    """
    reader = _READERS.get(kind)
    try:
        return reader and reader(data, Budget(len(data)), has_profile=has_profile)
    except Rejected:
        return None


def is_plain(space: ColourSpace | None) -> bool:
    """Whether samples are shown unchanged."""
    return space is None or space == ColourSpace(bits=space.bits)


def is_hdr(data: Data, kind: Format) -> bool:
    """Whether a file names a curve that 8 bits are too few for."""
    space = colour_space(data, kind, has_profile=False)
    return space is not None and space.curve in HDR


def conversion_seconds(data: Data, kind: Format, pixels: int) -> float:
    """The processor time of converting this many pixels of a file to sRGB, without any profile."""
    space = colour_space(data, kind, has_profile=False)
    if space is None or is_plain(space):
        return 0.0
    seconds = HDR_SECONDS if space.curve in HDR else CONVERSION_SECONDS
    return seconds * pixels / 1e6
