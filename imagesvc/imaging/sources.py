"""Opening an original, whichever library decodes its format."""

from __future__ import annotations

from dataclasses import replace

from imagesvc.imaging import pillow, vips
from imagesvc.imaging.colour import tagged
from imagesvc.imaging.containers.colour_spaces import is_hdr
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.vips import Source
from imagesvc.model import Format, Size


def open_source(data: Data, kind: Format, *, all_frames: bool = False, page: int = 0) -> Source:
    """Open a file for rendering; what libvips cannot decode is decoded now, and whole.

    Args:
        data: a file that `kind` was sniffed from, found sound by `probe`.
        kind: chooses the decoder; no other is tried.
        all_frames: read an animation whole, not just one frame.
        page: which frame that is.

    Raises:
        pyvips.Error: the header cannot be read.
        CorruptImage: the file cannot be decoded to its end.
        MemoryError: there is not enough of it.
    """
    if not pillow.decodes(data, kind):
        source = vips.open_source(data, kind, all_frames=all_frames, page=page)
        picture = tagged(source.picture, data, kind)
        return source if picture is source.picture else replace(source, picture=picture)
    raster = pillow.decode(data, kind, page, is_hdr=is_hdr(data, kind))
    picture = tagged(vips.from_raster(raster), data, kind)
    return Source(data, kind, picture, Size(raster.width, raster.height), 1, 1, raster.pages)
