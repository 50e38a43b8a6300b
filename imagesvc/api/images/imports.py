"""Uploads by URL: the body says where the image is, and this service fetches it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from imagesvc.errors import Forbidden
from imagesvc.http.bodies.fields import Description, Tags, Title
from imagesvc.http.bodies.json_bodies import gathered
from imagesvc.http.requests import Id, only_known, parsed_json
from imagesvc.library.accept import Ingest, ReceiptFor, UploadFields
from imagesvc.model import CollectionId, Image, Visibility
from imagesvc.outbound.source import Source
from imagesvc.store.files.incoming import Incoming

NOT_ALLOWED = (
    "Images are not imported from URLs here; the setting allow_url_import permits it."
    " An upload is a form or the file itself, not JSON."
)


class ImportIn(BaseModel):
    """Where an image is, and what the uploader says about it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: str
    title: Title = ""
    description: Description = ""
    tags: Tags = []
    visibility: Visibility | None = None
    share_location: bool = False
    collection_id: Id | None = None

    def upon(self, given: UploadFields) -> UploadFields:
        """What the uploader says, over what goes without saying; the name is still to come."""
        return replace(
            given,
            title=self.title,
            description=self.description,
            tags=tuple(self.tags),
            visibility=self.visibility or given.visibility,
            share_location=self.share_location,
            collection_id=None if self.collection_id is None else CollectionId(self.collection_id),
        )


@dataclass(frozen=True, slots=True)
class Imports:
    """Makes images of what lies at URLs; without a source nothing is fetched."""

    source: Source | None
    incoming: Incoming
    ingest: Ingest

    async def wanted(self, request: Request, body: AsyncIterator[bytes]) -> ImportIn:
        """What the body asks for.

        Raises:
            Forbidden: the settings do not allow it.
            InvalidRequest: the body is wrong.
        """
        if self.source is None:
            raise Forbidden(NOT_ALLOWED)
        only_known(request, set())
        return parsed_json(ImportIn, await gathered(body))

    async def accept(self, url: str, fields: UploadFields, receipt_for: ReceiptFor | None) -> Image:
        """Fetch the image at a URL, and take it like an upload.

        Raises:
            InvalidRequest: its URL may not be fetched from.
            SourceUnavailable: the URL gives no file.
            Rejected: the file is none that is taken here.
        """
        if self.source is None:
            raise Forbidden(NOT_ALLOWED)
        async with self.incoming.receive() as file:
            name = await self.source.fetch(url, file, fields.owner_id)
            received = await file.finish()
            return await self.ingest.accept(received, replace(fields, filename=name), receipt_for)
