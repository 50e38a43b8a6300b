"""Files for decoders: without metadata that would take them long or much memory.

Decoders inflate and copy all data of a file beside its pixels, several times, used or not. No
picture is refused for that, and nearly all files are unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.tidy import heif as tidy_heif
from imagesvc.imaging.containers.tidy import jp2 as tidy_jp2
from imagesvc.imaging.containers.tidy import jpeg as tidy_jpeg
from imagesvc.imaging.containers.tidy import png as tidy_png
from imagesvc.imaging.containers.tidy import tiff as tidy_tiff
from imagesvc.imaging.containers.tidy import webp as tidy_webp
from imagesvc.model.formats import Format

MAX_METADATA_BYTES = 4 << 20
"""Up to this size, uncompressed metadata is harmless."""

TIDIERS: Mapping[Format, Callable[[Data, int, Budget], bytes | None]] = {
    Format.JPEG: tidy_jpeg.tidied,
    Format.WEBP: tidy_webp.tidied,
    Format.TIFF: tidy_tiff.tidied,
    Format.AVIF: tidy_heif.tidied,
    Format.HEIC: tidy_heif.tidied,
}


def tidied(data: Data, kind: Format) -> Data:
    """A valid file without data that decoders should not read; the same file if there is none.

    Raises:
        CorruptImage, ImageTooLarge: the file is not sound.
    """
    if kind is Format.PNG:
        return tidy_png.tidied(data) or data
    if kind is Format.JP2:
        return tidy_jp2.tidied(data) or data
    tidier = TIDIERS.get(kind)
    if tidier is None or (len(data) <= MAX_METADATA_BYTES and kind is not Format.WEBP):
        return data
    return tidier(data, MAX_METADATA_BYTES, Budget(len(data))) or data
