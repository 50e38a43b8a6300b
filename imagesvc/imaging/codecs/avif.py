"""AVIF sequences, whose frames Pillow decodes with libavif; libvips reads still pictures alone.

Frames have 8 bits a band, whatever the file has. Colours are made RGB by its matrix and range; what
primaries and curve mean is for `colour` to apply, as everywhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import AvifImagePlugin, ExifTags, Image

from imagesvc.errors import CorruptImage, Rejected
from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.pillow import Header
from imagesvc.imaging.codecs.raster import TURNS, raster
from imagesvc.imaging.codecs.reading import as_file
from imagesvc.imaging.codecs.shrinking import SIDEWAYS
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.colour.conversion import NOTE, tagged
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.heif.sequence import Sequence, sequence
from imagesvc.imaging.containers.tidy.tidy import tidied
from imagesvc.model.formats import Format, Size

AvifImagePlugin.DEFAULT_MAX_THREADS = 1
IS_READ: bool = AvifImagePlugin.SUPPORTED
"""Whether this Pillow was built with libavif."""


def moves(data: Data, kind: Format) -> bool:
    """Whether a file is a sequence that is decoded here; others are still pictures."""
    return kind is Format.AVIF and IS_READ and _sequence(data) is not None and _opens(data)


def read_header(data: Data) -> Header:
    """Read the header of a file that `moves` is true of; the size is as shown.

    Raises:
        CorruptImage: libavif does not take it.
        MemoryError: there is not enough of it.
    """
    with _opened(data) as image:
        width, height = image.size
        if _turn(image) in SIDEWAYS:
            width, height = height, width
        return Header(width, height, has_alpha=image.mode == "RGBA")


def open_source(data: Data, *, all_frames: bool, page: int) -> Source:
    """Decode one frame of a file for which `moves` is true, and return the motion of all.

    Raises:
        CorruptImage: the frame cannot be decoded.
        MemoryError: there is not enough of it.
    """
    found = _sequence(data)
    pages = len(found.delays) if found else 1
    with _opened(data) as image:
        image.seek(min(page, pages - 1))
        picture = tagged(_picture(image), data, Format.AVIF)
    if found and all_frames:
        picture = vips.with_motion(picture, found.delays, found.plays)
    stored = Size(picture.width, picture.height)
    frames = pages if all_frames else 1
    return Source(data, Format.AVIF, picture, stored, 1, frames, pages, page)


def pictures(source: Source) -> Iterator[Picture]:
    """All frames of a source that moves, one at a time in memory.

    Raises:
        CorruptImage: one cannot be decoded.
        MemoryError: there is not enough of it.
    """
    with _opened(source.data) as image:
        for number in range(source.frames):
            image.seek(number)
            yield vips.described(_picture(image), source.picture, NOTE)


def _sequence(data: Data) -> Sequence | None:
    try:
        return sequence(data, Budget(len(data)))
    except Rejected:
        return None


def _opens(data: Data) -> bool:
    try:
        with _opened(data):
            return True
    except CorruptImage:
        return False


@contextmanager
def _opened(data: Data) -> Iterator[Any]:
    """The file as Pillow has it; its errors become ours."""
    try:
        with warnings.catch_warnings(action="ignore"):
            file = as_file(tidied(data, Format.AVIF))
            with Image.open(file, formats=("AVIF",)) as image:
                yield image
    except (Rejected, MemoryError, vips.Error, GeneratorExit):
        raise
    except Exception as error:
        raise CorruptImage("The AVIF sequence cannot be decoded to its end.") from error


def _picture(image: Any) -> Picture:
    image.load()
    turn = TURNS.get(_turn(image))  # that Pillow derives from `irot` and `imir`
    shown = image.transpose(turn) if turn is not None else image
    return vips.from_raster(raster(shown))


def _turn(image: Any) -> int:
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))
