"""Making variants: the call that workers run."""

from __future__ import annotations

import errno
import time
import zlib
from collections.abc import Callable, Mapping
from typing import TypeVar

from imagesvc.errors import (
    CorruptImage,
    ImagesvcError,
    ImageTooLarge,
    InsufficientStorage,
    UnsupportedMediaType,
)
from imagesvc.imaging.codecs import avif, vips, vips_source
from imagesvc.imaging.codecs.encode import encode
from imagesvc.imaging.codecs.sources import open_source
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.magic import HEAD_BYTES, sniff
from imagesvc.imaging.gif import reduce as gif
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.messages import Files, Rendered, RenderRequest, Spill
from imagesvc.imaging.mezzanine import projected
from imagesvc.imaging.pipeline import animation, blurred, direct
from imagesvc.imaging.pipeline.develop import develop
from imagesvc.imaging.pipeline.stages import Stages
from imagesvc.imaging.pipeline.steps import Work
from imagesvc.imaging.pipeline.trimming import trimmed_region
from imagesvc.imaging.transforms.effective import no_frame
from imagesvc.imaging.transforms.fitting import check_size
from imagesvc.imaging.transforms.geometry import Plan, plan
from imagesvc.model.formats import Format, Size
from imagesvc.model.transforms import Transform, Watermark

T = TypeVar("T")

MAX_RETURNED_BYTES = 4 << 20
"""Larger outputs cross the process border as a file."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def render_each(files: Files, request: RenderRequest) -> tuple[Rendered | ImagesvcError, ...]:
    """Make each variant of a request, in order; a failed one is its error and affects no other."""
    results: list[Rendered | ImagesvcError] = []
    for transform in request.transforms:
        try:
            made = _render_one(files, request, transform)
            results.append(made)
        except ImagesvcError as error:
            results.append(error)
    return tuple(results)


def _render_one(files: Files, request: RenderRequest, transform: Transform) -> Rendered:
    common = request.limits, request.watermarks
    if request.original is None:
        return render(files, transform, *common)
    return render_reduced(files, request.original, transform, *common)


def render(
    files: Files,
    transform: Transform,
    limits: Limits,
    watermarks: Mapping[str, Watermark] | None = None,
) -> Rendered:
    """Make one variant; of a picture with inner damage, the intact part.

    Args:
        files: the original, and where outputs of more than `MAX_RETURNED_BYTES` go.
        transform: an effective one, its format concrete.
        limits: bounds of the original, and of the pixels of the variant.
        watermarks: at least the one that the transform names.

    Raises:
        CorruptImage: the file cannot be decoded to its end.
        ImageTooLarge: the variant would exceed the limits, its format or the memory.
        InsufficientStorage: the disk is full.
        InvalidTransform: the file has no such frame, or nothing where `crop` is.
    """
    started = time.perf_counter()

    def made(*, is_damaged: bool) -> Rendered:
        return _rendered(files, transform, limits, watermarks or {}, started, is_damaged=is_damaged)

    return shown_if_damaged(files.data, made)


def shown_if_damaged(data: Data, work: Callable[..., T]) -> T:
    """The result of `work(is_damaged=False)`; if it fails and the format allows it, of `True`."""
    try:
        return work(is_damaged=False)
    except CorruptImage:
        if not _may_be_shown(data):
            raise
        return work(is_damaged=True)


def _may_be_shown(data: Data) -> bool:
    """Whether more of a refused picture may be shown; of a WebP its first frame."""
    kind = sniffed(data)
    if kind is Format.WEBP:
        return data.find(b"ANMF") >= 0
    return kind in vips.SHOWN_DAMAGED or (kind is Format.AVIF and avif.IS_READ)


def _rendered(
    files: Files,
    transform: Transform,
    limits: Limits,
    watermarks: Mapping[str, Watermark],
    started: float,
    *,
    is_damaged: bool,
) -> Rendered:
    with vips.translated():
        source = _opened(files.data, transform, is_damaged=is_damaged)
        trimmed = None
        if transform.trim:
            _check_size(source, transform, plan(transform, *_shown(source)), limits)
            again = _opened(files.data, transform, is_damaged=is_damaged)
            trimmed = trimmed_region(again, transform)
        work = Work(transform, plan(transform, *_shown(source), trimmed), watermarks)
        return finish(source, work, files.spill, limits, started)


def render_reduced(
    files: Files,
    original: Size,
    transform: Transform,
    limits: Limits,
    watermarks: Mapping[str, Watermark] | None = None,
) -> Rendered:
    """Make one variant of an original from its mezzanine, which `serves` it.

    Args:
        files: the mezzanine, and as `render`.
        original: the size of the original, as shown: what the transform speaks of.
        transform: an effective one, its format concrete.
        limits: of the pixels of the variant.
        watermarks: at least the one that the transform names.

    Raises:
        CorruptImage, ImageTooLarge, InsufficientStorage, InvalidTransform: as `render`.
    """
    started = time.perf_counter()
    with vips.translated():
        source = open_source(files.data, sniffed(files.data))
        laid = plan(transform, original.width, original.height)
        work = Work(transform, projected(source.shown, laid, original), watermarks or {})
        return finish(source, work, files.spill, limits, started)


def finish(source: Source, work: Work, spill: Spill, limits: Limits, started: float) -> Rendered:
    """Make the planned variant, from a source just opened or in memory.

    Args:
        source: with the frames that the variant shows.
        work: the transform, effective, and its plan.
        spill: where outputs of more than `MAX_RETURNED_BYTES` go.
        limits: of the pixels of the variant.
        started: when the work began, by `time.perf_counter`.

    Raises:
        pyvips.Error: the source cannot be decoded to its end.
        ImageTooLarge, InsufficientStorage: as `render`.
    """
    kind, output = work.transform.format, work.plan.output
    if kind is None:
        raise ValueError("an effective transform has a format")
    _check_size(source, work.transform, work.plan, limits)
    stages = Stages(started)
    data = (
        gif.reduced(source, work, stages)
        or direct.variant(source, work, stages)
        or blurred.variant(source, work, stages)
        or animation.variant(source, work, stages)
    )
    if data is None:
        data = encode(develop(source, work, stages), work.transform)
    spilled = spill_file(data, spill) if len(data) > MAX_RETURNED_BYTES else None
    return Rendered(
        data=data if spilled is None else None,
        spilled=spilled,
        format=kind,
        width=output.width,
        height=output.height,
        frames=source.frames,
        bytes=len(data),
        crc32=zlib.crc32(data),
        seconds=stages.finish("encode"),
    )


def _opened(data: Data, transform: Transform, *, is_damaged: bool) -> Source:
    """The file with the frames that the variant shows."""
    kind, frame = sniffed(data), transform.frame
    moves = transform.format in vips_source.ANIMATED and frame is None
    source = open_source(data, kind, all_frames=moves, is_damaged=is_damaged)
    if not frame:
        return source
    if frame >= source.pages:
        raise no_frame(frame, source.pages)
    return open_source(data, kind, page=frame, is_damaged=is_damaged)


def _shown(source: Source) -> tuple[int, int]:
    return source.shown.width, source.shown.height


def _check_size(source: Source, transform: Transform, laid: Plan, limits: Limits) -> None:
    check_size(transform, laid, source.shown, source.frames, limits, read=source.stored)


def sniffed(data: Data) -> Format:
    """The format that a file claims to be.

    Raises:
        UnsupportedMediaType: of none taken here.
    """
    kind = sniff(data[:HEAD_BYTES])
    if kind is None:
        raise UnsupportedMediaType("The file is not an image of an accepted format.")
    return kind


def spill_file(data: bytes, spill: Spill) -> int:
    """Write a large output to a file of the server; its number."""
    try:
        return spill(data)
    except OSError as error:
        if error.errno in _FULL:
            raise InsufficientStorage("The disk is full.") from error
        if error.errno == errno.EFBIG:
            raise ImageTooLarge(f"The variant has {len(data):,} bytes, too many.") from error
        raise
