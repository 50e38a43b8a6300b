"""How an animation moves: frames in a column, their times, and how often they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from imagesvc.imaging.codecs import apng, avif, vips
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.gif.coverage import has_gaps, masked, painted
from imagesvc.model.formats import Format

DELAY_MS = 100
"""The time for which browsers show a frame without a delay."""
_READERS: Mapping[Format, Callable[[Source], Iterator[Picture]]] = {
    Format.PNG: apng.pictures,
    Format.AVIF: avif.pictures,
}
"""Formats whose frames libvips does not read."""


@dataclass(frozen=True, slots=True)
class Motion:
    """The frames of a picture in a column, each `height` high."""

    height: int
    delays: tuple[int, ...]
    """Milliseconds of each frame."""
    plays: int
    """How often it is shown; 0 is without end."""

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.delays)


def motion(picture: Picture) -> Motion:
    """The motion of a picture, as libvips knows it."""
    height = picture.get("page-height") if picture.get_typeof("page-height") else picture.height
    return _motion(picture, height, picture.height // height)


def motion_of(source: Source) -> Motion:
    """The motion of a source, whether or not its picture has all frames."""
    return _motion(source.picture, source.stored.height, source.frames)


def _motion(picture: Picture, height: int, count: int) -> Motion:
    delays = list(picture.get("delay")) if picture.get_typeof("delay") else []
    delays = [*delays[:count], *[DELAY_MS] * (count - len(delays))]
    plays = picture.get("loop") if picture.get_typeof("loop") else 0
    return Motion(height, tuple(delays), plays)


def each_frame(source: Source) -> Iterator[Source]:
    """The frames of a source in order; of several, each is in memory while it is used."""
    if source.frames == 1:
        yield source
        return
    reader = _READERS.get(source.format)
    if reader:
        for picture in reader(source):
            yield replace(source, picture=picture, frames=1)
        return
    masks = _masks(source)
    for image in vips.each_image(source.picture, source.stored.height):
        frame = replace(source, frames=1, held={1: image})
        if masks:
            frame = replace(frame, picture=masked(frame.pixels(), next(masks)), held={})
        yield frame


def _masks(source: Source) -> Iterator[bytes] | None:
    """Which pixels of each frame are painted, where libvips does not know."""
    if source.format is not Format.GIF or not has_gaps(source.data, source.stored):
        return None
    return painted(source.data, source.stored)


def joined(frames: list[Picture], source: Source) -> Picture:
    """Frames of equal size in memory, in a column, with the motion of their source."""
    column = vips.join_frames(frames)
    if column.get_typeof("icc-profile-data"):
        column.remove("icc-profile-data")  # of another colour space than the pixels are in by now
    for name in ("delay", "loop"):
        kind = source.picture.get_typeof(name)
        if kind and not column.get_typeof(name):
            column.set_type(kind, name, source.picture.get(name))
    return column
