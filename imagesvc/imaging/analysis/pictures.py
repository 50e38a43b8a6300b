"""The appearance of a picture in a few bytes: colours, a placeholder, a perceptual hash."""

from __future__ import annotations

import base64

from PIL import Image

from imagesvc.imaging.analysis import reduced
from imagesvc.imaging.analysis.phash import SIDE, phash
from imagesvc.imaging.analysis.thumbhash import thumbhash
from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.model.images import Analysis

SMALL_SIDE = 64
"""The maximum size of a side of the picture for the hash."""
TINY_SIDE = 24
"""Colours and placeholder: a ThumbHash keeps 7 waves a side, a palette five colours."""
COLOURS = 5
CLEAR = "#ffffff"
"""The colour of a fully transparent picture: that of the page."""


def analysis_of(picture: Picture) -> Analysis:
    """Look at a picture.

    Args:
        picture: oriented; sRGB or gray, 8 bits a band, with or without alpha.

    Raises:
        pyvips.Error: it cannot be decoded.
    """
    return analysis_of_image(vips.image_towards(picture, SMALL_SIDE))


def analysis_of_image(image: Image.Image) -> Analysis:
    """Look at a picture of Pillow, of at most `vips.MAX_TAKEN_SIDE` pixels a side.

    Args:
        image: in gray or RGB; with alpha no side is longer than `SMALL_SIDE`.
    """
    small = reduced.small(image, SMALL_SIDE)
    tiny = reduced.within(small, TINY_SIDE)
    palette = reduced.palette(tiny, COLOURS)
    packed = thumbhash(tiny.tobytes(), tiny.width, tiny.height)
    return Analysis(
        dominant_color=palette[0] if palette else CLEAR,
        palette=palette,
        thumbhash=base64.b64encode(packed).decode(),
        phash=phash(reduced.gray_square(small, SIDE)),
    )
