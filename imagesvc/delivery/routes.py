"""Images over HTTP: GET and HEAD of originals, variants and presets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl

from anyio import open_file
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from imagesvc.cache.flights import StoredFile
from imagesvc.cache.images import ImageCache
from imagesvc.cache.memory import Entry
from imagesvc.cache.variants import VariantCache
from imagesvc.delivery.conditional import (
    ByteRange,
    check_if_match,
    etag_matches,
    requested_range,
)
from imagesvc.delivery.headers import Headers, image_headers
from imagesvc.delivery.hot import RawHeaders, Url
from imagesvc.errors import InvalidTransform, NotFound
from imagesvc.imaging.transform import parse
from imagesvc.model import Image, ImageId, Transform, Visibility, parse_id
from imagesvc.store.blobs import BlobStore

CHUNK = 256 * 1024
MAX_PARAMETERS = 64

Pairs = list[tuple[str, str]]


class Remember(Protocol):
    """Takes an answer that may be given again from memory; `HotPath.remember`."""

    def __call__(self, url: Url, image_id: ImageId, entry: Entry, headers: RawHeaders) -> None:
        """Answer `url` with this entry from now on."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """The routes that send image bytes; the fields are everything they may touch."""

    images: ImageCache
    blobs: BlobStore
    variants: VariantCache
    presets: Mapping[str, Transform]
    remember: Remember

    def routes(self) -> list[Route]:
        """The routes this module serves; `app.py` concatenates them."""
        return [
            Route("/images/{image_id}", self.image, name="image"),
            Route("/images/{image_id}/{preset}", self.preset, name="preset"),
            Route("/blurred-images/{image_id}", self.blurred, name="blurred"),
        ]

    async def image(self, request: Request) -> Response:
        """The original, or with transform parameters a variant.

        Raises:
            NotFound: the id names no image.
            InvalidTransform: a parameter is unknown or out of range.
        """
        pairs, download = _parameters(request)
        image = await self.images.get(image_id_of(request))
        if not pairs:
            return await self._original(request, image, download=download)
        return await self._variant(request, image, parse(pairs, self.presets), download=download)

    async def preset(self, request: Request) -> Response:
        """A named transform; parameters beside it override the preset's.

        Raises:
            NotFound: the id names no image, or the name no preset.
        """
        name = request.path_params["preset"]
        if name not in self.presets:
            raise NotFound("There is no preset with this name.")
        pairs, download = _parameters(request)
        transform = parse([("preset", name), *pairs], self.presets)
        image = await self.images.get(image_id_of(request))
        return await self._variant(request, image, transform, download=download)

    async def blurred(self, request: Request) -> Response:
        """The preset `blurred`; `sigma` overrides its strength."""
        pairs, download = _parameters(request)
        if "blurred" not in self.presets:
            raise NotFound("There is no preset with the name blurred.")
        transform = _blurred(pairs, self.presets)
        image = await self.images.get(image_id_of(request))
        return await self._variant(request, image, transform, download=download)

    async def _original(self, request: Request, image: Image, *, download: bool) -> Response:
        digest = image.original.digest
        headers = image_headers(
            image_format=image.original.format,
            etag=f'"{digest}"',
            visibility=image.visibility,
            filename=image.filename,
            download=download,
        )
        if is_fresh(request, headers["etag"]):
            return _not_modified(headers)
        stop = image.bytes

        def stream(start: int, stop: int) -> AsyncIterator[bytes]:
            return self.blobs.stream(digest, start, stop)

        if await self.blobs.size(digest) is None:
            raise NotFound("The original is gone.")
        return _streamed(request, headers, stop, stream)

    async def _variant(
        self, request: Request, image: Image, transform: Transform, *, download: bool
    ) -> Response:
        key, concrete = self.variants.identify(image.original, transform)
        if concrete.format is None:
            raise NotFound("This image has no format to show.")
        headers = image_headers(
            image_format=concrete.format,
            etag=f'"{key[:32]}"',
            visibility=image.visibility,
            filename=image.filename,
            download=download,
        )
        if is_fresh(request, headers["etag"]):
            return _not_modified(headers)
        fetched = await self.variants.fetch(image.original, key, concrete)
        if isinstance(fetched, StoredFile):
            path = fetched.path
            return _streamed(
                request, headers, fetched.variant.bytes, lambda *span: _file_bytes(path, *span)
            )
        span = _span(request, headers["etag"], len(fetched.body))
        if span is not None:
            headers["content-range"] = f"bytes {span.start}-{span.stop - 1}/{len(fetched.body)}"
            return Response(fetched.body[span.start : span.stop], 206, headers)
        response = Response(fetched.body, headers=headers)
        if image.visibility is not Visibility.PRIVATE and self.images.holds(image):
            url = (request.scope["path"], request.scope["query_string"])
            self.remember(url, image.id, fetched, response.raw_headers)
        return response


def is_fresh(request: Request, etag: str) -> bool:
    """Whether the asker has this representation already.

    Raises:
        PreconditionFailed: an If-Match names another one.
    """
    check_if_match(_list_field(request, "if-match"), etag)
    field = _list_field(request, "if-none-match")
    return field is not None and etag_matches(field, etag)


def _list_field(request: Request, name: str) -> str | None:
    """A field whose lines are one list (RFC 9110, section 5.3); None when there is none."""
    lines = request.headers.getlist(name)
    return ", ".join(lines) if lines else None


def image_id_of(request: Request) -> ImageId:
    """The image that the path names."""
    return ImageId(parse_id(request.path_params["image_id"]))


def _parameters(request: Request) -> tuple[Pairs, bool]:
    """The transform parameters in order, and whether the answer is to be saved as a file."""
    try:
        pairs = parse_qsl(
            request.scope["query_string"].decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
            errors="strict",
        )
    except ValueError as error:
        raise InvalidTransform("The query is malformed or too long.") from error
    transform = [pair for pair in pairs if pair[0] != "download"]
    values = [value for key, value in pairs if key == "download"]
    if any(value not in {"0", "1"} for value in values):
        message = "must be 0 or 1"
        raise InvalidTransform(f"download {message}.", (("download", message),))
    return transform, "1" in values


def _blurred(pairs: Pairs, presets: Mapping[str, Transform]) -> Transform:
    """The preset `blurred`, where `sigma` is a word for `blur`; faults name the asker's word."""
    renamed = [("blur" if key == "sigma" else key, value) for key, value in pairs]
    try:
        return parse([("preset", "blurred"), *renamed], presets)
    except InvalidTransform as error:
        if renamed == pairs:
            raise
        faults = tuple(("sigma" if loc == "blur" else loc, msg) for loc, msg in error.fields)
        detail = "; ".join(f"{loc} {msg}" for loc, msg in faults[:3])
        raise InvalidTransform(f"{detail}.", faults) from None


def _span(request: Request, etag: str, size: int) -> ByteRange | None:
    """The range asked for; methods other than GET have none (RFC 9110, section 14.2)."""
    if request.method != "GET":
        return None
    fields = request.headers
    return requested_range(fields.get("range"), fields.get("if-range"), etag, size)


def _not_modified(headers: Headers) -> Response:
    kept = {name: value for name, value in headers.items() if name != "content-type"}
    return Response(status_code=304, headers=kept)


class _Stream(Protocol):
    def __call__(self, start: int, stop: int, /) -> AsyncIterator[bytes]: ...


def _streamed(request: Request, headers: Headers, size: int, stream: _Stream) -> Response:
    span = _span(request, headers["etag"], size)
    start, stop = (0, size) if span is None else (span.start, span.stop)
    headers = {**headers, "content-length": str(stop - start)}
    if span is not None:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
    status = 200 if span is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(stream(start, stop), status, headers)


async def _file_bytes(path: Path, start: int, stop: int) -> AsyncIterator[bytes]:
    async with await open_file(path, "rb") as file:
        await file.seek(start)
        while start < stop and (piece := await file.read(min(CHUNK, stop - start))):
            start += len(piece)
            yield piece
