"""Uploads: multipart with files, or the bytes as the body, streamed to disk; imports by URL."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial

from starlette.responses import Response

from imagesvc.api.collections import check_may_fill
from imagesvc.api.images.imports import ImportIn, Imports
from imagesvc.api.schemas import ImageOut, UploadEntry, UploadResults
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
from imagesvc.http.bodies.content_type import JSON, MULTIPART, ContentType
from imagesvc.http.bodies.declared import Content
from imagesvc.http.bodies.fields import TextFields
from imagesvc.http.bodies.html_forms import shown_by_browser
from imagesvc.http.bodies.json_bodies import Json, gathered
from imagesvc.http.bodies.receiving import StreamedBody, declared_length
from imagesvc.http.bodies.uploads import (
    FILE,
    FORM,
    FORM_OF_SEVERAL,
    NamedFile,
    Received,
    UploadReader,
)
from imagesvc.http.bodies.whole_files import check_whole, explained
from imagesvc.http.calls import Call, Context
from imagesvc.http.idempotency import Attempt, done_once
from imagesvc.http.models import Query
from imagesvc.http.operations import EDIT_VERSION, LOCATION, Answer, operation, with_subject
from imagesvc.http.problems import problem
from imagesvc.http.requests import json_response, only_known, parsed_json
from imagesvc.http.versions import versioned
from imagesvc.library.accept import Acceptor, RecordFor, UploadFields
from imagesvc.model.images import Image, Visibility
from imagesvc.outbound.source import Source
from imagesvc.store.collections import CollectionStore
from imagesvc.store.files.incoming import ReceivedFile


class _FileQuery(Query):
    filename: str | None = None


class UploadQuery(TextFields, _FileQuery):
    """The metadata of a file in the query, which parts of a form may also have."""


CREATED = Answer(ImageOut, {**LOCATION, **EDIT_VERSION})
ANSWERS: Mapping[int, Answer | Content | None] = {
    201: CREATED,
    207: UploadResults,
    303: Answer(None, {"Location": "The redirect of a browser that sent a form and prefers HTML."}),
}
ERRORS = (
    NoFile, EmptyFile, Forbidden, FileTooLarge, UnsupportedMediaType, CorruptImage,
    ImageTooLarge, QuotaExceeded, Conflict, IdempotencyKeyReused,
)  # fmt: skip
FORM_OVERHEAD = 128 << 10
"""Bytes that a form may have beside its files; their exact sum is checked when they are added."""


@dataclass(frozen=True, slots=True)
class UploadEndpoints:
    """The routes that take uploads; the fields are their dependencies."""

    reader: UploadReader
    acceptor: Acceptor
    imports: Imports
    collections: CollectionStore
    presets: Mapping[str, str]
    default_visibility: Visibility

    # All paths take a form of any number of files, or one file as the body. The document shows one
    # of these at each path: generated clients cannot choose, and would send a form as JSON, fields
    # twice, or an array of files as text.
    @operation(
        "upload_image",
        "POST",
        "/api/v1/images",
        tag="images",
        scope=Scope.UPLOAD,
        query=UploadQuery,
        is_query_documented=False,
        body=FORM,
        answers=ANSWERS,
        errors=ERRORS,
        is_idempotent=True,
    )
    @operation(
        "upload_image_by_action",
        "POST",
        "/api/v1/images/actions/upload",
        tag="images",
        scope=Scope.UPLOAD,
        query=UploadQuery,
        body=FILE,
        answers=ANSWERS,
        errors=ERRORS,
        is_idempotent=True,
    )
    @operation(
        "upload_image_by_delivery_path", "POST", "/images", tag="images", scope=Scope.UPLOAD,
        query=UploadQuery, is_query_documented=False, body=FORM_OF_SEVERAL,
        answers=ANSWERS, errors=ERRORS, is_idempotent=True,
    )  # fmt: skip
    async def upload(self, call: Call[UploadQuery, StreamedBody]) -> Response:
        """Accept one file (201, the image) or several (207, an entry for each).

        The body is a form, or the file itself, with fields in the query.

        Raises:
            NoFile, EmptyFile, InvalidRequest: the body is not an upload.
            FileTooLarge: cut off at the limit; nothing is kept.
            UnsupportedMediaType, CorruptImage, ImageTooLarge: it is not an accepted image.
            InsufficientStorage: the disk is full.
            QuotaExceeded: the owner may keep no more.
            IdempotencyKeyReused, RequestInProgress: the key was used before, or is in use.
            Forbidden: it is for a collection of another user.
        """
        await self._check_room(call)
        check_whole(call.request)
        # Older clients send the body of import_one; httpie also declares files as JSON.
        is_json = ContentType.of(call.request).media_type == JSON
        if is_json and not await call.body.looks_like_file():
            return await self._import_of_older_clients(call)
        async with AsyncExitStack() as stack:
            received = await self.reader.read(call.request, call.body, stack)
            if not received.files:
                raise NoFile("The request holds no file.")
            given = call.query.with_parts(received.fields)
            fields = given.upload_fields(self.default_visibility, call.requester.user_id)
            with nullcontext() if received.is_form else explained(call.request, call.body):
                answer = await done_once(
                    call.attempt,
                    received.summary(),
                    partial(self._accept, call, received, fields),
                )
        return shown_by_browser(call.request, answer)

    async def _import_of_older_clients(self, call: Call[UploadQuery, StreamedBody]) -> Response:
        """The response to the body of `import_image`, sent to the path of uploads."""
        self.imports.permitted()
        only_known(call.request, set())
        wanted = parsed_json(ImportIn, await gathered(call.body.pieces()))
        return await self._import_once(call, wanted, call.attempt)

    async def _source(self, context: Context) -> Source:
        await self._check_room(context)
        return self.imports.permitted()

    @operation(
        "import_image", "POST", "/api/v1/images/actions/import", tag="images",
        scope=Scope.UPLOAD, body=Json(ImportIn), answers={201: CREATED},
        errors=(*ERRORS, SourceUnavailable), is_idempotent=True,
    )  # fmt: skip
    @with_subject(_source)
    async def import_one(self, call: Call[None, ImportIn], _source: Source) -> Response:
        """Fetch the image at a URL, and accept it like an upload, if the settings allow it.

        Raises:
            Forbidden: the settings do not allow it (`allow_url_import`).
            SourceUnavailable: the URL returns no file.
            UnsupportedMediaType, CorruptImage, ImageTooLarge: the file is not an accepted image.
        """
        return await self._import_once(call, call.body, call.attempt)

    async def _check_room(self, context: Context) -> None:
        """Refuse a file that exceeds the quota before it is sent.

        Raises:
            QuotaExceeded: the declared length, without the other parts of a form, exceeds the
                quota.
        """
        size = declared_length(context.request)
        if ContentType.of(context.request).media_type == MULTIPART:
            size = max(0, size - FORM_OVERHEAD)
        await self.acceptor.check_room(context.requester.user_id, size)

    async def _import_once(
        self, context: Context, wanted: ImportIn, attempt: Attempt | None
    ) -> Response:
        parts = [wanted.model_dump_json()]
        return await done_once(attempt, parts, partial(self._import, context, wanted))

    async def _import(
        self, context: Context, wanted: ImportIn, attempt: Attempt | None
    ) -> Response:
        fields = wanted.upload_fields(self.default_visibility, context.requester.user_id)
        await self._check_collection(context, fields)
        image = await self.imports.accept(wanted.url, fields, self._record_for(context, attempt))
        return self._created(context, image)

    async def _check_collection(self, context: Context, fields: UploadFields) -> None:
        if fields.collection_id is not None:
            await check_may_fill(self.collections, fields.collection_id, context.requester)

    def _record_for(self, context: Context, attempt: Attempt | None) -> RecordFor | None:
        if attempt is None:
            return None
        return lambda image: attempt.record(self._created(context, image))

    async def _accept(
        self,
        context: Context,
        received: Received,
        fields: UploadFields,
        attempt: Attempt | None,
    ) -> Response:
        await self._check_collection(context, fields)
        if len(received.files) == 1:
            record_for = self._record_for(context, attempt)
            image = await self._accept_one(*received.files[0], fields, record_for)
            return self._created(context, image)
        entries = [
            await self._entry(context, file, fields, attempt and attempt.part(position))
            for position, file in enumerate(received.files)
        ]
        answer = json_response(UploadResults(data=entries), 207)
        if attempt is not None and all(entry.status < 429 for entry in entries):  # noqa: PLR2004
            await attempt.keep(answer)  # the other errors may be temporary
        return answer

    def _created(self, context: Context, image: Image) -> Response:
        shown = self._shown(context, image)
        location = {"location": f"{context.absolute_base}/api/v1/images/{image.id}"}
        return json_response(shown, 201, location | versioned(image.version))

    def _shown(self, context: Context, image: Image) -> ImageOut:
        return ImageOut.of(image, self.presets, context.requester, base=context.base)

    async def _entry(
        self,
        context: Context,
        file: NamedFile,
        fields: UploadFields,
        attempt: Attempt | None,
    ) -> UploadEntry:
        """The result for one file of several; work completed before a crash is not repeated."""
        if attempt is not None and (first := await attempt.first_answer()) is not None:
            return UploadEntry(status=201, image=ImageOut.model_validate_json(first.body))
        try:
            image = await self._accept_one(*file, fields, self._record_for(context, attempt))
        except ImagesvcError as error:
            return UploadEntry(status=error.status, problem=problem(error))
        return UploadEntry(status=201, image=self._shown(context, image))

    async def _accept_one(
        self,
        name: str,
        file: ReceivedFile | ImagesvcError,
        fields: UploadFields,
        record_for: RecordFor | None,
    ) -> Image:
        if isinstance(file, ImagesvcError):
            raise file
        return await self.acceptor.accept(file, replace(fields, filename=name), record_for)
