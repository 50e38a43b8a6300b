"""Uploads as a form or one file, read as a stream: files go to disk, fields to memory."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from imagesvc.errors import ImagesvcError, InvalidRequest, Rejected
from imagesvc.http.bodies.content_type import MULTIPART, ContentType
from imagesvc.http.bodies.declared import BYTES, Raw
from imagesvc.http.bodies.fields import FIELD_NAMES, TextFields, max_bytes
from imagesvc.http.bodies.multipart import PartBegins, PartData, multipart_events
from imagesvc.http.bodies.receiving import Streamed, StreamedBody, check_declared_length
from imagesvc.http.bodies.whole_files import MAX_DIGITS, PIECES, check_pieces
from imagesvc.http.requests import invalid
from imagesvc.store.files.incoming import Incoming, IncomingFile, ReceivedFile

UUID_PATTERN = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
PART_TEXTS = {"tags": "With commas between, or in several parts."}
"""Descriptions of parts that differ from those of the fields."""


def _parts() -> dict[str, Any]:
    """The schemas of the fields as parts of a form: text, which may be empty."""
    whole = TextFields.model_json_schema()
    return {name: _part(name, field, whole["$defs"]) for name, field in whole["properties"].items()}


def _part(name: str, field: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    first = field.get("anyOf", [field])[0]
    kind = definitions.get(first.get("$ref", "").removeprefix("#/$defs/"), first)
    part: dict[str, Any] = {"type": "string"}
    text = PART_TEXTS.get(name, field.get("description"))
    if text is not None:
        part["description"] = text
    if kind["type"] == "boolean":
        part["enum"] = ["", "true", "false"]
    elif "enum" in kind:
        part["enum"] = ["", *kind["enum"]]
    elif kind.get("format") == "uuid":
        part["pattern"] = f"^({UUID_PATTERN})?$"
    return {**part, "default": ""}


def _form(file: Mapping[str, Any]) -> Streamed:
    properties = {"file": file, **_parts()}
    schema = {"type": "object", "properties": properties, "required": ["file"]}
    return Streamed(Raw((MULTIPART,), schema))


FORM = _form({**BYTES, "description": "Several files are sent in parts of the same name."})
FORM_OF_SEVERAL = _form({"type": "array", "minItems": 1, "items": BYTES})
FILE = Streamed(Raw(("image/*", "application/octet-stream")))
SPELLINGS = {"tags[]": "tags"}
"""The names of lists as some clients write them."""
DISCLOSING = ("visibility", "share_location", "expires_at", "expires_in")
"""Fields whose misspelt names are errors: ignoring them could show private data to other users."""
MISSPELT = 0.8
"""The similarity of a misspelt name to one of these, as a ratio of `difflib`."""
MAX_FIELDS = 1_000
MAX_IGNORED_BYTES = 1 << 20

NamedFile = tuple[str, ReceivedFile | ImagesvcError]


@dataclass(slots=True)
class Received:
    """The content of a request: files in order, each whole or refused, and the fields."""

    files: list[NamedFile] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    file_parts: int = 0
    field_parts: int = 0
    ignored_bytes: int = 0
    """Bytes of ignored fields."""
    is_form: bool = False

    def summary(self) -> Iterator[str]:
        """A text that differs between different requests."""
        for name in sorted(self.fields):
            yield from (name, self.fields[name])
        for name, file in self.files:
            yield from (name, file.code if isinstance(file, ImagesvcError) else file.digest)


@dataclass(frozen=True, slots=True)
class UploadReader:
    """Reads the files and fields of a request, within limits."""

    incoming: Incoming
    max_files: int
    max_upload_size: int

    async def read(self, request: Request, body: StreamedBody, stack: AsyncExitStack) -> Received:
        """A form with files, or one file as the whole body; closing `stack` removes the files.

        Raises:
            InvalidRequest: it is not a valid form, or exceeds a limit.
            FileTooLarge: a file is far longer than its limit.
        """
        content_type = ContentType.of(request)
        if content_type.media_type == MULTIPART:
            return await self._form(body, content_type.boundary, stack)
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
        received.file_parts += 1  # empty file inputs count, too: they cost as much
        if received.file_parts > self.max_files:
            raise InvalidRequest(f"A request may hold {self.max_files} files.")
        file = await stack.enter_async_context(self.incoming.receive())
        return _FilePart(event.filename, file, self.max_upload_size)


def _begin_field(name: str, received: Received) -> _FieldPart | _IgnoredPart:
    received.field_parts += 1
    if received.field_parts > MAX_FIELDS:
        raise InvalidRequest(f"A form may hold {MAX_FIELDS:,} fields.")
    name = SPELLINGS.get(name, name)
    if name in FIELD_NAMES:
        if name in received.fields and name != "tags":
            raise invalid(name, "is given twice")
        return _FieldPart(name)
    meant = difflib.get_close_matches(name[:40].casefold(), DISCLOSING, 1, MISSPELT)
    if meant:
        raise invalid(ascii(name[:40])[1:-1], f"is unknown; the field is {meant[0]}")
    return _IgnoredPart(received, name)


@dataclass(slots=True)
class _FilePart:
    """A file while it is received; the rest of a file that is too large is skipped."""

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
            raise self.error  # no honest client sends this

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
    """A plain field while it is received."""

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
        if self.name in received.fields:  # tags, which are added
            text = f"{received.fields[self.name]},{text}"
            if len(text) > max_bytes(self.name):
                raise invalid(self.name, f"may have {max_bytes(self.name):,} bytes")
        received.fields[self.name] = text


@dataclass(slots=True)
class _IgnoredPart:
    """An unknown field, such as one of a widget, a button or a CSRF token."""

    received: Received
    name: str
    beginning: bytes = b""
    """The value, if it gives the number of pieces of a file."""

    async def take(self, data: bytes) -> None:
        if self.name in PIECES:
            self.beginning = (self.beginning + data)[:MAX_DIGITS]
        self.received.ignored_bytes += len(data)
        if self.received.ignored_bytes > MAX_IGNORED_BYTES:
            raise InvalidRequest("The fields of the form are too large.")

    async def end(self, _received: Received) -> None:
        if self.name in PIECES:
            check_pieces(self.name, self.beginning)
