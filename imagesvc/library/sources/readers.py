"""The reader of each kind of source."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imagesvc.errors import InvalidRequest
from imagesvc.library.importing.templates import InvalidTemplate, Template
from imagesvc.library.sources.bucket import BucketReader
from imagesvc.library.sources.feed import FeedReader
from imagesvc.library.sources.folder import FolderReader, permitted_folder
from imagesvc.library.sources.index import IndexReader
from imagesvc.library.sources.looks import Reader
from imagesvc.model.sources import Source, SourceKind
from imagesvc.outbound import source as outbound
from imagesvc.outbound.tunnels import tunnel
from imagesvc.store.objects.buckets import Bucket
from imagesvc.store.objects.opening import is_operators, open_bucket

NOT_ALLOWED = (
    "names a URL, but imports from URLs are disabled; the setting allow_url_import enables them"
)

NOT_HTTPS = (
    "must have an endpoint that begins with https://, or that of the server's environment variable "
    "AWS_ENDPOINT_URL"
)


@dataclass(frozen=True, slots=True)
class Readers:
    """Makes readers, of what the settings allow."""

    roots: tuple[Path, ...]
    pause: Callable[[], Awaitable[object]]
    """Waits between the two looks at new files of a folder."""
    remote: outbound.Source | None = None
    """Fetches from URLs; None where the settings allow none."""

    def reader_of(self, source: Source) -> Reader:
        """The reader of a source.

        Raises:
            InvalidRequest: its address is not allowed.
            Unavailable: what it needs is not installed.
        """
        match source.kind:
            case SourceKind.FOLDER:
                return FolderReader(self.folder_of(source), self.pause)
            case SourceKind.S3:
                return self._bucket_reader(source)
            case SourceKind.INDEX:
                return IndexReader(self._permitted(), source.address, source.owner_id)
            case SourceKind.FEED:
                return FeedReader(self._permitted(), source.address, source.owner_id)

    def folder_of(self, source: Source) -> Path:
        """The real path of a source that is a folder.

        Raises:
            InvalidRequest: it is not allowed.
        """
        return permitted_folder(source.address, self.roots)

    async def check(self, source: Source) -> None:
        """Check the address of a new source.

        Raises:
            InvalidRequest: it is not allowed, or wrong.
            Unavailable: it cannot be checked now.
        """
        reader = self.reader_of(source)
        try:
            if isinstance(reader, BucketReader):
                async with reader.open():
                    pass
            elif source.kind in {SourceKind.INDEX, SourceKind.FEED}:
                await self._permitted().check(source.address, source.owner_id)
        except InvalidRequest as error:
            raise _invalid(error.detail.removeprefix("url ").removesuffix(".")) from error

    def _bucket_reader(self, source: Source) -> BucketReader:
        """A bucket; requests with the server's key go where a URL may, or the operator says."""
        bucket = open_bucket(source.address)
        endpoint = bucket.url.endpoint
        if endpoint is None or is_operators(endpoint):
            return BucketReader(lambda: nullcontext(bucket))
        remote = self._permitted()
        if not endpoint.startswith("https://"):
            raise _invalid(NOT_HTTPS)
        return BucketReader(partial(_tunnelled, remote, source, endpoint))

    def _permitted(self) -> outbound.Source:
        if self.remote is None:
            raise _invalid(NOT_ALLOWED)
        return self.remote


@asynccontextmanager
async def _tunnelled(
    remote: outbound.Source, source: Source, endpoint: str
) -> AsyncIterator[Bucket]:
    """A bucket whose library reaches no host but that of the endpoint, not even by redirects."""
    place = await remote.check(endpoint, source.owner_id)
    async with tunnel(place) as proxy:
        yield open_bucket(source.address, proxy)


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(f"address {message}.", (("address", message),))


def checked_template(text: str) -> str:
    """A template of collections.

    Raises:
        ValueError: the error, as the end of a sentence that begins with the field's name.
    """
    try:
        Template.parse(text)
    except InvalidTemplate as error:
        raise ValueError(str(error)) from error
    return text
