"""The last step before encoding: an image or a text on top of a variant."""

from __future__ import annotations

from functools import lru_cache

from imagesvc.errors import CorruptImage, ImagesvcError
from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.colour.conversion import RGB, tagged, to_srgb
from imagesvc.imaging.containers.magic import HEAD_BYTES, sniff
from imagesvc.imaging.pipeline import lettering
from imagesvc.imaging.pipeline.steps import Work
from imagesvc.imaging.transforms.geometry import place
from imagesvc.imaging.transforms.values import rgba
from imagesvc.model.formats import Size
from imagesvc.model.transforms import Watermark

LETTER_PIXELS = 160
"""Height at which texts are drawn, before they are scaled to their width."""


def stamp(frame: Picture, work: Work) -> Picture:
    """Put the watermark of the transform over the frame.

    Raises:
        ImagesvcError: the request does not bring the watermark that was asked for.
        CorruptImage: the watermark's own image cannot be decoded.
    """
    name, _, fingerprint = work.transform.wm.partition(":")
    if not name:
        return frame
    mark = work.watermarks.get(name)
    if mark is None or mark.fingerprint != fingerprint:
        raise ImagesvcError("The watermark is not the one that was asked for.")
    kind = "srgb" if frame.bands < RGB else frame.interpretation
    frame = frame.colourspace(kind).copy_memory()  # rows are read and written in pieces
    outer = Size(frame.width, frame.height)
    layer = _scaled(mark, outer)
    if mark.tile:
        return _over(frame, _tiled(layer, mark.margin, outer), 0, 0)
    return _over(frame, layer, *_position(mark, outer, Size(layer.width, layer.height)))


@lru_cache(maxsize=4)
def _scaled(mark: Watermark, outer: Size) -> Picture:
    """The watermark in the size it has on a variant, RGBA in memory."""
    layer = _lettered(mark) if mark.image is None else _decoded(mark.image)
    room = Size(max(1, outer.width - 2 * mark.margin), max(1, outer.height - 2 * mark.margin))
    factor = min(
        max(1, round(outer.width * mark.scale)) / layer.width,
        room.width / layer.width,
        room.height / layer.height,
    )
    width, height = (max(1, round(side * factor)) for side in (layer.width, layer.height))
    layer = layer.thumbnail_image(width, height=height, size="force")
    if mark.opacity < 1:
        colours, alpha = layer.extract_band(0, n=RGB), layer.extract_band(RGB)
        layer = colours.bandjoin((alpha * mark.opacity).rint().cast("uchar"))
    return layer.copy(interpretation="srgb").copy_memory()


def _decoded(data: bytes) -> Picture:
    kind = sniff(data[:HEAD_BYTES])
    if kind is None:
        raise CorruptImage("The watermark is not an image of an accepted format.")
    picture = tagged(vips.load_bytes(data, kind).autorot(), data, kind)
    layer = to_srgb(picture).colourspace("srgb")
    return layer if layer.hasalpha() else layer.addalpha()


def _lettered(mark: Watermark) -> Picture:
    try:
        coverage = lettering.drawn(mark.text, mark.font, LETTER_PIXELS)
    except OSError as error:
        raise CorruptImage("The font of the watermark cannot be read.") from error
    alpha = vips.from_levels(*coverage, 1)
    colours = alpha.new_from_image(list(rgba(mark.color)[:RGB])).cast("uchar")
    return colours.bandjoin(alpha).copy(interpretation="srgb")


def _tiled(layer: Picture, gap: int, outer: Size) -> Picture:
    tile = layer.embed(0, 0, layer.width + gap, layer.height + gap)
    across, down = -(-outer.width // tile.width), -(-outer.height // tile.height)
    return tile.replicate(across, down).crop(0, 0, outer.width, outer.height)


def _position(mark: Watermark, outer: Size, inner: Size) -> tuple[int, int]:
    """Where the layer starts: the margin keeps it from the edges that it is drawn to."""
    left, top = place(mark.position, outer, inner)
    spare = Size(outer.width - inner.width, outer.height - inner.height)
    across, down = min(mark.margin, spare.width // 2), min(mark.margin, spare.height // 2)
    return (
        max(across, min(left, spare.width - across)),
        max(down, min(top, spare.height - down)),
    )


def _over(frame: Picture, layer: Picture, left: int, top: int) -> Picture:
    """The frame with the layer on it; it gets no alpha that it had not."""
    part = frame.crop(left, top, layer.width, layer.height)
    part = part.composite2(layer, "over").rint().cast("uchar")
    if part.bands > frame.bands:
        part = part.extract_band(0, n=frame.bands)
    part = part.copy(interpretation=frame.interpretation)
    return frame.insert(part, left, top)
