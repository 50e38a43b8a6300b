"""Whether upload URLs of a service of S3 permit more than an upload.

Amazon refuses requests with an `x-amz-*` field that is not signed. Other services obey such fields:
someone with an upload URL can have them copy any object that the credentials may read, or show what
was sent to everybody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import structlog

from imagesvc.errors import BucketTooOpen, BucketUnavailable, NotFound
from imagesvc.model.ids import new_id
from imagesvc.store.objects.buckets import Bucket

log = structlog.get_logger()

CONTENT = b"This may not be copied."
SECONDS = 15.0
EXPIRY = timedelta(minutes=1)
PAUSE_SECONDS = 60.0
"""The least time between an examination that has failed and the next one."""
EVERYBODY = 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'
OPENING: tuple[Mapping[str, str], ...] = (
    {"x-amz-acl": "public-read"},
    {"x-amz-grant-read": EVERYBODY},
)
"""Fields that show an object to everybody."""
COPIES = "The bucket copies other objects for those who have an upload URL"
OPENS = "The bucket lets those who have an upload URL publish files"
REFUSED = "No upload URL can be made: the bucket would permit more with it than an upload."


@dataclass(slots=True)
class UploadRights:
    """Examines a bucket before the first upload URL of this process is made."""

    bucket: Bucket
    folder: str
    """Of the objects to which upload URLs lead."""
    _is_safe: bool = False
    _again_at: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def check(self) -> None:
        """Check that an upload URL permits an upload and nothing else.

        Raises:
            BucketTooOpen: it permits more, which the log describes.
            Unavailable: this cannot be found out now.
        """
        async with self._lock:
            if self._is_safe:
                return
            if time.monotonic() < self._again_at:
                raise BucketTooOpen(REFUSED)
            excess = await self.excess()
            if excess is not None:
                log.error(excess, action="direct_uploads.refused", see="docs/scaling.md")
                self._again_at = time.monotonic() + PAUSE_SECONDS
                raise BucketTooOpen(REFUSED)
            self._is_safe = True

    async def excess(self) -> str | None:
        """What an upload URL permits besides an upload; None if nothing.

        Raises:
            Unavailable: this cannot be found out now.
        """
        if self.bucket.url.scheme != "s3":
            return None
        async with self._new_object() as source, self._new_object() as copy:
            await self.bucket.put(source, CONTENT)
            path = self.bucket.where(source).removeprefix("s3:/")
            await self._send("PUT", await self._url(copy), {"x-amz-copy-source": path})
            if await self._content(copy) == CONTENT:
                return COPIES
        for fields in OPENING:
            async with self._new_object() as key:
                url = await self._url(key)
                await self._send("PUT", url, fields, CONTENT)
                status = await self._send("GET", urlsplit(url)._replace(query="").geturl(), {})
                if status < 400:  # noqa: PLR2004  # the statuses of errors
                    return OPENS
        return None

    @asynccontextmanager
    async def _new_object(self) -> AsyncIterator[str]:
        key = f"{self.folder}/{new_id()}"
        try:
            yield key
        finally:
            await self.bucket.delete([key])

    async def _url(self, key: str) -> str:
        return await self.bucket.sign("PUT", key, EXPIRY)

    async def _content(self, key: str) -> bytes:
        try:
            return await self.bucket.read(key)
        except NotFound:
            return b""

    async def _send(
        self, method: str, url: str, fields: Mapping[str, str], content: bytes = b""
    ) -> int:
        """The status of the response to a request that has no credential but its URL."""
        import httpx2  # noqa: PLC0415  # a server's start needs no HTTP client

        try:
            async with httpx2.AsyncClient(timeout=SECONDS) as client:
                answer = await client.request(method, url, headers=fields, content=content)
        except httpx2.HTTPError as error:
            reason = type(error).__name__
            raise BucketUnavailable(f"The bucket of blob_url does not answer: {reason}.") from error
        return answer.status_code
