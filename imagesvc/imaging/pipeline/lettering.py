"""Texts as pictures. Pillow draws them, in the font it brings or one that is given.

Not libvips: it takes its glyphs from the fonts of the machine, of which a container may have
none, and two machines would make different bytes under one key.
"""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

MAX_PIXELS = 8192
"""Longer texts are cut off at this width."""


def drawn(text: str, font: bytes | None, height: int) -> tuple[bytes, int, int]:
    """Draw one line of text, cut to its ink.

    Args:
        text: what to draw.
        font: a TrueType or OpenType file; None for the built-in one.
        height: size of the letters, in pixels.

    Returns:
        The coverage of each pixel, 0 to 255, row by row; its width and height.

    Raises:
        OSError: the font cannot be read.
    """
    letters: ImageFont.FreeTypeFont | ImageFont.ImageFont
    if font is None:
        letters = ImageFont.load_default(height)
    else:
        letters = ImageFont.truetype(io.BytesIO(font), height)
    left, top, right, bottom = map(round, letters.getbbox(text))
    width = max(1, min(right - left, MAX_PIXELS))
    picture = Image.new("L", (width, max(1, bottom - top)))
    ImageDraw.Draw(picture).text((-left, -top), text, fill=255, font=letters)
    return picture.tobytes(), *picture.size
