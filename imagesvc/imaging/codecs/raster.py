"""Decoded pictures as buffers, from Pillow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageCms

Image.MAX_IMAGE_PIXELS = None  # limits are checked before Pillow is asked

BANDS = {"L": 1, "I;16": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4, "RGB;16": 3, "RGBA;16": 4}
"""Modes whose bytes libvips accepts unchanged."""
WITH_ALPHA = frozenset({"LA", "PA", "RGBA", "RGBa"})
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""From the picture as stored to the picture as shown, by EXIF orientation."""
_STRIP_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Raster:
    """A decoded picture: height x width x bands, rows without padding.

    uint8 a band, or uint16 in the order of this machine where `mode` ends in `;16`. HEIC is already
    turned and mirrored as its own properties say.
    """

    width: int
    height: int
    bands: int
    mode: str
    data: Any
    """A buffer."""
    profile: bytes | None
    """An ICC profile of the pixels."""
    pages: int = 1
    """Of the file."""


def raster(image: Image.Image) -> Raster:
    """Copy the pixels from Pillow, a strip at a time, so that they are in memory only twice."""
    image.load()
    if image.mode == "LAB":
        image = _from_lab(image)
    if image.mode.startswith("I;16"):
        image = image.convert("I").convert("I;16")
    if image.mode not in BANDS:
        keeps_alpha = image.mode in WITH_ALPHA or "transparency" in image.info
        target = "L" if image.mode == "1" else "RGBA" if keeps_alpha else "RGB"
        image = image.convert(target)
    bands = BANDS[image.mode]
    row_bytes = image.width * bands * (2 if image.mode == "I;16" else 1)
    data = bytearray(row_bytes * image.height)
    rows = max(1, _STRIP_BYTES // row_bytes)
    for top in range(0, image.height, rows):
        bottom = min(image.height, top + rows)
        strip = image.crop((0, top, image.width, bottom)).tobytes()
        data[top * row_bytes : bottom * row_bytes] = strip
    profile = image.info.get("icc_profile")
    return Raster(image.width, image.height, bands, image.mode, data, profile)


def _from_lab(image: Image.Image) -> Image.Image:
    """CIE L*a*b* as sRGB; a profile in the file would be one of L*a*b*, too."""
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    image.info.pop("icc_profile", None)
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if converted is None:
        raise ValueError("a conversion to another mode makes a new picture")
    return converted
