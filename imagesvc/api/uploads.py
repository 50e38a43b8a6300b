"""Uploads: multipart with files, the bytes as the body, or a URL in JSON; streamed to disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from python_multipart.multipart import parse_options_header
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.collections import check_may_fill
from imagesvc.api.fields import check_tags, check_text, max_bytes
from imagesvc.api.http import Id, Query, invalid, json_response, origin_of, parsed_query
from imagesvc.api.idempotency import Attempt, Idempotency
from imagesvc.api.imports import ImportIn, Imports, is_import
from imagesvc.api.multipart import PartBegins, PartData, multipart_events
from imagesvc.api.problems import problem
from imagesvc.api.receiving import (
    StreamedBody,
    check_declared_length,
    declared_length,
    heard_out,
)
from imagesvc.api.schemas import ImageOut, UploadEntry, UploadResults
from imagesvc.auth.authenticator import principal_of
from imagesvc.auth.principals import Scope
from imagesvc.errors import (
    Conflict,
    CorruptImage,
    EmptyFile,
    FileTooLarge,
    Forbidden,
    IdempotencyKeyReused,
    ImagesvcError,
    ImageTooLarge,
    InsufficientStorage,
    InvalidRequest,
    NoFile,
    NotFound,
    QuotaExceeded,
    Rejected,
    SourceUnavailable,
    UnsupportedMediaType,
)
from imagesvc.jobs.ingest import Ingest, ReceiptFor, UploadFields
from imagesvc.model import CollectionId, Image, UserId, Visibility, parse_id
from imagesvc.operations import Body, Operation, Raw
from imagesvc.store.collections import CollectionStore, no_collection
from imagesvc.store.incoming import Incoming, IncomingFile, ReceivedFile


class UploadQuery(Query):
    """What may be said about a file in the query; parts of a form say the same."""

    filename: str | None = None
    title: str | None = None
    description: str | None = None
    tags: str | None = None
    """With commas between."""
    collection_id: Id | None = None
    visibility: Visibility | None = None


FORM = Raw(
    ("multipart/form-data",),
    {
        "type": "object",
        "properties": {
            "file": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "format": "binary"},
            },
            "title": {"type": "string"},
            "description": {"type": "string"},
            "tags": {"type": "string", "description": "With commas between."},
            "collection_id": {"type": "string", "anyOf": [{"format": "uuid"}, {"const": ""}]},
            "visibility": {"type": "string", "enum": ["", *(item.value for item in Visibility)]},
        },
        "required": ["file"],
        "additionalProperties": False,
    },
)
FILE = Raw(("image/*", "application/octet-stream"))
FIELDS = {"title", "description", "tags", "collection_id", "visibility"}
FORM_OVERHEAD = 128 << 10
"""Bytes that a form may have beside its files; their exact sum is checked when they are added."""


_NamedFile = tuple[str, ReceivedFile | ImagesvcError]


@dataclass(slots=True)
class _Received:
    """What a request brought: files in order, each whole or refused, and the fields."""

    files: list[_NamedFile] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    file_parts: int = 0

    def summary(self) -> Iterator[str]:
        """What tells this request from another one."""
        for name in sorted(self.fields):
            yield from (name, self.fields[name])
        for name, file in self.files:
            yield from (name, file.code if isinstance(file, ImagesvcError) else file.digest)


@dataclass(frozen=True, slots=True)
class UploadEndpoints:
    """The routes that take uploads; the fields are everything they may touch."""

    incoming: Incoming
    ingest: Ingest
    imports: Imports
    collections: CollectionStore
    idempotency: Idempotency
    presets: frozenset[str]
    max_files: int
    max_upload_size: int
    default_visibility: Visibility

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        answers: dict[int, Body | None] = {201: ImageOut, 207: UploadResults}
        errors = (
            NoFile, EmptyFile, Forbidden, FileTooLarge, UnsupportedMediaType, CorruptImage,
            ImageTooLarge, SourceUnavailable, QuotaExceeded, InsufficientStorage, Conflict,
            IdempotencyKeyReused,
        )  # fmt: skip
        return [
            Operation(
                name, "POST", path, self.upload, answers, "images",
                scope=Scope.UPLOAD, query=UploadQuery, bodies=(FORM, FILE, ImportIn), errors=errors,
            )
            for name, path in (
                ("upload_image", "/api/v1/images"),
                ("upload_image_by_action", "/api/v1/images/actions/upload"),
                ("upload_image_by_delivery_path", "/images"),
            )
        ]  # fmt: skip

    async def upload(self, request: Request) -> Response:
        """Take one file, or where one is (201, the image), or several (207, an entry each).

        Raises:
            NoFile, EmptyFile, InvalidRequest: the body is not an upload.
            FileTooLarge: cut off at the limit; nothing is kept.
            UnsupportedMediaType, CorruptImage, ImageTooLarge: it is no image taken here.
            InsufficientStorage: the disk is full.
            QuotaExceeded: the owner may keep no more.
            IdempotencyKeyReused, RequestInProgress: the key was used before, or is in use.
            Forbidden, SourceUnavailable: it is at a URL, and cannot be fetched.
        """
        body = StreamedBody(request.receive)
        return await heard_out(request, body, self._taken(request, body))

    async def _taken(self, request: Request, body: StreamedBody) -> Response:
        with self.idempotency.attempt(request) as attempt:
            await self._check_room(request)
            if is_import(request):
                return await self._import(request, body, attempt)
            parsed_query(UploadQuery, request)
            async with AsyncExitStack() as stack:
                received = await self._receive(request, body, stack)
                if not received.files:
                    raise NoFile("The request holds no file.")
                values = {**request.query_params, **received.fields}
                owner_id = principal_of(request).user_id
                fields = read_fields(values, self.default_visibility, owner_id)
                return await self._accept(request, received, fields, attempt)

    async def _check_room(self, request: Request) -> None:
        """Refuse what the owner may not keep before it is sent.

        Raises:
            QuotaExceeded: the declared length, without what a form has around files, is too much.
        """
        size = declared_length(request)
        if request.headers.get("content-type", "").startswith("multipart/"):
            size = max(0, size - FORM_OVERHEAD)
        await self.ingest.check_room(principal_of(request).user_id, size)

    async def _import(
        self, request: Request, body: StreamedBody, attempt: Attempt | None
    ) -> Response:
        wanted = await self.imports.wanted(request, body.pieces())
        if attempt is not None:
            attempt = attempt.asking_for(wanted.model_dump_json())
            first = await attempt.replayed()
            if first is not None:
                return first
        given = UploadFields(
            visibility=self.default_visibility, owner_id=principal_of(request).user_id
        )
        fields = wanted.upon(given)
        await self._check_collection(request, fields)
        image = await self.imports.accept(wanted.url, fields, self._receipt_for(request, attempt))
        return self._created(request, image)

    async def _check_collection(self, request: Request, fields: UploadFields) -> None:
        if fields.collection_id is not None:
            await check_may_fill(self.collections, fields.collection_id, principal_of(request))

    def _receipt_for(self, request: Request, attempt: Attempt | None) -> ReceiptFor | None:
        if attempt is None:
            return None
        return lambda image: attempt.receipt(self._created(request, image))

    async def _receive(
        self, request: Request, body: StreamedBody, stack: AsyncExitStack
    ) -> _Received:
        media_type, options = parse_options_header(request.headers.get("content-type", ""))
        if media_type == b"multipart/form-data":
            return await self._multipart(body, options.get(b"boundary", b""), stack)
        return await self._raw(request, body, stack)

    async def _raw(self, request: Request, body: StreamedBody, stack: AsyncExitStack) -> _Received:
        check_declared_length(request, self.max_upload_size)
        file = await stack.enter_async_context(self.incoming.receive())
        async for piece in body.pieces():
            await file.write(piece)
        if file.size == 0 and not request.headers.get("content-type"):
            return _Received()
        name = request.query_params.get("filename", "")
        return _Received([(name, await file.finish())])

    async def _multipart(
        self, body: StreamedBody, boundary: bytes, stack: AsyncExitStack
    ) -> _Received:
        received = _Received()
        part: _FilePart | _FieldPart = _FieldPart("")
        async with contextlib.aclosing(multipart_events(body.pieces(), boundary)) as events:
            async for event in events:
                if isinstance(event, PartBegins):
                    part = await self._begin(event, received, stack)
                elif isinstance(event, PartData):
                    await part.take(event.data)
                else:
                    await part.end(received)
        return received

    async def _begin(
        self, event: PartBegins, received: _Received, stack: AsyncExitStack
    ) -> _FilePart | _FieldPart:
        if event.filename is None:
            if event.name not in FIELDS:
                known = ", ".join(sorted(FIELDS))
                raise invalid(ascii(event.name[:40])[1:-1], f"is unknown; fields are {known}")
            if event.name in received.fields:
                raise invalid(event.name, "is given twice")
            return _FieldPart(event.name)
        received.file_parts += 1  # those left empty, too: they cost as much
        if received.file_parts > self.max_files:
            raise InvalidRequest(f"A request may hold {self.max_files} files.")
        file = await stack.enter_async_context(self.incoming.receive())
        return _FilePart(event.filename, file, self.max_upload_size)

    async def _accept(
        self,
        request: Request,
        received: _Received,
        fields: UploadFields,
        attempt: Attempt | None,
    ) -> Response:
        if attempt is not None:
            attempt = attempt.asking_for(*received.summary())
            first = await attempt.replayed()
            if first is not None:
                return first
        await self._check_collection(request, fields)
        if len(received.files) == 1:
            receipt_for = self._receipt_for(request, attempt)
            image = await self._accept_one(*received.files[0], fields, receipt_for)
            return self._created(request, image)
        entries = [
            await self._entry(request, file, fields, attempt and attempt.part(position))
            for position, file in enumerate(received.files)
        ]
        answer = json_response(UploadResults(data=entries), 207)
        if attempt is not None and all(entry.status < 429 for entry in entries):  # noqa: PLR2004
            await attempt.keep(answer)  # the others may pass when tried again
        return answer

    def _created(self, request: Request, image: Image) -> Response:
        location = {"location": f"{origin_of(request)}/api/v1/images/{image.id}"}
        return json_response(ImageOut.of(image, self.presets, principal_of(request)), 201, location)

    async def _entry(
        self,
        request: Request,
        file: _NamedFile,
        fields: UploadFields,
        attempt: Attempt | None,
    ) -> UploadEntry:
        """What came of one file of several; what a crash cut off before is not done twice."""
        if attempt is not None and (first := await attempt.first_answer()) is not None:
            return UploadEntry(status=201, image=ImageOut.model_validate_json(first.body))
        try:
            image = await self._accept_one(*file, fields, self._receipt_for(request, attempt))
        except ImagesvcError as error:
            return UploadEntry(status=error.status, problem=problem(error))
        return UploadEntry(
            status=201, image=ImageOut.of(image, self.presets, principal_of(request))
        )

    async def _accept_one(
        self,
        name: str,
        file: ReceivedFile | ImagesvcError,
        fields: UploadFields,
        receipt_for: ReceiptFor | None,
    ) -> Image:
        if isinstance(file, ImagesvcError):
            raise file
        return await self.ingest.accept(file, replace(fields, filename=name), receipt_for)


def read_fields(
    values: Mapping[str, str], default: Visibility, owner_id: UserId | None
) -> UploadFields:
    """What an uploader says about files, in a form or a query.

    Raises:
        InvalidRequest: naming the field that breaks its rules.
    """
    for name in FIELDS & values.keys():
        try:
            check_text(name, values[name])
        except ValueError as error:
            raise invalid(name, str(error)) from error
    visibility = values.get("visibility") or default
    if visibility not in set(Visibility):
        raise invalid("visibility", f"must be one of {', '.join(Visibility)}")
    tags = tuple(tag.strip() for tag in values.get("tags", "").split(",") if tag.strip())
    try:
        check_tags(tags)
    except ValueError as error:
        raise invalid("tags", str(error)) from error
    return UploadFields(
        title=values.get("title", ""),
        description=values.get("description", ""),
        tags=tags,
        visibility=Visibility(visibility),
        collection_id=_collection_id(values.get("collection_id")),
        owner_id=owner_id,
    )


def _collection_id(text: str | None) -> CollectionId | None:
    try:
        return CollectionId(parse_id(text)) if text else None
    except NotFound as error:
        raise no_collection() from error


@dataclass(slots=True)
class _FilePart:
    """A file on its way in; too large a one is passed over, so that others may follow."""

    filename: str
    file: IncomingFile
    max_excess: int
    error: ImagesvcError | None = None
    excess: int = 0

    async def take(self, data: bytes) -> None:
        if self.error is None:
            try:
                await self.file.write(data)
            except Rejected as error:
                self.error = error
            return
        self.excess += len(data)
        if self.excess > self.max_excess:
            raise self.error  # nobody means this well

    async def end(self, received: _Received) -> None:
        if self.error is None and self.file.size == 0 and not self.filename:
            return  # a form's file input left empty
        try:
            if self.error is not None:
                raise self.error
            received.files.append((self.filename, await self.file.finish()))
        except Rejected as error:
            received.files.append((self.filename, error))


@dataclass(slots=True)
class _FieldPart:
    """A plain field on its way in."""

    name: str
    data: bytes = b""

    async def take(self, data: bytes) -> None:
        self.data += data
        if len(self.data) > max_bytes(self.name):
            raise invalid(self.name, f"may have {max_bytes(self.name):,} bytes")

    async def end(self, received: _Received) -> None:
        try:
            received.fields[self.name] = self.data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise invalid(self.name, "must be UTF-8") from error
