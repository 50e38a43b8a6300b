"""A file that libvips reads: its header, and its pixels, decoded when they are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from imagesvc.imaging.codecs import pillow_jpeg
from imagesvc.imaging.codecs.shrinking import SIDEWAYS
from imagesvc.imaging.codecs.vips import Picture, described, from_image, load, orientation
from imagesvc.imaging.containers.found import Data
from imagesvc.model.formats import Format, Size

ANIMATED = frozenset({Format.GIF, Format.WEBP})
"""Formats whose animations are read and written with all their frames."""
MAX_JPEG_PIXELS = 6_000_000
"""Up to here, as its decoder shrinks it, a JPEG is decoded into memory; streaming is slower."""


@dataclass(frozen=True, slots=True)
class Source:
    """An opened original: its header, and its pixels, decoded when they are used.

    With more than one frame, the picture is all frames in a column, each `stored.height` high.
    """

    data: Data
    """The file."""
    format: Format
    picture: Picture
    stored: Size
    """One frame, as in the file."""
    orientation: int
    frames: int
    """Frames of `picture`."""
    pages: int = 1
    """Frames of the file."""
    page: int = 0
    """Which of them is the first of `picture`."""
    is_damaged: bool = False
    """Whether decoding continues after errors."""
    held: Mapping[int, Image.Image | Picture] = field(default_factory=dict)
    """Pictures in memory, by the factor that the decoder of a JPEG shrank them by; 1 if none."""

    @property
    def shown(self) -> Size:
        """One frame, after EXIF orientation."""
        if self.orientation in SIDEWAYS:
            return Size(self.stored.height, self.stored.width)
        return self.stored

    def pixels(self, factor: int = 1) -> Picture:
        """The output of the decoder; that of a JPEG is shrunk by the given factor."""
        found = self._in_memory(factor)
        if found is None:
            return self._streamed(factor)
        return self._described(found, factor) if isinstance(found, Image.Image) else found

    def image(self, factor: int = 1) -> Image.Image | None:
        """The pixels of a small JPEG as a picture of Pillow; its sides are rounded up.

        Returns:
            None where that is for libvips to decode, or to refuse.
        """
        found = self._in_memory(factor)
        return found if isinstance(found, Image.Image) else None

    def to_hold(self, factor: int = 1) -> Image.Image | Picture:
        """The same pixels in memory, for `held`."""
        found = self._in_memory(factor)
        return self._streamed(factor).copy_memory() if found is None else found

    def _in_memory(self, factor: int) -> Image.Image | Picture | None:
        """Pixels held, or those of a small JPEG by Pillow: the same in two thirds of the time."""
        found = self.held.get(factor)
        if found is not None or self.format is not Format.JPEG:
            return found
        size = self.shrunk(factor)
        if not 0 < size.width * size.height <= MAX_JPEG_PIXELS:
            return None
        return pillow_jpeg.decode_jpeg(self.data, factor)

    def shrunk(self, factor: int) -> Size:
        """The size of `pixels`: what is left of a block at the end is left out, as by libvips."""
        return Size(self.stored.width // factor, self.stored.height // factor)

    def _described(self, image: Image.Image, factor: int) -> Picture:
        picture = described(from_image(image), self.picture)
        size = self.shrunk(factor)
        if image.size == (size.width, size.height):
            return picture
        return picture.crop(0, 0, size.width, size.height)

    def _streamed(self, factor: int) -> Picture:
        return self.picture if factor == 1 else load(self.data, self.format, shrink=factor)


def open_source(
    data: Data,
    kind: Format,
    *,
    all_frames: bool = False,
    page: int = 0,
    is_damaged: bool = False,
) -> Source:
    """Read the header of a file; its pixels are decoded top to bottom when they are used.

    Args:
        data: a file that `kind` was sniffed from.
        kind: chooses the loader; no other is tried.
        all_frames: read an animation whole, not just one frame.
        page: which frame that is.
        is_damaged: go on at errors; what is missing is black, or transparent. Of an animation one
            frame is read, for libvips gives none when a later one is damaged.

    Raises:
        pyvips.Error: the header cannot be read.
    """
    moves = all_frames and kind in ANIMATED and not is_damaged
    options: dict[str, Any] = {"n": -1} if moves else {}
    if page and kind is not Format.PNG:
        options = {"page": page}
    if is_damaged:
        options["fail_on"] = "none"
    picture = load(data, kind, **options)
    height = picture.height
    if picture.get_typeof("page-height"):
        height = picture.get("page-height")
    stored = Size(picture.width, height)
    pages = picture.get("n-pages") if picture.get_typeof("n-pages") else 1
    frames = picture.height // height
    turn = orientation(picture)
    return Source(data, kind, picture, stored, turn, frames, pages, page, is_damaged)
