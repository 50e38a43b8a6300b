"""File formats and sizes of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """A file format, as stored (`Image.format`) or requested (`Transform.format`)."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    AVIF = "avif"
    GIF = "gif"
    TIFF = "tiff"
    HEIC = "heic"
    BMP = "bmp"
    JP2 = "jp2"
    ICO = "ico"

    @property
    def media_type(self) -> str:
        """The registered media type, such as `image/jpeg`."""
        return "image/vnd.microsoft.icon" if self is Format.ICO else f"image/{self.value}"

    @property
    def extension(self) -> str:
        """The usual file suffix, without its dot."""
        return {"jpeg": "jpg", "tiff": "tif"}.get(self.value, self.value)


@dataclass(frozen=True, slots=True)
class Size:
    """A width and a height in pixels."""

    width: int
    height: int
