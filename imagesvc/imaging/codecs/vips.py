"""The seam to libvips: the only file that imports pyvips.

Importing it fixes libvips for a worker: one thread, no operation cache, and of all its loaders
only those of the formats taken here. Only workers import it.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# Read once, when libvips starts: images are worked on side by side, not one by many threads.
os.environ["VIPS_CONCURRENCY"] = "1"
# Whole decodes stay in memory, which is predicted: a sandboxed worker opens no file for them.
os.environ["VIPS_DISC_THRESHOLD"] = "1024g"

import pyvips
from PIL import Image

from imagesvc.errors import CorruptImage, ImageTooLarge
from imagesvc.imaging.codecs.raster import BANDS, Raster
from imagesvc.imaging.codecs.tiff_levels import plain
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.tidy.tidy import tidied
from imagesvc.model.formats import Format

Picture = Any
"""A `pyvips.Image`: height x width x bands, evaluated when it is written. No stubs exist."""

Error: type[Exception] = pyvips.Error


SHOWN_DAMAGED = frozenset({Format.PNG, Format.GIF, Format.TIFF})
"""Formats of which a damaged picture can be shown up to its damage, as browsers do."""

GRAY, RGB = 1, 3
"""Bands of a picture without and with colour."""

MAX_HELD_PIXELS = 3_000_000
"""Up to here, all frames together, a picture is worked on in memory rather than streamed."""

MAX_DELAY_MS = 655_350
"""The longest that GIF knows; more than 24 days of all frames would be too long for WebP."""
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
"""Modes of Pillow by the number of bands."""
_SEQUENTIAL = "vips-sequential"
_ORIENTATION, _PROFILE = "orientation", "icc-profile-data"
"""Properties of the pixels in a file that are needed later."""

_LOADERS = {
    Format.JPEG: ("jpegload", "VipsForeignLoadJpeg"),
    Format.PNG: ("pngload", "VipsForeignLoadPng"),
    Format.WEBP: ("webpload", "VipsForeignLoadWebp"),
    Format.AVIF: ("heifload", "VipsForeignLoadHeif"),
    Format.GIF: ("gifload", "VipsForeignLoadNsgif"),
    Format.TIFF: ("tiffload", "VipsForeignLoadTiff"),
}

# libvips warns of every oddity in a file; important ones are errors.
logging.getLogger("pyvips").setLevel(logging.ERROR)

pyvips.cache_set_max(0)
pyvips.operation_block_set("VipsForeignLoad", True)
for _, _loader in _LOADERS.values():
    pyvips.operation_block_set(_loader, False)


def load(data: Data, kind: Format, **options: Any) -> Picture:
    """Call the loader of a format; decoding stops at the first error unless told otherwise.

    `unlimited` lets a JPEG have any number of warnings, as Pillow does: what is damaged inside is
    shown as browsers show it, at whatever size. Numbers of scans were checked by `containers`.
    """
    loader, _ = _LOADERS[kind]
    if kind is Format.JPEG:
        options["unlimited"] = True
    source = pyvips.Source.new_from_memory(tidied(data, kind))
    options = {"access": "sequential", "fail_on": "error"} | options
    picture = pyvips.Operation.call(f"{loader}_source", source, **options)
    if isinstance(picture, list):  # of the image and other data of a loader
        picture = picture[0]
    picture._references.append(source)  # noqa: SLF001  # as `Image.new_from_source` keeps it alive
    return plain(picture) if kind is Format.TIFF else picture


def from_raster(raster: Raster) -> Picture:
    """A picture over the memory of a raster, which it keeps alive; nothing is copied."""
    deep = raster.mode.endswith(";16")
    layout = "ushort" if deep else "uchar"
    picture = pyvips.Image.new_from_memory(
        raster.data, raster.width, raster.height, raster.bands, layout
    )
    gray, colours = ("grey16", "rgb16") if deep else ("b-w", "srgb")
    space = "cmyk" if raster.mode == "CMYK" else gray if raster.bands < RGB else colours
    picture = picture.copy(interpretation=space)
    if raster.profile:
        picture.set_type(pyvips.GValue.blob_type, "icc-profile-data", raster.profile)
    return picture


MAX_TAKEN_SIDE = 1000
"""Pictures of up to this many pixels a side are passed on unchanged, to be reduced."""


def image_towards(picture: Picture, side: int) -> Image.Image:
    """The pixels of a picture, scaled down towards a square, for Pillow.

    With alpha it fits the square. Without, it is averaged over boxes where it is large, and left
    as it is otherwise: Pillow takes it from there in a third of the time.
    """
    longest = max(picture.width, picture.height)
    if longest > side and picture.hasalpha():
        picture = picture.thumbnail_image(side, height=side, size="down").cast("uchar")
    elif longest > MAX_TAKEN_SIDE:
        factor = longest / side
        across, down = (min(factor, length) for length in (picture.width, picture.height))
        picture = picture.shrink(across, down)
    return to_image(picture)


def levels(picture: Picture) -> Any:
    """Evaluate a picture: its pixels row by row, bands interleaved, as its format has them.

    Returns:
        A buffer.

    Raises:
        pyvips.Error: decoding failed, which is found out only now.
    """
    # Of a picture in memory both are cheap: the one does nothing, the other copies once.
    return pyvips.Region.new(picture.copy_memory()).fetch(0, 0, picture.width, picture.height)


def orientation(picture: Picture) -> int:
    """The EXIF orientation of a picture, 1 to 8; 1 if it has none."""
    return int(picture.get(_ORIENTATION)) if picture.get_typeof(_ORIENTATION) else 1


def described(picture: Picture, other: Picture, *more: str, is_upright: bool = False) -> Picture:
    """The picture with what another one says about the same pixels, in `more` fields, too.

    A picture that is upright already has no orientation.
    """
    for name in (_PROFILE, *more) if is_upright else (_ORIENTATION, _PROFILE, *more):
        kind = other.get_typeof(name)
        if kind:
            picture.set_type(kind, name, other.get(name))
    return picture


def from_image(image: Image.Image) -> Picture:
    """A picture with a copy of the pixels of one of Pillow, in a mode of `BANDS`."""
    return from_raster(
        Raster(image.width, image.height, BANDS[image.mode], image.mode, image.tobytes(), None)
    )


def to_image(picture: Picture) -> Image.Image:
    """Evaluate a picture of bytes, for Pillow.

    Raises:
        pyvips.Error: decoding failed, which is found out only now.
    """
    return _over(levels(picture), picture, picture.height)


def each_image(picture: Picture, height: int) -> Iterator[Image.Image]:
    """The pixels of frames in a column, for Pillow; one after the other, as they are decoded.

    Args:
        picture: 8 bits a band.
        height: of a frame.

    Raises:
        pyvips.Error: a frame cannot be decoded.
    """
    region = pyvips.Region.new(picture)
    for top in range(0, picture.height, height):
        yield _over(region.fetch(0, top, picture.width, height), picture, height)


def _over(pixels: Any, picture: Picture, height: int) -> Image.Image:
    """A picture of Pillow over a buffer, in the mode of a picture of libvips; nothing is copied."""
    mode = _MODES[picture.bands]
    return Image.frombuffer(mode, (picture.width, height), pixels, "raw", mode, 0, 1)


def held(picture: Picture) -> Picture:
    """The picture in memory, to be read in any order.

    Operations on it would still go row by row, as on the output of its decoder: a reduction would
    make what is between them several times.
    """
    found = picture.copy_memory()
    if found.get_typeof(_SEQUENTIAL):
        found = found.copy()
        found.remove(_SEQUENTIAL)
    return found


def load_bytes(data: bytes, kind: Format) -> Picture:
    """The picture of a file that is in memory."""
    picture = pyvips.Operation.call(f"{_LOADERS[kind][0]}_buffer", data, fail_on="error")
    return picture[0] if isinstance(picture, list) else picture


def from_levels(levels: bytes, width: int, height: int, bands: int) -> Picture:
    """A picture of given bytes, row by row, bands interleaved."""
    return pyvips.Image.new_from_memory(levels, width, height, bands, "uchar")


def ramp(last: int) -> Picture:
    """One row of doubles from 0 to 1, in `last` steps."""
    return pyvips.Image.identity(size=last + 1, ushort=True).cast("double") / last


def noted(picture: Picture, name: str, text: str) -> Picture:
    """The picture with a note, which derived pictures keep."""
    picture = picture.copy()
    picture.set_type(pyvips.GValue.gstr_type, name, text)
    return picture


def coordinates(width: int, height: int) -> Picture:
    """A picture whose two bands tell where each pixel is."""
    return pyvips.Image.xyz(width, height)


def matrix(row: Sequence[float], scale: float) -> Picture:
    """A kernel of one row; a convolution divides its sums by `scale`."""
    return pyvips.Image.new_from_array([list(row)], scale=scale)


def bicubic() -> Any:
    """The interpolator for turns by any angle."""
    return pyvips.Interpolate.new("bicubic")


def join_frames(frames: list[Picture]) -> Picture:
    """Put frames of equal size in a column, as the savers of animations want them."""
    column = pyvips.Image.arrayjoin(frames, across=1)
    height = frames[0].height
    column = column.copy()
    column.set_type(pyvips.GValue.gint_type, "page-height", height)
    return column


def with_motion(picture: Picture, delays: Sequence[int], plays: int) -> Picture:
    """The picture with milliseconds of each frame, and how often all are shown."""
    picture = picture.copy()
    delays = [min(delay, MAX_DELAY_MS) for delay in delays]
    picture.set_type(pyvips.GValue.array_int_type, "delay", delays)
    picture.set_type(pyvips.GValue.gint_type, "loop", plays)
    return picture


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of libvips into ours.

    Raises:
        CorruptImage: a loader or an operation refused the file.
        ImageTooLarge: memory ran out, which the same picture would do again.
    """
    try:
        yield
    except pyvips.Error as error:
        reason = _reason(str(error))
        if "out of memory" in reason.lower():
            raise ImageTooLarge("The image needs more memory than a worker may use.") from error
        raise CorruptImage(f"The image cannot be decoded: {reason}.") from error
    except MemoryError as error:
        raise ImageTooLarge("The image needs more memory than a worker may use.") from error


def _reason(text: str) -> str:
    """The first line of the error of libvips, without file names."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = (line for line in lines[1:] or lines if "/" not in line and "source:" not in line[:7])
    line = next(named, "the data is damaged").replace("load_source:", "load:")
    return re.sub(r"[^ -~]", "?", line)[:120].rstrip(".")
