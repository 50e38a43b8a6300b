"""What uploads bring: a form or one file, read as it comes, files to disk, fields to memory."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from imagesvc.errors import ImagesvcError, InvalidRequest, NotFound, Rejected
from imagesvc.http.bodies.fields import check_tags, check_text, max_bytes
from imagesvc.http.bodies.multipart import PartBegins, PartData, multipart_events
from imagesvc.http.bodies.receiving import StreamedBody, check_declared_length
from imagesvc.http.bodies.whole_files import MAX_DIGITS, PIECES, check_pieces
from imagesvc.http.operations import Raw
from imagesvc.http.requests import invalid
from imagesvc.library.accept import UploadFields
from imagesvc.model import CollectionId, UserId, Visibility, parse_id
from imagesvc.store.collections import no_collection
from imagesvc.store.files.incoming import Incoming, IncomingFile, ReceivedFile

UUID_PATTERN = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
BYTES = {"type": "string", "format": "binary"}
FIELDS_OF_FORM = {
    "title": {"type": "string", "default": ""},
    "description": {"type": "string", "default": ""},
    "tags": {
        "type": "string",
        "description": "With commas between, or in several parts.",
        "default": "",
    },
    "collection_id": {"type": "string", "pattern": f"^({UUID_PATTERN})?$", "default": ""},
    "visibility": {
        "type": "string",
        "enum": ["", *(item.value for item in Visibility)],
        "default": "",
    },
    "share_location": {"type": "string", "enum": ["", "true", "false"], "default": ""},
}


def _form(file: Mapping[str, Any]) -> Raw:
    properties = {"file": file, **FIELDS_OF_FORM}
    return Raw(
        ("multipart/form-data",),
        {"type": "object", "properties": properties, "required": ["file"]},
    )


FORM = _form({**BYTES, "description": "Several files are sent in parts of the same name."})
FORM_OF_SEVERAL = _form({"type": "array", "minItems": 1, "items": BYTES})
FILE = Raw(("image/*", "application/octet-stream"))
FIELDS = {"title", "description", "tags", "collection_id", "visibility", "share_location"}
SPELLINGS = {"tags[]": "tags"}
"""How some clients write the name of a list."""
DISCLOSING = ("visibility", "share_location")
"""Fields that must not be passed over when they are misspelt: others would see what none should."""
MISSPELT = 0.8
"""How alike a name must be to one of them, as `difflib` has it."""
MAX_FIELDS = 1_000
MAX_IGNORED_BYTES = 1 << 20

NamedFile = tuple[str, ReceivedFile | ImagesvcError]


@dataclass(slots=True)
class Received:
    """What a request brought: files in order, each whole or refused, and the fields."""

    files: list[NamedFile] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    file_parts: int = 0
    field_parts: int = 0
    ignored_bytes: int = 0
    """Of fields that mean nothing here."""
    is_form: bool = False

    def fields_upon(self, query: Mapping[str, str]) -> dict[str, str]:
        """The fields, with those of the query where the form has none; tags of both add up."""
        values = {**query, **self.fields}
        tags = [fields["tags"] for fields in (query, self.fields) if "tags" in fields]
        return {**values, "tags": ",".join(tags)} if tags else values

    def summary(self) -> Iterator[str]:
        """What tells this request from another one."""
        for name in sorted(self.fields):
            yield from (name, self.fields[name])
        for name, file in self.files:
            yield from (name, file.code if isinstance(file, ImagesvcError) else file.digest)


@dataclass(frozen=True, slots=True)
class UploadReader:
    """Reads what a request uploads, within limits."""

    incoming: Incoming
    max_files: int
    max_upload_size: int

    async def read(self, request: Request, body: StreamedBody, stack: AsyncExitStack) -> Received:
        """A form with files, or one file as the whole body; files go with `stack`.

        Raises:
            InvalidRequest: it is no form, or holds what none may.
            FileTooLarge: a file that goes on and on.
        """
        media_type, options = parse_options_header(request.headers.get("content-type", ""))
        if media_type == b"multipart/form-data":
            return await self._form(body, options.get(b"boundary", b""), stack)
        return await self._file(request, body, stack)

    async def _file(self, request: Request, body: StreamedBody, stack: AsyncExitStack) -> Received:
        check_declared_length(request, self.max_upload_size)
        file = await stack.enter_async_context(self.incoming.receive())
        async for piece in body.pieces():
            await file.write(piece)
        if file.size == 0 and not request.headers.get("content-type"):
            return Received()
        name = request.query_params.get("filename", "")
        return Received([(name, await file.finish())])

    async def _form(self, body: StreamedBody, boundary: bytes, stack: AsyncExitStack) -> Received:
        received = Received(is_form=True)
        part: _FilePart | _FieldPart | _IgnoredPart = _FieldPart("")
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
        self, event: PartBegins, received: Received, stack: AsyncExitStack
    ) -> _FilePart | _FieldPart | _IgnoredPart:
        if event.filename is None:
            return _begin_field(event.name, received)
        received.file_parts += 1  # those left empty, too: they cost as much
        if received.file_parts > self.max_files:
            raise InvalidRequest(f"A request may hold {self.max_files} files.")
        file = await stack.enter_async_context(self.incoming.receive())
        return _FilePart(event.filename, file, self.max_upload_size)


def _begin_field(name: str, received: Received) -> _FieldPart | _IgnoredPart:
    received.field_parts += 1
    if received.field_parts > MAX_FIELDS:
        raise InvalidRequest(f"A form may hold {MAX_FIELDS:,} fields.")
    name = SPELLINGS.get(name, name)
    if name in FIELDS:
        if name in received.fields and name != "tags":
            raise invalid(name, "is given twice")
        return _FieldPart(name)
    meant = difflib.get_close_matches(name[:40].casefold(), DISCLOSING, 1, MISSPELT)
    if meant:
        raise invalid(ascii(name[:40])[1:-1], f"is unknown; the field is {meant[0]}")
    return _IgnoredPart(received, name)


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
    share_location = values.get("share_location") or "false"
    if share_location not in {"true", "false"}:
        raise invalid("share_location", "must be true or false")
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
        share_location=share_location == "true",
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

    async def end(self, received: Received) -> None:
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

    async def end(self, received: Received) -> None:
        try:
            text = self.data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise invalid(self.name, "must be UTF-8") from error
        if self.name in received.fields:  # tags, which add up
            text = f"{received.fields[self.name]},{text}"
            if len(text) > max_bytes(self.name):
                raise invalid(self.name, f"may have {max_bytes(self.name):,} bytes")
        received.fields[self.name] = text


@dataclass(slots=True)
class _IgnoredPart:
    """A field of something else: a widget's own, a button, a token against forged requests."""

    received: Received
    name: str
    beginning: bytes = b""
    """Of its value, where that tells how many pieces a file has."""

    async def take(self, data: bytes) -> None:
        if self.name in PIECES:
            self.beginning = (self.beginning + data)[:MAX_DIGITS]
        self.received.ignored_bytes += len(data)
        if self.received.ignored_bytes > MAX_IGNORED_BYTES:
            raise InvalidRequest("The form holds too much beside its files.")

    async def end(self, _received: Received) -> None:
        if self.name in PIECES:
            check_pieces(self.name, self.beginning)
