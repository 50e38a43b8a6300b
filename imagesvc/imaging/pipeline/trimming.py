"""Finding the border to cut: all that differs from the top left pixel by little."""

from __future__ import annotations

from imagesvc.imaging.codecs.motion import each_frame
from imagesvc.imaging.codecs.shrinking import shown_box, stored_box
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.colour.conversion import to_srgb
from imagesvc.imaging.pipeline import develop as pipeline
from imagesvc.imaging.transforms.geometry import Box, cut_region
from imagesvc.model.formats import Size
from imagesvc.model.transforms import Transform


def trimmed_region(source: Source, transform: Transform) -> Box | None:
    """What is left of the original as shown, once cropped and trimmed; None for all of it.

    Every pixel counts, single ones too: no noise filter, which would eat thin lines. Pixels
    that are transparent are alike, whatever colour they hide. What is border in every frame of
    an animation is cut. A picture that is all border is kept whole.

    Args:
        source: opened for this alone; its pixels are used up.
        transform: of which `crop` and `trim` matter.

    Raises:
        InvalidTransform: `crop` lies outside of the picture.
        pyvips.Error: the picture cannot be decoded.
    """
    region = cut_region(transform.crop, source.shown)
    area = region or Box(0, 0, source.shown.width, source.shown.height)
    border: list[float] | None = None
    found: list[Box] = []
    for frame in each_frame(source):
        picture = to_srgb(pipeline.cut(frame, region)).copy_memory()
        if border is None:
            stored = Size(picture.width, picture.height)
            corner = stored_box(Box(0, 0, 1, 1), stored, source.orientation)
            border = picture.getpoint(corner.left, corner.top)
        found += _contents(picture, border, transform.trim)
    if not found:
        return region
    left, top = min(box.left for box in found), min(box.top for box in found)
    right = max(box.left + box.width for box in found)
    bottom = max(box.top + box.height for box in found)
    inner = shown_box(
        Box(left, top, right - left, bottom - top),
        Size(area.width, area.height),
        source.orientation,
    )
    return Box(area.left + inner.left, area.top + inner.top, inner.width, inner.height)


def _contents(frame: Picture, border: list[float], threshold: int) -> list[Box]:
    """Where colours, and where alpha, differ from the border; empty where nothing does."""
    layers = [(frame, border)]
    if frame.hasalpha():
        last, alpha = frame.bands - 1, border[-1]
        colours = frame.premultiply().extract_band(0, n=last)
        shade = [level * alpha / 255 for level in border[:-1]]
        layers = [(colours, shade), (frame.extract_band(last), [alpha])]
    boxes = []
    for layer, background in layers:
        place = layer.find_trim(threshold=threshold, background=background, line_art=True)
        boxes.append(Box(*place))
    return [box for box in boxes if box.width and box.height]
