"""The call that an upload's job makes first: analysis, mezzanine and variants of one decode."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from imagesvc.errors import ImagesvcError, InvalidTransform
from imagesvc.imaging.analysis.pictures import SMALL_SIDE, analysis_of, analysis_of_image
from imagesvc.imaging.codecs import pillow, vips
from imagesvc.imaging.codecs.pillow_encoders import encode_jpeg
from imagesvc.imaging.codecs.shrinking import MAX_JPEG_SHRINK, jpeg_shrink
from imagesvc.imaging.codecs.sources import open_source
from imagesvc.imaging.codecs.vips import Picture, described, from_image
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.colour.conversion import is_plain_srgb, scaled, to_srgb
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.messages import (
    Analysed,
    AnalyseRequest,
    Files,
    Rendered,
    RenderRequest,
    Spill,
)
from imagesvc.imaging.mezzanine import SHARED_BYTES, mezzanine_format, mezzanine_size
from imagesvc.imaging.pipeline import direct
from imagesvc.imaging.pipeline.develop import resize
from imagesvc.imaging.pipeline.steps import Work
from imagesvc.imaging.render import finish, render, render_each, shown_if_damaged, sniffed
from imagesvc.imaging.transforms.geometry import plan
from imagesvc.model.formats import Format, Size
from imagesvc.model.images import Analysis, Original
from imagesvc.model.transforms import Transform

MEZZANINE_QUALITY = 90
LOSSLESS_EFFORT = 0
"""A sixth of the time of libvips' 4, for a tenth more bytes."""


def analyse(files: Files, request: AnalyseRequest) -> Analysed:
    """Analyse an original, reduce it when it is large, and make its first variants.

    Variants that its mezzanine serves are made from the mezzanine's bytes, just as later ones; the
    others share one decode of the original, with the same bytes as without sharing.

    Raises:
        CorruptImage: the original cannot be decoded.
        ImageTooLarge: memory ran out.
        InsufficientStorage: the disk is full.
    """

    def made(*, is_damaged: bool) -> Analysed:
        return _analysed(files, request, is_damaged=is_damaged)

    return shown_if_damaged(files.data, made)


def _analysed(files: Files, request: AnalyseRequest, *, is_damaged: bool) -> Analysed:
    original, transforms = request.original, request.transforms
    size = mezzanine_size(original)
    direct = [it for it in transforms if it not in request.reduced]
    with vips.translated():
        decoded = Decoded(files.data, original, size, direct, is_damaged=is_damaged)
        analysis, mezzanine = _of_decoded(decoded, mezzanine_format(original) if size else None)
    made = {it: _shared_outcome(files, request, it, decoded) for it in direct}
    if mezzanine and len(direct) < len(transforms):
        served = [it for it in transforms if it not in made]
        made |= _reduced_outcomes(files.spill, request, served, mezzanine)
    return Analysed(analysis, mezzanine, tuple(made[it] for it in transforms))


def _of_decoded(decoded: Decoded, kind: Format | None) -> tuple[Analysis, bytes | None]:
    """The analysis, and the mezzanine in a format unless there is none."""
    image = decoded.shown_image() if kind is None else None
    if image is not None:
        return analysis_of_image(image), None
    picture = to_srgb(decoded.reduced())
    if kind is None:
        return analysis_of(picture), None
    picture = picture.copy_memory()
    return analysis_of(picture), _encoded(picture, kind)


class Decoded:
    """An original for several products, decoded as rarely as possible.

    JPEG is decoded once for each shrink factor, and kept in memory if two products need the same
    one; the other formats are decoded once, and kept. WebP is not: its decoder scales to any size,
    and each product has its own. An original that takes too much memory is not kept either.
    """

    def __init__(
        self,
        data: Data,
        original: Original,
        size: Size | None,
        direct: Sequence[Transform],
        *,
        is_damaged: bool = False,
    ) -> None:
        self._data = data
        self._is_damaged = is_damaged
        self._kind = sniffed(data)
        self._original = original
        first = open_source(data, self._kind, is_damaged=is_damaged)
        self._looks = size is None
        self._size = size or _within(first.shown, SMALL_SIDE)
        self._factor = 1
        self._kept: Source | None = None
        self._held: dict[int, Image.Image | Picture] = {}
        if self._kind is Format.JPEG:
            self._hold(first, size, direct)
        elif pillow.decodes(data, self._kind):
            self._kept = first
        elif self._kind is not Format.WEBP and original.frames == 1 and direct:
            self._keep(first)

    def source(self) -> Source:
        """The original, opened for one product."""
        source = self._kept
        if source is None:
            source = open_source(self._data, self._kind, is_damaged=self._is_damaged)
        return replace(source, held=self._held) if self._held else source

    def shown_image(self) -> Image.Image | None:
        """The pixels of `reduced`, where Pillow has decoded them in the colours that are shown."""
        source = self.source()
        if not (self._is_shown(source) and is_plain_srgb(source.picture)):
            return None
        image, size = source.image(self._factor), source.shrunk(self._factor)
        if image is None or max(image.size) > vips.MAX_TAKEN_SIDE:
            return None
        return image.crop((0, 0, size.width, size.height))

    def reduced(self) -> Picture:
        """The picture as shown, in the size of the mezzanine, or in a cheap size without one."""
        source = self.source()
        if self._is_shown(source):
            return source.pixels(self._factor)
        if self._factor == 1:
            return resize(source, None, self._size)
        image = direct.scaled(source, None, self._size, self._factor)
        if image is not None:
            return described(from_image(image), source.picture, is_upright=True)
        picture = source.pixels(self._factor)
        return scaled(picture, self._size.width, self._size.height)

    def _is_shown(self, source: Source) -> bool:
        """Whether the output of the decoder is small enough, and the picture as shown."""
        is_upright = source.orientation == 1 and self._original.frames == 1
        is_cheap = self._factor > 1 or self._kept is not None or 1 in self._held
        return self._looks and is_upright and is_cheap

    def shares(self, transform: Transform) -> bool:
        """Whether a variant may be made from shared pixels: not with other frames, nor twice."""
        return self._original.frames == 1 and not transform.trim and not transform.frame

    def _hold(self, first: Source, size: Size | None, direct: Sequence[Transform]) -> None:
        """Decode what two products want shrunk by the same factor."""
        factors = [_factor(it, first.shown) for it in direct if self.shares(it)]
        largest = _largest_shrink(first.shown, size or self._size)
        self._factor = (
            min([largest, *factors]) if size else max([*factors, 1]) if factors else largest
        )
        factors.append(self._factor)
        for factor in {factor for factor in factors if factors.count(factor) > 1}:
            if _bytes(first.picture) <= SHARED_BYTES * factor**2:
                self._held[factor] = first.to_hold(factor)

    def _keep(self, first: Source) -> None:
        if _bytes(first.picture) <= SHARED_BYTES:
            self._kept = replace(first, picture=first.picture.copy_memory())


def _shared_outcome(
    files: Files, request: AnalyseRequest, transform: Transform, decoded: Decoded
) -> Rendered | ImagesvcError:
    """A variant of the original."""
    started = time.perf_counter()
    shown = request.original.width, request.original.height
    try:
        if not decoded.shares(transform):
            return render(files, transform, request.limits, request.watermarks)
        with vips.translated():
            work = Work(transform, plan(transform, *shown), request.watermarks)
            return finish(decoded.source(), work, files.spill, request.limits, started)
    except ImagesvcError as error:
        return error


def _reduced_outcomes(
    spill: Spill, request: AnalyseRequest, transforms: Sequence[Transform], mezzanine: bytes
) -> dict[Transform, Rendered | ImagesvcError]:
    """The variants that a mezzanine serves, made as they will be once it is stored."""
    shown = Size(request.original.width, request.original.height)
    again = RenderRequest(tuple(transforms), request.limits, request.watermarks, original=shown)
    return dict(zip(transforms, render_each(Files(mezzanine, spill), again), strict=True))


def _encoded(picture: Picture, kind: Format) -> bytes:
    if kind is Format.WEBP:
        return bytes(picture.webpsave_buffer(lossless=True, effort=LOSSLESS_EFFORT, keep="none"))
    if picture.hasalpha():  # the header declared otherwise
        picture = picture.flatten(background=255)
    return encode_jpeg(vips.to_image(picture), MEZZANINE_QUALITY, halves_chroma=True)


def _factor(transform: Transform, shown: Size) -> int:
    """By how much the decoder of a JPEG will shrink for a variant; a guess where it is cropped."""
    try:
        laid = plan(transform, shown.width, shown.height)
    except InvalidTransform:
        return 1
    region = Size(laid.region.width, laid.region.height) if laid.region else shown
    return jpeg_shrink(region, laid.scaled)


def _largest_shrink(shown: Size, size: Size) -> int:
    """The factor that leaves at least the size, without the margin for variants.

    A mezzanine keeps the sharpness that block shrinking adds: it is reduced by half at least before
    it is shown.
    """
    factor = min(shown.width // size.width, shown.height // size.height)
    return min(MAX_JPEG_SHRINK, 1 << (max(1, factor).bit_length() - 1))


def _within(shown: Size, side: int) -> Size:
    longest = max(side, shown.width, shown.height)
    return Size(*(max(1, length * side // longest) for length in (shown.width, shown.height)))


def _bytes(picture: Picture) -> int:
    return int(
        picture.width * picture.height * picture.bands * (2 if picture.format == "ushort" else 1)
    )
