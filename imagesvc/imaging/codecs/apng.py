"""The frames of an animated PNG, which libvips does not read: decoded separately and composed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.colour.conversion import NOTE
from imagesvc.imaging.containers.png.apng import (
    BLENDED,
    CLEARED,
    RESTORED,
    Animation,
    Frame,
    alone,
    animation,
)
from imagesvc.model.formats import Format

RGB, RGBA = 3, 4


def moving(source: Source, *, all_frames: bool, page: int) -> Source:
    """The source of a PNG with the requested frames; a PNG without animation is unchanged."""
    moves = animation(source.data)
    if moves is None:
        return source
    pages = len(moves.frames)
    if all_frames and not source.is_damaged:  # of a damaged one a frame is shown, as of a GIF
        delays = [it.delay for it in moves.frames]
        picture = vips.with_motion(source.picture, delays, moves.plays)
        return replace(source, picture=picture, frames=pages, pages=pages)
    if page >= pages or (page == 0 and moves.is_first_shown):
        return replace(source, pages=pages)
    pictures = _pictures(source, moves)
    picture = next(it for number, it in enumerate(pictures) if number == page)
    return replace(source, picture=picture, pages=pages, page=page)


def pictures(source: Source) -> Iterator[Picture]:
    """All frames of an animated source, as shown, in memory.

    Raises:
        pyvips.Error: one cannot be decoded.
    """
    moves = animation(source.data)
    if moves is not None:
        yield from _pictures(source, moves)


def _pictures(source: Source, moves: Animation) -> Iterator[Picture]:
    size = source.stored
    canvas = vips.from_levels(bytes(RGBA * size.width * size.height), size.width, size.height, RGBA)
    canvas = canvas.copy(interpretation="srgb")
    for frame in moves.frames:
        shown = _composed(canvas, _decoded(source, moves, frame), frame).copy_memory()
        yield vips.described(shown, source.picture, NOTE)
        if frame.disposal == CLEARED:
            clear = bytes(RGBA * frame.width * frame.height)
            blank = vips.from_levels(clear, frame.width, frame.height, RGBA)
            canvas = shown.insert(blank, frame.left, frame.top).copy_memory()
        elif frame.disposal != RESTORED:
            canvas = shown


def _decoded(source: Source, moves: Animation, frame: Frame) -> Picture:
    """The pixels of a frame: 8 bits a band, RGB and alpha."""
    fail_on = "none" if source.is_damaged else "error"
    picture = vips.load(alone(source.data, moves, frame), Format.PNG, fail_on=fail_on)
    if picture.format == "ushort":
        kind = "srgb" if picture.bands >= RGB else "b-w"
        picture = (picture >> 8).cast("uchar").copy(interpretation=kind)
    if picture.bands < RGB:
        picture = picture.colourspace("srgb")
    return picture if picture.hasalpha() else picture.addalpha()


def _composed(canvas: Picture, picture: Picture, frame: Frame) -> Picture:
    """The canvas with a frame in its position."""
    if frame.blend == BLENDED:
        under = canvas.crop(frame.left, frame.top, frame.width, frame.height)
        picture = under.composite2(picture, "over").rint().cast("uchar")
    return canvas.insert(picture.copy(interpretation="srgb"), frame.left, frame.top)
