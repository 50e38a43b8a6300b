"""Uploads: multipart with files, or the bytes as the body, streamed to disk; imports by URL."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.collections import check_may_fill
from imagesvc.api.images.imports import ImportIn, Imports
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
    NoFile,
    QuotaExceeded,
    SourceUnavailable,
    UnsupportedMediaType,
)
from imagesvc.http.bodies.html_forms import shown_by_browser
from imagesvc.http.bodies.json_bodies import JSON, check_encoding, check_media_type, media_type_of
from imagesvc.http.bodies.receiving import (
    StreamedBody,
    declared_length,
    heard_out,
)
from imagesvc.http.bodies.uploads import (
    FILE,
    FORM,
    FORM_OF_SEVERAL,
    NamedFile,
    Received,
    UploadReader,
    read_fields,
)
from imagesvc.http.bodies.whole_files import check_whole, explained
from imagesvc.http.idempotency import Attempt, Idempotency
from imagesvc.http.operations import Body, Operation
from imagesvc.http.problems import problem
from imagesvc.http.requests import (
    Id,
    Query,
    absolute_base_of,
    base_of,
    json_response,
    parsed_query,
    query_values,
)
from imagesvc.http.versions import versioned
from imagesvc.library.accept import Ingest, ReceiptFor, UploadFields
from imagesvc.model import Image, Visibility
from imagesvc.store.collections import CollectionStore
from imagesvc.store.files.incoming import ReceivedFile


class UploadQuery(Query):
    """What may be said about a file in the query; parts of a form say the same."""

    LISTS = frozenset({"tags"})

    filename: str | None = None
    title: str | None = None
    description: str | None = None
    tags: str | None = None
    """With commas between, or several times."""
    collection_id: Id | None = None
    visibility: Visibility | None = None
    share_location: bool | None = None
    """Whether others get the original with the place where it was taken."""


FORM_OVERHEAD = 128 << 10
"""Bytes that a form may have beside its files; their exact sum is checked when they are added."""


@dataclass(frozen=True, slots=True)
class UploadEndpoints:
    """The routes that take uploads; the fields are everything they may touch."""

    reader: UploadReader
    ingest: Ingest
    imports: Imports
    collections: CollectionStore
    idempotency: Idempotency
    presets: Mapping[str, str]
    default_visibility: Visibility

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        answers: dict[int, Body | None] = {201: ImageOut, 207: UploadResults, 303: None}
        errors = (
            NoFile, EmptyFile, Forbidden, FileTooLarge, UnsupportedMediaType, CorruptImage,
            ImageTooLarge, QuotaExceeded, Conflict, IdempotencyKeyReused,
        )  # fmt: skip
        return [
            Operation(
                name, "POST", path, self.upload, answers, "images",
                scope=Scope.UPLOAD, query=query, bodies=(body,), errors=errors,
            )
            # All of them take a form of any number of files, or one file as the body. The document
            # shows one of these at each path: generated clients cannot choose, and would send a
            # form as JSON, fields twice, or an array of files as text.
            for name, path, body, query in (
                ("upload_image", "/api/v1/images", FORM, None),
                ("upload_image_by_action", "/api/v1/images/actions/upload", FILE, UploadQuery),
                ("upload_image_by_delivery_path", "/images", FORM_OF_SEVERAL, None),
            )
        ] + [
            Operation(
                "import_image", "POST", "/api/v1/images/actions/import", self.import_one,
                {201: ImageOut}, "images", scope=Scope.UPLOAD, bodies=(ImportIn,),
                errors=(*errors, SourceUnavailable),
            )
        ]  # fmt: skip

    async def upload(self, request: Request) -> Response:
        """Take one file (201, the image) or several (207, an entry each).

        The body is a form, or is the file itself, with fields in the query.

        Raises:
            NoFile, EmptyFile, InvalidRequest: the body is not an upload.
            FileTooLarge: cut off at the limit; nothing is kept.
            UnsupportedMediaType, CorruptImage, ImageTooLarge: it is no image taken here.
            InsufficientStorage: the disk is full.
            QuotaExceeded: the owner may keep no more.
            IdempotencyKeyReused, RequestInProgress: the key was used before, or is in use.
            Forbidden: it is for a collection of someone else.
        """
        body = StreamedBody(request.receive)
        answer = await heard_out(request, body, self._taken(request, body))
        return shown_by_browser(request, answer)

    async def _taken(self, request: Request, body: StreamedBody) -> Response:
        with self.idempotency.attempt(request) as attempt:
            await self._check_room(request)
            check_whole(request)
            # What import_one takes, as older clients send it; httpie calls files so, too.
            if media_type_of(request) == JSON and not await body.looks_like_file():
                return await self._import(request, body, attempt)
            parsed_query(UploadQuery, request)
            named = query_values(request, UploadQuery)
            async with AsyncExitStack() as stack:
                received = await self.reader.read(request, body, stack)
                if not received.files:
                    raise NoFile("The request holds no file.")
                owner_id = principal_of(request).user_id
                fields = read_fields(received.fields_upon(named), self.default_visibility, owner_id)
                with contextlib.nullcontext() if received.is_form else explained(request, body):
                    return await self._accept(request, received, fields, attempt)

    async def import_one(self, request: Request) -> Response:
        """Fetch the image at a URL, and take it like an upload, where the settings allow that.

        Raises:
            Forbidden: the settings do not allow it (`allow_url_import`).
            SourceUnavailable: the URL gives no file.
            UnsupportedMediaType, CorruptImage, ImageTooLarge: the file is no image taken here.
        """
        check_media_type(request, JSON)
        body = StreamedBody(request.receive)
        return await heard_out(request, body, self._imported(request, body))

    async def _imported(self, request: Request, body: StreamedBody) -> Response:
        with self.idempotency.attempt(request) as attempt:
            check_encoding(request)
            await self._check_room(request)
            return await self._import(request, body, attempt)

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

    async def _accept(
        self,
        request: Request,
        received: Received,
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
        shown = self._shown(request, image)
        location = {"location": f"{absolute_base_of(request)}/api/v1/images/{image.id}"}
        return json_response(shown, 201, location | versioned(image.version))

    def _shown(self, request: Request, image: Image) -> ImageOut:
        principal = principal_of(request)
        return ImageOut.of(image, self.presets, principal, base=base_of(request))

    async def _entry(
        self,
        request: Request,
        file: NamedFile,
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
        return UploadEntry(status=201, image=self._shown(request, image))

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
