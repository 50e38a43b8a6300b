"""Small JPEGs by Pillow, which decodes and encodes them faster than libvips, to the same bytes."""

from __future__ import annotations

import io
import warnings
from typing import Any

from PIL import Image

from imagesvc.imaging.codecs.raster import BANDS, Raster
from imagesvc.imaging.codecs.reading import as_file
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.jpeg import starts_early

_JPEG_MODES = frozenset({"L", "RGB"})
_JPEG_HEADER_BYTES = 256 << 10
_JPEG_HEADER_SEGMENTS = 64
FULL_CHROMA = 90
"""The quality from which on JPEGs keep chroma in full resolution, as libvips has it."""
_JFIF = bytes.fromhex("ffe000104a46494600010100000100010000")
"""A segment for an unknown resolution (ITU-T T.871, 10.1)."""
_JFIF_AT = 2
_JFIF_END = _JFIF_AT + len(_JFIF)


def decode_jpeg(data: Data, factor: int) -> Raster | None:
    """Decode a JPEG in gray or RGB, shrunk by its decoder by 1, 2, 4 or 8, sides rounded up.

    Returns:
        None where it is in another colour space, has so much metadata that Pillow takes long to
        read it, or cannot be decoded to its end.

    Raises:
        MemoryError: there is not enough of it.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            if not starts_early(data[:_JPEG_HEADER_BYTES], _JPEG_HEADER_SEGMENTS):
                return None
            image = Image.open(as_file(data), formats=("JPEG",))
            if image.mode not in _JPEG_MODES:
                return None
            if factor > 1:
                image.draft(image.mode, (image.width // factor, image.height // factor))
            image.load()
            bands = BANDS[image.mode]
            return Raster(image.width, image.height, bands, image.mode, image.tobytes(), None)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever Pillow raises; libvips tells what it is
        return None


def encode_jpeg(levels: Any, width: int, height: int, bands: int, quality: int) -> bytes:
    """Write a baseline JPEG, byte for byte as libvips does, in half the time.

    Args:
        levels: height x width x bands, row by row.
        width: in pixels.
        height: in pixels.
        bands: 1 for gray, 3 for RGB.
        quality: from 1 to 100; up to 89 with chroma at half the resolution (4:2:0).
    """
    mode = "L" if bands == 1 else "RGB"
    picture = Image.frombuffer(mode, (width, height), levels, "raw", mode, 0, 1)
    file = io.BytesIO()
    subsampling = 2 if bands > 1 and quality < FULL_CHROMA else 0
    picture.save(file, "JPEG", quality=quality, subsampling=subsampling)
    written = file.getbuffer()
    if written[_JFIF_AT:_JFIF_END] != _JFIF:
        return bytes(written)
    return bytes(written[:_JFIF_AT]) + bytes(written[_JFIF_END:])
