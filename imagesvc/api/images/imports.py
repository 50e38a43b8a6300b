"""Uploads by URL: the body has the URL of the image, and this service fetches it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from imagesvc.errors import Forbidden
from imagesvc.http.bodies.fields import ImageFields
from imagesvc.http.models import Sent
from imagesvc.library.accept import Acceptor, RecordFor, UploadFields
from imagesvc.model.images import Image
from imagesvc.outbound.source import Source
from imagesvc.store.files.incoming import Incoming

NOT_ALLOWED = (
    "Imports from URLs are disabled; the setting allow_url_import enables them."
    " An upload is a form or the file itself, not JSON."
)


class _Source(Sent):
    url: str


class ImportIn(ImageFields, _Source, title="ImportRequest"):
    """The URL of an image, and its metadata."""


@dataclass(frozen=True, slots=True)
class Imports:
    """Makes images of files at URLs; without a source nothing is fetched."""

    source: Source | None
    incoming: Incoming
    acceptor: Acceptor

    def permitted(self) -> Source:
        """The source of images from URLs.

        Raises:
            Forbidden: the settings do not allow it.
        """
        if self.source is None:
            raise Forbidden(NOT_ALLOWED)
        return self.source

    async def accept(self, url: str, fields: UploadFields, record_for: RecordFor | None) -> Image:
        """Fetch the image at a URL, and accept it like an upload.

        Raises:
            InvalidRequest: the URL is not allowed.
            SourceUnavailable: the URL returns no file.
            Rejected: the file is not accepted.
        """
        source = self.permitted()
        async with self.incoming.receive() as file:
            name = await source.fetch(url, file.write, fields.owner_id)
            received = await file.finish()
            return await self.acceptor.accept(received, replace(fields, filename=name), record_for)
