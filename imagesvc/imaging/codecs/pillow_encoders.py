"""JPEG and lossy WebP by Pillow, byte for byte as libvips writes them, in half the time."""

from __future__ import annotations

import io

from PIL import Image

FULL_CHROMA = 90
"""The quality from which on JPEGs keep chroma in full resolution, as libvips has it."""
WEBP_EFFORT = 4
_JFIF = bytes.fromhex("ffe000104a46494600010100000100010000")
"""A segment for an unknown resolution (ITU-T T.871, 10.1)."""
_JFIF_AT = 2
_JFIF_END = _JFIF_AT + len(_JFIF)


def encode_jpeg(picture: Image.Image, quality: int, *, halves_chroma: bool | None = None) -> bytes:
    """Write a baseline JPEG.

    Args:
        picture: in gray or RGB.
        quality: from 1 to 100.
        halves_chroma: whether chroma has half the resolution (4:2:0); by default up to quality 89.
    """
    file = io.BytesIO()
    halves = quality < FULL_CHROMA if halves_chroma is None else halves_chroma
    subsampling = 2 if picture.mode == "RGB" and halves else 0
    picture.save(file, "JPEG", quality=quality, subsampling=subsampling)
    written = file.getbuffer()
    if written[_JFIF_AT:_JFIF_END] != _JFIF:
        return bytes(written)
    return bytes(written[:_JFIF_AT]) + bytes(written[_JFIF_END:])


def encode_webp(picture: Image.Image, quality: int) -> bytes:
    """Write a lossy WebP.

    Args:
        picture: in gray or RGB, with alpha or without.
        quality: from 1 to 100.
    """
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality, method=WEBP_EFFORT)
    return file.getvalue()
