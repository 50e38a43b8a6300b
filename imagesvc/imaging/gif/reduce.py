"""GIFs made of GIFs: no larger than their originals, in pixels or in bytes."""

from __future__ import annotations

from dataclasses import replace

from imagesvc.imaging.codecs.sources import open_source
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.containers import gif as container
from imagesvc.imaging.gif.coverage import has_gaps
from imagesvc.imaging.gif.encode import FEW_DEPTHS, encode_within
from imagesvc.imaging.location import gif as location
from imagesvc.imaging.location.unclear import UnclearError
from imagesvc.imaging.messages import Withheld
from imagesvc.imaging.pipeline.develop import develop
from imagesvc.imaging.pipeline.stages import Stages
from imagesvc.imaging.pipeline.steps import Work
from imagesvc.model.formats import Format
from imagesvc.model.transforms import Transform

_GEOMETRY = ("w", "h", "fit", "gravity", "dpr", "enlarge", "crop", "trim", "exact")
"""Keys that change only the size, which is in the plan."""


def reduced(source: Source, work: Work, stages: Stages) -> bytes | None:
    """A GIF of at most the size of its original, which is a GIF, too.

    To take no more bytes, it gets fewer colours, and finally unsmoothed edges: with single pixels
    of the original it compresses as well as the original.

    Returns:
        None where the variant is something else. With a blur, a turn or a watermark, or of frames
        that have hardly any pixels, the variant may have more bytes; then it is the smallest that
        was tried.

    Raises:
        pyvips.Error: the original cannot be decoded to its end.
    """
    output, shown = work.plan.output, source.shown
    is_gif = source.format is Format.GIF and work.transform.format is Format.GIF
    if not is_gif or output.width > shown.width or output.height > shown.height:
        return None
    if _is_unchanged(source, work):
        copy = _copied(source)
        if copy is not None:
            return copy
    bound = len(source.data)
    smooth = encode_within(develop(source, work, stages), bound)
    if len(smooth.data) <= bound or not smooth.may_fit(bound):
        return smooth.data
    again = open_source(
        source.data,
        source.format,
        all_frames=source.frames > 1,
        page=source.page,
        is_damaged=source.is_damaged,
    )
    sharp = develop(again, replace(work, keeps_colours=True), stages)
    return min(smooth.data, encode_within(sharp, bound, FEW_DEPTHS).data, key=len)


def _is_unchanged(source: Source, work: Work) -> bool:
    plain = Transform(**{key: getattr(work.transform, key) for key in _GEOMETRY}, format=Format.GIF)
    return (
        work.transform == plain
        and work.plan.output == work.plan.scaled == source.shown
        and work.plan.region is None
        and source.frames == source.pages
        and not source.is_damaged
    )


def _copied(source: Source) -> bytes | None:
    """The original without texts and metadata, after a check that it can be decoded.

    None if decoders show it differently.
    """
    is_clear = container.is_within_screen(source.data, source.frames)
    if not is_clear or has_gaps(source.data, source.stored):
        return None
    source.picture.avg()
    try:
        return b"".join(location.pieces(source.data, Withheld.METADATA))
    except UnclearError:
        return None
