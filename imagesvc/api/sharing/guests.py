"""Uploads of guests: files in a form, with the token of a link in the path."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.rates.limits import Limit
from imagesvc.errors import FileTooLarge, Gone, ImagesvcError, NoFile, NotFound
from imagesvc.http.bodies.content_type import MULTIPART, check_media_type
from imagesvc.http.bodies.declared import BYTES, Raw
from imagesvc.http.bodies.receiving import Streamed, StreamedBody, check_declared_length
from imagesvc.http.bodies.uploads import NamedFile, UploadReader
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import Model
from imagesvc.http.operations import operation, with_subject
from imagesvc.http.problems import problem
from imagesvc.http.requests import json_response
from imagesvc.library.guests import Guests
from imagesvc.model.sharing import UploadLink

TAG = "sharing"
ONE = "/api/v1/guest/{token}"
FORM = Streamed(
    Raw(
        (MULTIPART,),
        {
            "type": "object",
            "properties": {"file": {"type": "array", "minItems": 1, "items": BYTES}},
            "required": ["file"],
        },
    )
)
FORM_OVERHEAD = 128 << 10
"""Bytes that a form may have beside its files."""


class GuestLinkOut(Model, title="GuestLink"):
    """A link for uploads as guests see it."""

    title: str
    expires_at: Instant | None
    files_left: int
    bytes_left: int


class GuestEntry(Model):
    """The result for one file of a guest."""

    name: str
    """The name that the guest sent."""
    status: int
    problem: dict[str, Any] | None = None


class GuestResults(Model):
    """The results for the files of a guest, in order."""

    data: list[GuestEntry]


@dataclass(frozen=True, slots=True)
class GuestEndpoints:
    """The operations for guests; the fields are their dependencies."""

    guests: Guests
    reader: UploadReader

    async def _open(self, context: Context) -> UploadLink:
        return await self.guests.find(context.request.path_params["token"])

    @operation(
        "get_guest_link", "GET", ONE, tag=TAG, limit=Limit.ADDRESS,
        answers={200: GuestLinkOut}, errors=(NotFound, Gone),
    )  # fmt: skip
    @with_subject(_open)
    async def show(self, _call: Call[None, None], link: UploadLink) -> Response:
        """What a link for uploads still accepts; never what was uploaded."""
        shown = GuestLinkOut(
            title=link.title,
            expires_at=link.expires_at,
            files_left=link.max_files - link.files,
            bytes_left=link.max_bytes - link.bytes,
        )
        return json_response(shown, headers={"referrer-policy": "no-referrer"})

    @operation(
        "upload_as_guest", "POST", f"{ONE}/images", tag=TAG, limit=Limit.ADDRESS, body=FORM,
        answers={207: GuestResults}, errors=(NotFound, Gone, NoFile, FileTooLarge),
    )  # fmt: skip
    @with_subject(_open)
    async def upload(self, call: Call[None, StreamedBody], link: UploadLink) -> Response:
        """Upload files of a form; each succeeds or fails alone, and fields beside them are ignored.

        The images are private, and belong to the owner of the link. The response has only the
        results for these files.

        Raises:
            FileTooLarge: the form is larger than the bytes that the link still accepts.
        """
        check_media_type(call.request, MULTIPART)
        check_declared_length(call.request, link.max_bytes - link.bytes + FORM_OVERHEAD)
        async with AsyncExitStack() as stack:
            received = await self.reader.read(call.request, call.body, stack)
            if not received.files:
                raise NoFile("The request holds no file.")
            entries = [await self._entry(link, file) for file in received.files]
        return json_response(GuestResults(data=entries), 207)

    async def _entry(self, link: UploadLink, file: NamedFile) -> GuestEntry:
        name, received = file
        try:
            if isinstance(received, ImagesvcError):
                raise received
            await self.guests.accept(link, name, received)
        except ImagesvcError as error:
            return GuestEntry(name=name, status=error.status, problem=problem(error))
        return GuestEntry(name=name, status=201)
