"""Any colour space to sRGB: ICC profiles, and what files name without one.

A picture carries the colour space that its file names as a note, through resize and crop, until
`to_srgb` applies it. Plain sRGB carries none and costs nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from imagesvc.imaging.codecs import resampling, vips
from imagesvc.imaging.codecs.vips import MAX_HELD_PIXELS, Picture
from imagesvc.imaging.colour.named import converted
from imagesvc.imaging.containers.cicp import ColourSpace, Curve
from imagesvc.imaging.containers.colour_spaces import colour_space, is_plain
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.transforms.geometry import Box
from imagesvc.model.formats import Format, Size

RGB, RGBA = 3, 4
BYTE_INTERPRETATIONS = frozenset({"srgb", "b-w"})
_ICC = "icc-profile-data"
NOTE = "imagesvc-colour-space"
_SRGB_AT, _SRGB = slice(48, 56), b"IEC sRGB"
"""Manufacturer and model in the header of the common profile "sRGB IEC61966-2.1"."""
_VERSION_AT, _NEW = 8, 4
_TAGS_AT, _TAG_BYTES, _MAX_TAGS = 132, 12, 100
"""The position of a profile's table of tags (ICC.1:2022, 7.3)."""
_TABLE = b"A2B0"


def has_profile(picture: Picture) -> bool:
    """Whether the file of a picture has an ICC profile."""
    return bool(picture.get_typeof(_ICC))


def is_plain_srgb(picture: Picture) -> bool:
    """Whether the levels of a picture are shown as they are, and `to_srgb` returns it unchanged."""
    return (
        not picture.get_typeof(NOTE)
        and (not has_profile(picture) or _is_srgb(picture))
        and picture.interpretation in BYTE_INTERPRETATIONS
        and picture.format == "uchar"
        and picture.bands <= RGBA
    )


def tagged(picture: Picture, data: Data, kind: Format) -> Picture:
    """The picture of a file, with the colour space that the file names."""
    is_profiled = has_profile(picture)
    space = colour_space(data, kind, has_profile=is_profiled)
    if space is None:
        return picture
    if is_profiled and kind is Format.PNG:  # `cICP` goes before it
        picture = _without(picture, _ICC)
    return picture if is_plain(space) else vips.noted(picture, NOTE, json.dumps(asdict(space)))


def scaled(picture: Picture, width: int, height: int) -> Picture:
    """The picture, as shown, in exactly this size.

    libvips would bring CMYK to sRGB by a way of its own, and deep samples to 8 bits, before it
    scales; too few for linear light and PQ.
    """
    is_told = picture.get_typeof(NOTE) or picture.get_typeof(_ICC)
    is_deep = is_told and picture.format == "ushort"
    if is_deep or picture.interpretation == "cmyk":
        picture = to_srgb(picture)
    small = _scaled_by_simd(picture, Size(width, height))
    return picture.thumbnail_image(width, height=height, size="force") if small is None else small


def _scaled_by_simd(picture: Picture, size: Size) -> Picture | None:
    """A small picture with transparency, scaled down; None for others.

    libvips premultiplies in floating point, which takes seven times as long. Without transparency
    it is as fast, and streams.
    """
    has_bytes = picture.format == "uchar" and picture.interpretation == "srgb"
    if not (resampling.IS_AVAILABLE and has_bytes and picture.bands == RGBA):
        return None
    is_large = picture.width * picture.height > MAX_HELD_PIXELS
    grows = size.width > picture.width or size.height > picture.height
    if is_large or grows or vips.orientation(picture) != 1:
        return None
    whole = Box(0, 0, picture.width, picture.height)
    small = vips.from_image(resampling.resampled(vips.to_image(picture), whole, 1, size))
    return vips.described(small, picture, NOTE)


def to_srgb(frame: Picture) -> Picture:
    """Convert any colour space to sRGB or gray, 8 bits a band, at most one alpha band.

    The named colour space is applied, or else the embedded profile; without one, CMYK is read with
    libvips' own profile. An unusable profile is ignored, as browsers do.
    """
    if is_plain_srgb(frame):
        return frame
    if frame.get_typeof(NOTE):
        frame = converted(_without(frame, NOTE), _space(frame))
    is_cmyk = frame.interpretation == "cmyk"
    if is_cmyk or (frame.get_typeof(_ICC) and not _is_srgb(frame)):
        try:
            frame = _profiled(frame, is_cmyk=is_cmyk)
        except vips.Error:
            frame = _without(frame, _ICC)
    if frame.interpretation not in BYTE_INTERPRETATIONS:
        is_gray = frame.interpretation == "grey16" or frame.bands < RGB
        frame = frame.colourspace("b-w" if is_gray else "srgb")
    if frame.format != "uchar":
        frame = frame.cast("uchar")
    return frame if frame.bands <= RGBA else frame.extract_band(0, n=RGBA)


def _profiled(frame: Picture, *, is_cmyk: bool) -> Picture:
    """Apply the embedded profile, and to CMYK without one that of libvips.

    Raises:
        pyvips.Error: the profile cannot be used.
    """
    options: dict[str, str | bool] = {"intent": "relative", "black_point_compensation": True}
    if is_cmyk or _is_old_table(frame.get(_ICC)):
        options["intent"] = "perceptual"
    if is_cmyk:
        options["input_profile"] = "cmyk"
    shown = frame.icc_transform("srgb", embedded=True, depth=8, **options)
    return _without(shown, _ICC)


def _is_old_table(profile: bytes) -> bool:
    """Whether a profile is a table (`A2B0`) of version 2, whose black need not be black.

    Ink on paper never is, and the colorimetric intent would show it as gray: littleCMS compensates
    only for tables of that intent, which few profiles have. The perceptual intent, which sharp asks
    for, makes it black. It would take shadows from tables of version 4 that have a true black, such
    as those of JPEG XL in XYB (7 levels); browsers show these by the table as it is.
    """
    count = int.from_bytes(profile[_TAGS_AT - 4 : _TAGS_AT], "big")
    ends = _TAGS_AT + _TAG_BYTES * min(count, _MAX_TAGS)
    tags = (profile[at : at + 4] for at in range(_TAGS_AT, ends, _TAG_BYTES))
    return _TABLE in tags and profile[_VERSION_AT] < _NEW


def _space(frame: Picture) -> ColourSpace:
    told = json.loads(frame.get(NOTE))
    primaries = tuple(tuple(it) for it in told["primaries"])
    return ColourSpace(**{**told, "primaries": primaries, "curve": Curve(told["curve"])})


def _without(frame: Picture, name: str) -> Picture:
    frame = frame.copy()
    frame.remove(name)
    return frame


def _is_srgb(frame: Picture) -> bool:
    profile: bytes = frame.get(_ICC)
    return profile[_SRGB_AT] == _SRGB and frame.format == "uchar" and frame.bands >= RGB
