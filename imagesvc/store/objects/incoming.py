"""Files that clients send straight to the bucket: `incoming/<id>`, until they are images."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from imagesvc.errors import Conflict, NotFound
from imagesvc.model.ids import ImageId
from imagesvc.store.objects.buckets import Bucket
from imagesvc.store.objects.upload_rights import UploadRights

FOLDER = "incoming"
NOT_SENT = "No file has been sent to the bucket with this upload URL."
HEADERS = {"az": {"x-ms-blob-type": "BlockBlob"}}
"""Header fields that a service requires, by the scheme of its URLs."""


@dataclass(frozen=True, slots=True)
class IncomingObjects:
    """The files that were sent to one bucket. Anybody who has a URL may replace them."""

    bucket: Bucket
    public: Bucket
    """The same bucket at the address that clients can reach."""
    rights: UploadRights

    @classmethod
    def of(cls, bucket: Bucket, public: Bucket) -> IncomingObjects:
        """Those of a bucket, which is examined before the first URL is made."""
        return cls(bucket, public, UploadRights(bucket, FOLDER))

    async def url(self, image_id: ImageId, expiry: timedelta) -> str:
        """The URL to which a client sends the file of this image until `expiry` from now.

        Raises:
            Unavailable: it would permit more than this.
        """
        await self.rights.check()
        return await self.public.sign("PUT", _key(image_id), expiry)

    @property
    def headers(self) -> dict[str, str]:
        """Header fields that the service requires with the file."""
        return dict(HEADERS.get(self.bucket.url.scheme, {}))

    async def size(self, image_id: ImageId) -> int | None:
        """The bytes that have been sent; None if no file has been sent."""
        found = await self.bucket.find(_key(image_id))
        return None if found is None else found.bytes

    async def pieces(self, image_id: ImageId) -> AsyncIterator[bytes]:
        """The bytes of one file, also when it is replaced meanwhile.

        Raises:
            Conflict: no file has been sent.
        """
        try:
            async for piece in self.bucket.stream(_key(image_id)):
                yield piece
        except NotFound as error:
            raise Conflict(NOT_SENT) from error

    async def remove(self, image_ids: Sequence[ImageId]) -> None:
        """Remove files; missing ones are ignored."""
        await self.bucket.delete([_key(image_id) for image_id in image_ids])

    async def all(self) -> AsyncIterator[list[ImageId]]:
        """Every file that was sent: a page of the list at a time; other objects are left out."""
        async for page in self.bucket.list(FOLDER):
            yield [image_id for found in page if (image_id := _id(found.key)) is not None]


def _key(image_id: ImageId) -> str:
    return f"{FOLDER}/{image_id}"


def _id(key: str) -> ImageId | None:
    try:
        image_id = ImageId(UUID(key.removeprefix(f"{FOLDER}/")))
    except ValueError:
        return None
    return image_id if _key(image_id) == key else None
