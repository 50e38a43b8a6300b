"""Headers and pixels of the formats that libvips' package cannot decode, by Pillow.

No other module imports its plugin for HEIC.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pillow_heif
from PIL import (
    BmpImagePlugin,
    IcoImagePlugin,
    Image,
    ImageCms,
    ImageColor,
    ImageFilter,
    ImagePalette,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from imagesvc.errors import CorruptImage, Rejected
from imagesvc.imaging.codecs.raster import BANDS, WITH_ALPHA, Raster, raster
from imagesvc.imaging.codecs.reading import as_file
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.ico import largest
from imagesvc.imaging.containers.tidy.tidy import tidied
from imagesvc.imaging.containers.tiff.kinds import Decoder, not_taken
from imagesvc.imaging.containers.tiff.tiff import decoder_of
from imagesvc.model.formats import Format

TiffImagePlugin.READ_LIBTIFF = True  # its own reader knows fewer kinds
pillow_heif.options.DECODE_THREADS = 1
pillow_heif.options.THUMBNAILS = False
pillow_heif.options.DEPTH_IMAGES = False
pillow_heif.options.AUX_IMAGES = False

DECODED = frozenset({Format.HEIC, Format.BMP, Format.JP2, Format.ICO})
"""Formats whose pixels are all decoded here; some kinds of TIFF are, too."""

_PLUGINS: Mapping[Format, tuple[str, ...]] = {
    Format.JPEG: ("JPEG",),
    Format.BMP: ("BMP",),
    Format.JP2: ("JPEG2000",),
    Format.ICO: ("ICO",),
    Format.TIFF: ("TIFF",),
}


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file, read by Pillow without decoding; the size is as shown for HEIC only."""

    width: int
    height: int
    has_alpha: bool


LOADED = (
    BmpImagePlugin, IcoImagePlugin, ImageCms, ImageColor, ImageFilter, ImagePalette,
    Jpeg2KImagePlugin, JpegImagePlugin, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin,
)  # fmt: skip
"""Parts that Pillow itself would import when they are needed first: in a worker, too late."""


def load_plugins() -> None:
    """Have Pillow load its common plugins, which it does at the first picture else."""
    Image.preinit()


def decodes(data: Data, kind: Format) -> bool:
    """Whether the pixels of a file that `probe` accepted are decoded here."""
    return kind in DECODED or (kind is Format.TIFF and decoder_of(data) is Decoder.PILLOW)


def read_header(data: Data, kind: Format) -> Header:
    """Read the header of a file that `decodes` is true of.

    Raises:
        CorruptImage: Pillow does not find a picture of this format in it.
        UnsupportedMediaType: it is a TIFF of a kind that Pillow does not know.
        ImageTooLarge: its structure is too complex.
        MemoryError: there is not enough of it.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            if kind is Format.HEIC:
                picture = _heif(data)
                width, height = picture.size
                return Header(width, height, picture.has_alpha)
            if kind is Format.ICO:  # the plugin would decode it; the container has all the data
                icon = largest(data)
                return Header(icon.width, icon.height, has_alpha=True)
            with _opened(data, kind) as image:
                has_alpha = image.mode in WITH_ALPHA or "transparency" in image.info
                return Header(image.width, image.height, has_alpha)
    except (Rejected, MemoryError):
        raise
    except Exception as error:
        if kind is Format.TIFF and isinstance(error, UnidentifiedImageError):
            raise not_taken("files of this kind") from error
        raise CorruptImage(f"The {kind.value.upper()} file has a damaged header.") from error


def decode(data: Data, kind: Format, page: int = 0, *, is_hdr: bool = False) -> Raster:
    """Decode a file that `decodes` is true of; of an icon its largest picture.

    Args:
        data: the file.
        kind: its format.
        page: which one of a TIFF.
        is_hdr: whether HEIC keeps more bits than 8.

    Raises:
        CorruptImage: it cannot be decoded to its end.
        MemoryError: there is not enough of it.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            if kind is Format.HEIC:
                return _heif_raster(data, is_hdr=is_hdr)
            if kind is Format.ICO:
                icon = largest(data).alone()
                with Image.open(io.BytesIO(icon), formats=_PLUGINS[kind]) as image:
                    return raster(image)
            with _opened(data, kind) as image:
                pages = getattr(image, "n_frames", 1)
                image.seek(page)
                return replace(raster(image), pages=pages)
    except (Rejected, MemoryError):
        raise
    except Exception as error:
        name = kind.value.upper()
        raise CorruptImage(f"The {name} image cannot be decoded to its end.") from error


def _opened(data: Data, kind: Format) -> Image.Image:
    return Image.open(as_file(tidied(data, kind)), formats=_PLUGINS[kind])


def _heif(data: Data, *, is_hdr: bool = False) -> Any:
    """The primary picture of a file, not decoded yet; 10 and 12 bits of SDR come down to 8.

    libheif applies `irot`, `imir` and `clap` (ISO/IEC 23008-12, 6.5.10): an orientation in the
    EXIF says the same again and must not be applied.
    """
    pictures = pillow_heif.open_heif(tidied(data, Format.HEIC)[:], convert_hdr_to_8bit=not is_hdr)
    return pictures[pictures.primary_index]


def _heif_raster(data: Data, *, is_hdr: bool) -> Raster:
    picture = _heif(data, is_hdr=is_hdr)
    data = picture.data  # libheif's own memory, no copy
    profile = picture.info.get("icc_profile")
    width, height = picture.size
    return Raster(width, height, BANDS[picture.mode], picture.mode, data, profile)
