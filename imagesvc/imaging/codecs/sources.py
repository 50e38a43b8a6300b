"""Opens an original with the library that decodes its format."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from imagesvc.imaging.codecs import avif, pillow, vips, vips_source
from imagesvc.imaging.codecs.apng import moving
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.colour.conversion import tagged
from imagesvc.imaging.containers.colour_spaces import is_hdr
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.jp2 import colour as jp2_colour
from imagesvc.imaging.gif.coverage import has_gaps, masked, painted
from imagesvc.model.formats import Format, Size


def open_source(
    data: Data,
    kind: Format,
    *,
    all_frames: bool = False,
    page: int = 0,
    is_damaged: bool = False,
) -> Source:
    """Open a file for rendering; what libvips cannot decode is decoded now, and whole.

    Args:
        data: a file that `kind` was sniffed from, found sound by `probe`.
        kind: chooses the decoder; no other is tried.
        all_frames: read an animation whole, not just one frame.
        page: which frame that is.
        is_damaged: show what there is, where that can be; of AVIF what libavif shows.

    Raises:
        pyvips.Error: the header cannot be read.
        CorruptImage: the file cannot be decoded to its end.
        MemoryError: there is not enough of it.
    """
    if avif.moves(data, kind) or (is_damaged and kind is Format.AVIF):
        return avif.open_source(data, all_frames=all_frames and not is_damaged, page=page)
    if not pillow.decodes(data, kind):
        source = vips_source.open_source(
            data, kind, all_frames=all_frames, page=page, is_damaged=is_damaged
        )
        picture = tagged(source.picture, data, kind)
        if picture is not source.picture:
            source = replace(source, picture=picture)
        if kind is Format.PNG:
            return moving(source, all_frames=all_frames, page=page)
        return _with_gaps(source) if kind is Format.GIF and source.frames == 1 else source
    raster = pillow.decode(data, kind, page, is_hdr=is_hdr(data, kind))
    if kind is Format.JP2:
        raster = replace(raster, profile=jp2_colour.profile(data))
    picture = tagged(vips.from_raster(raster), data, kind)
    return Source(data, kind, picture, Size(raster.width, raster.height), 1, 1, raster.pages)


def _with_gaps(source: Source) -> Source:
    """One frame of a GIF, transparent where no frame up to it paints anything."""
    if not has_gaps(source.data, source.stored, source.page + 1):
        return source
    mask = next(islice(painted(source.data, source.stored), source.page, None))
    return replace(source, picture=masked(source.picture, mask))
