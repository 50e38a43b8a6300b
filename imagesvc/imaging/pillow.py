"""The seam to Pillow: the only file that imports PIL. It reads headers, never pixels.

Pillow's own guards against bombs are off here: limits are checked before it is asked.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image

from imagesvc.errors import CorruptImage
from imagesvc.model import Format

Image.MAX_IMAGE_PIXELS = None

_PLUGINS: Mapping[Format, tuple[str, ...]] = {
    Format.JPEG: ("JPEG", "MPO"),
    Format.PNG: ("PNG",),
    Format.GIF: ("GIF",),
    Format.WEBP: ("WEBP",),
    Format.AVIF: ("AVIF",),
    Format.TIFF: ("TIFF",),
}
MAX_TEXT = 200
_TEXTS = {ExifTags.Base.Make: "make", ExifTags.Base.Model: "model"}


def read_exif(path: str, kind: Format) -> dict[str, Any]:
    """Identify a file by its header, and read what little of its EXIF is kept.

    Returns:
        `make`, `model` and `taken_at` (local time, as the camera wrote it), where present.

    Raises:
        CorruptImage: Pillow does not find a picture of this format in it.
    """
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(path, formats=_PLUGINS[kind]) as image,
        ):
            return _subset(image.info.get("exif"))
    except Exception as error:
        raise CorruptImage(f"The {kind.value.upper()} file has a damaged header.") from error


def _subset(raw: bytes | None) -> dict[str, Any]:
    # Not image.getexif(): that takes the orientation from XMP, too, and loads PNGs whole.
    if not raw:
        return {}
    found: dict[str, Any] = {}
    exif = Image.Exif()
    try:
        exif.load(raw)
        for tag, name in _TEXTS.items():
            _keep(found, name, exif.get(tag))
        details = exif.get_ifd(ExifTags.IFD.Exif)
        _keep(found, "taken_at", details.get(ExifTags.Base.DateTimeOriginal))
    except Exception:  # noqa: BLE001 - a picture with damaged EXIF is still a picture
        return found
    return found


def _keep(found: dict[str, Any], name: str, value: object) -> None:
    if isinstance(value, str) and (text := "".join(filter(str.isprintable, value)).strip()):
        found[name] = text[:MAX_TEXT]
