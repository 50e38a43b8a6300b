"""The walker of each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from imagesvc.errors import EmptyFile, UnsupportedMediaType
from imagesvc.imaging.containers import bmp, gif, ico, jpeg, webp
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.colour_spaces import conversion_seconds
from imagesvc.imaging.containers.found import Data, Found
from imagesvc.imaging.containers.heif import heif
from imagesvc.imaging.containers.jp2 import jp2
from imagesvc.imaging.containers.magic import HEAD_BYTES, foreign_name, sniff
from imagesvc.imaging.containers.png import apng
from imagesvc.imaging.containers.tiff import tiff
from imagesvc.imaging.limits import Limits
from imagesvc.model.formats import Format

WALKERS: Mapping[Format, Callable[[Data, Limits, Budget], Found]] = {
    Format.JPEG: jpeg.walk,
    Format.PNG: apng.walk,
    Format.GIF: gif.walk,
    Format.WEBP: webp.walk,
    Format.AVIF: heif.walk_avif,
    Format.TIFF: tiff.walk,
    Format.HEIC: heif.walk_heic,
    Format.BMP: bmp.walk,
    Format.JP2: jp2.walk,
    Format.ICO: ico.walk,
}
TAKEN = "JPEG, PNG, GIF, WebP, AVIF, TIFF, HEIC, BMP, JPEG 2000 and ICO"


def inspect(data: Data, limits: Limits) -> tuple[Format, Found]:
    """Identify a file and check its structure.

    Raises:
        EmptyFile: it has no bytes.
        UnsupportedMediaType: it is of no format taken here.
        CorruptImage, ImageTooLarge: as the walker of its format says.
    """
    head = data[:HEAD_BYTES]
    if not head:
        raise EmptyFile("The file is empty.")
    kind = sniff(head)
    if kind is None:
        name = foreign_name(head)
        what = f"{name} files are not accepted" if name else "Not an image of a known format"
        raise UnsupportedMediaType(f"{what}; accepted: {TAKEN}.")
    found = WALKERS[kind](data, limits, Budget(len(data)))
    pixels = found.width * found.height * found.frames
    seconds = found.extra_seconds + conversion_seconds(data, kind, pixels)
    return kind, replace(found, file_bytes=len(data), extra_seconds=seconds)
