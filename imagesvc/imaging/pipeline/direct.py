"""JPEGs that are only cut and scaled: by Pillow and SIMD instructions, without libvips."""

from __future__ import annotations

from dataclasses import fields

from PIL import Image

from imagesvc.imaging.codecs import resampling
from imagesvc.imaging.codecs.encode import QUICK, encode_image
from imagesvc.imaging.codecs.raster import TURNS
from imagesvc.imaging.codecs.shrinking import SIDEWAYS, jpeg_shrink, stored_box
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.colour.conversion import is_plain_srgb
from imagesvc.imaging.pipeline.stages import Stages
from imagesvc.imaging.pipeline.steps import Work, looks_at_pixels
from imagesvc.imaging.transforms.geometry import Box
from imagesvc.model.formats import Format, Size
from imagesvc.model.transforms import Transform

_DONE = frozenset(
    {
        "w", "h", "dpr", "fit", "gravity", "enlarge", "crop", "trim", "frame", "bg",
        "format", "auto", "q", "max_bytes", "exact",
    }
)  # fmt: skip
"""Keys that are done with by cutting, scaling and encoding, where there is no transparency."""
_DEFAULTS = {field.name: field.default for field in fields(Transform)}


def variant(source: Source, work: Work, stages: Stages) -> bytes | None:
    """A variant of a small picture that is only cut and scaled; None where more has to be done.

    Raises:
        MemoryError: there is not enough of it.
    """
    if not (only_scales(work, work.transform) and is_plain_srgb(source.picture)):
        return None
    picture = scaled(source, work.plan.region, work.plan.scaled)
    if picture is None:
        return None
    stages.end("decode")
    picture = cropped(picture, work)
    stages.end("transform")
    return encode_image(picture, work.transform)


def cropped(picture: Image.Image, work: Work) -> Image.Image:
    """The part of a scaled picture that is kept."""
    box = work.plan.crop
    if box is None:
        return picture
    return picture.crop((box.left, box.top, box.left + box.width, box.top + box.height))


def scaled(
    source: Source,
    region: Box | None,
    target: Size,
    factor: int | None = None,
    *,
    is_soft: bool = False,
) -> Image.Image | None:
    """Cut, scale down and orient a JPEG, decoding no more than needed.

    Args:
        source: the JPEG.
        region: of the picture as shown; None for all of it.
        target: the size of the result.
        factor: by which the decoder shrinks; None for that of `jpeg_shrink`.
        is_soft: without sharpening, for a blur.

    Returns:
        None where libvips has to: enlarged, large, CMYK and damaged pictures, and other formats.

    Raises:
        MemoryError: there is not enough of it.
    """
    if not resampling.IS_AVAILABLE or source.is_damaged:
        return None
    whole = Box(0, 0, source.stored.width, source.stored.height)
    box = stored_box(region, source.stored, source.orientation) if region else whole
    if source.orientation in SIDEWAYS:
        target = Size(target.height, target.width)
    if target.width > box.width or target.height > box.height:
        return None
    if factor is None and source.format is Format.JPEG:
        factor = jpeg_shrink(Size(box.width, box.height), target)
    image = source.image(factor or 1)
    if image is None or image.mode not in resampling.MODES:
        return None
    small = resampling.resampled(image, box, factor or 1, target, is_soft=is_soft)
    turn = TURNS.get(source.orientation)
    return small if turn is None else small.transpose(turn)


def only_scales(work: Work, transform: Transform) -> bool:
    """Whether these operations are only to cut and scale, and to write a format of Pillow's."""
    return (
        transform.format in QUICK
        and not work.plan.pad
        and not looks_at_pixels(work)
        and all(
            getattr(transform, name) == default
            for name, default in _DEFAULTS.items()
            if name not in _DONE
        )
    )
