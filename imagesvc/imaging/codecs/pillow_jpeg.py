"""Small JPEGs by Pillow, which decodes them faster than libvips, to the same pixels."""

from __future__ import annotations

import warnings

from PIL import Image

from imagesvc.imaging.codecs.reading import as_file
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.jpeg import starts_early

_MODES = frozenset({"L", "RGB"})
_HEADER_BYTES = 256 << 10
_HEADER_SEGMENTS = 64


def decode_jpeg(data: Data, factor: int) -> Image.Image | None:
    """Decode a JPEG in gray or RGB, shrunk by its decoder by 1, 2, 4 or 8, sides rounded up.

    Returns:
        None where it is in another colour space, has so much metadata that Pillow takes long to
        read it, or cannot be decoded to its end.

    Raises:
        MemoryError: there is not enough of it.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            if not starts_early(data[:_HEADER_BYTES], _HEADER_SEGMENTS):
                return None
            image = Image.open(as_file(data), formats=("JPEG",))
            if image.mode not in _MODES:
                return None
            if factor > 1:
                image.draft(image.mode, (image.width // factor, image.height // factor))
            image.load()
            return image
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever Pillow raises; libvips tells what it is
        return None
