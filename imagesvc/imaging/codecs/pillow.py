"""The seam to Pillow: the only file that imports its plugin for HEIC, and beside `gif` PIL.

It reads headers and pixels of the formats that libvips' package cannot decode, and small JPEGs,
which it decodes and encodes faster. Pillow's own guards against bombs are off:
limits are checked before it is asked.
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
)

from imagesvc.errors import CorruptImage, Rejected
from imagesvc.imaging.codecs.reading import as_file
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.ico import largest
from imagesvc.imaging.containers.jpeg import starts_early
from imagesvc.imaging.containers.tidy.tidy import tidied
from imagesvc.imaging.containers.tiff.kinds import Decoder, not_taken
from imagesvc.imaging.containers.tiff.tiff import decoder_of
from imagesvc.model import Format

Image.MAX_IMAGE_PIXELS = None
TiffImagePlugin.READ_LIBTIFF = True  # its own reader knows fewer kinds
pillow_heif.options.DECODE_THREADS = 1
pillow_heif.options.THUMBNAILS = False
pillow_heif.options.DEPTH_IMAGES = False
pillow_heif.options.AUX_IMAGES = False

DECODED = frozenset({Format.HEIC, Format.BMP, Format.JP2, Format.ICO})
"""Formats whose pixels all come from here; some kinds of TIFF do, too."""

_PLUGINS: Mapping[Format, tuple[str, ...]] = {
    Format.JPEG: ("JPEG",),
    Format.BMP: ("BMP",),
    Format.JP2: ("JPEG2000",),
    Format.ICO: ("ICO",),
    Format.TIFF: ("TIFF",),
}
_BANDS = {"L": 1, "I;16": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4, "RGB;16": 3, "RGBA;16": 4}
"""Modes whose bytes libvips takes as they are."""
_WITH_ALPHA = frozenset({"LA", "PA", "RGBA", "RGBa"})
_JPEG_MODES = frozenset({"L", "RGB"})
_JPEG_HEADER_BYTES = 256 << 10
_JPEG_HEADER_SEGMENTS = 64
_STRIP_BYTES = 1 << 20
FULL_CHROMA = 90
"""The quality from which on JPEGs keep chroma in full resolution, as libvips has it."""
_JFIF = bytes.fromhex("ffe000104a46494600010100000100010000")
"""A segment that says that nothing is known of the resolution (ITU-T T.871, 10.1)."""
_JFIF_AT = 2
_JFIF_END = _JFIF_AT + len(_JFIF)
HALF_OPAQUE = 128
OTHER_COLOUR = 48
"""Levels, summed over the bands, from which on two colours of a palette differ."""


@dataclass(frozen=True, slots=True)
class Header:
    """What Pillow reads of a file without decoding it; the size is as shown for HEIC only."""

    width: int
    height: int
    has_alpha: bool


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


LOADED = (
    BmpImagePlugin, IcoImagePlugin, ImageCms, ImageColor, ImageFilter, ImagePalette,
    Jpeg2KImagePlugin, JpegImagePlugin, MpoImagePlugin, TiffImagePlugin,
)  # fmt: skip
"""Parts that Pillow itself would import when they are needed first: in a worker, too late."""


def load_plugins() -> None:
    """Have Pillow load its common plugins, which it does at the first picture else."""
    Image.preinit()


def decodes(data: Data, kind: Format) -> bool:
    """Whether the pixels of a file that `probe` took come from here."""
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
            if kind is Format.ICO:  # the plugin would decode it; the container has told all
                icon = largest(data)
                return Header(icon.width, icon.height, has_alpha=True)
            with _opened(data, kind) as image:
                has_alpha = image.mode in _WITH_ALPHA or "transparency" in image.info
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
            image = Image.open(as_file(data), formats=_PLUGINS[Format.JPEG])
            if image.mode not in _JPEG_MODES:
                return None
            if factor > 1:
                image.draft(image.mode, (image.width // factor, image.height // factor))
            image.load()
            bands = _BANDS[image.mode]
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


def _opened(data: Data, kind: Format) -> Image.Image:
    return Image.open(as_file(tidied(data, kind)), formats=_PLUGINS[kind])


def raster(image: Image.Image) -> Raster:
    """Copy the pixels out of Pillow, a strip at a time, so that they are there only twice."""
    image.load()
    if image.mode == "LAB":
        image = _from_lab(image)
    if image.mode.startswith("I;16"):
        image = image.convert("I").convert("I;16")
    if image.mode not in _BANDS:
        keeps_alpha = image.mode in _WITH_ALPHA or "transparency" in image.info
        target = "L" if image.mode == "1" else "RGBA" if keeps_alpha else "RGB"
        image = image.convert(target)
    bands = _BANDS[image.mode]
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
    return Raster(width, height, _BANDS[picture.mode], picture.mode, data, profile)


def small(levels: Any, width: int, height: int, bands: int, side: int) -> Image.Image:
    """A picture of given pixels, height x width x bands, in RGBA and at most `side` a side.

    With alpha it must be as small as that already: boxes would mix in the colours of what is
    transparent.
    """
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[bands]
    picture = Image.frombuffer(mode, (width, height), levels, "raw", mode, 0, 1)
    return within(picture, side).convert("RGBA")


def within(picture: Image.Image, side: int) -> Image.Image:
    """The picture, scaled down so that no side is longer than `side`; both are at least 1."""
    scale = min(1.0, side / max(picture.size))
    width, height = (max(1, round(length * scale)) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.BOX)


def gray_square(picture: Image.Image, side: int) -> bytes:
    """The picture on white, stretched to a square of shades of gray."""
    white = Image.new("RGBA", picture.size, "white")
    gray = Image.alpha_composite(white, picture).convert("L")
    return gray.resize((side, side), Image.Resampling.BILINEAR).tobytes()


def palette(picture: Image.Image, count: int) -> tuple[str, ...]:
    """The main colours of what is opaque in a picture, the most frequent first.

    The means of the boxes of a median cut, without those that are nearly equal: `#rrggbb` each,
    at most `count`. Moving them on to k-means takes ten times as long and changes little.
    """
    data = picture.tobytes()
    if min(data[3::4]) < HALF_OPAQUE:
        starts = [at for at in range(0, len(data), 4) if data[at + 3] >= HALF_OPAQUE]
        data = b"".join(data[at : at + 4] for at in starts)
    if not data:
        return ()
    row = Image.frombytes("RGBA", (len(data) // 4, 1), data).convert("RGB")
    cut = row.quantize(2 * count, method=Image.Quantize.MEDIANCUT)
    boxes = cut.convert("RGB").getcolors(2 * count) or []
    found: list[tuple[int, ...]] = []
    for _, colour in sorted(boxes, key=lambda box: (-box[0], box[1])):
        if isinstance(colour, tuple) and all(_is_other(colour, it) for it in found):
            found.append(colour)
    return tuple(f"#{bytes(colour).hex()}" for colour in found[:count])


def _is_other(left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    return sum(abs(one - two) for one, two in zip(left, right, strict=True)) >= OTHER_COLOUR
