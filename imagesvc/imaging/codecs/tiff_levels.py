"""Conversion of TIFF samples that are not bytes.

Whole numbers of 8 and 16 bits without sign are unchanged.
"""

from __future__ import annotations

from typing import Any

_TOPS = {"char": 127.0, "short": 32_767.0, "int": 2_147_483_647.0, "uint": 4_294_967_295.0}
"""White of signed and of long numbers; values below zero are black."""
_FLOATS = frozenset({"float", "double"})
_COLOURS = {"b-w": 1, "grey16": 1, "cmyk": 4}
"""Bands without alpha, by libvips' interpretation; all others have 3."""
_GRAYS = frozenset({"b-w", "grey16"})
_BYTE, _WORD = 255.0, 65_535.0
_ICC = "icc-profile-data"


def plain(picture: Any) -> Any:
    """A page as libvips loads it, with samples of 8 or 16 bits, and one alpha band at most.

    Floating point without a profile is linear light, from 0 to 1, as libvips and sharp take it.

    Args:
        picture: a `pyvips.Image`; it is still evaluated from top to bottom.
    """
    colours = _COLOURS.get(picture.interpretation, 3)
    kept = colours if picture.interpretation == "labs" else colours + 1
    if picture.bands > kept:
        picture = picture.extract_band(0, n=kept)
    if picture.interpretation == "labs":
        return picture
    if picture.format in _FLOATS:
        return _from_floats(picture, colours)
    top = _TOPS.get(picture.format)
    if top is None:
        return picture
    space = picture.interpretation
    picture = (picture * (_BYTE / top)).rint().cast("uchar")
    return picture.copy(interpretation="b-w" if space in _GRAYS else space)


def _from_floats(picture: Any, colours: int) -> Any:
    if picture.get_typeof(_ICC):
        space = "grey16" if colours == 1 else "rgb16"
        return (picture * _WORD).cast("ushort").copy(interpretation=space)
    shown = picture.extract_band(0, n=colours)
    if colours == 1:
        shown = shown.bandjoin([shown, shown])
    shown = shown.copy(interpretation="scrgb").colourspace("srgb")
    if colours == 1:
        shown = shown.extract_band(0).copy(interpretation="b-w")
    if picture.bands > colours:
        alpha = (picture.extract_band(colours) * _BYTE).rint().cast("uchar")
        shown = shown.bandjoin(alpha)
    return shown
