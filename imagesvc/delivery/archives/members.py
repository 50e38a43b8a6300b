"""The files of an archive: originals as their requester may have them, or variants of a preset."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from functools import partial

from imagesvc.cache.content import Fetched, StoredVariant
from imagesvc.cache.copies import OriginalCopies, full_size
from imagesvc.cache.variants import VariantCache
from imagesvc.delivery.bodies import Stream
from imagesvc.delivery.negotiation import Accepted, negotiate
from imagesvc.errors import NotFound
from imagesvc.imaging.messages import Removal, Withheld
from imagesvc.imaging.transforms.effective import with_format
from imagesvc.model.formats import Format
from imagesvc.model.images import Image
from imagesvc.model.transforms import Transform
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.verified import VerifiedBlobs


@dataclass(frozen=True, slots=True)
class Member:
    """A file to put into an archive: its format, its bytes, and how they are read."""

    format: Format
    size: int
    stream: Stream

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """All bytes, in pieces."""
        source = self.stream(0, self.size)
        try:
            async for piece in source:
                yield piece
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()


@dataclass(frozen=True, slots=True)
class Members:
    """Finds the file of each image for a requester; the fields are its dependencies."""

    blobs: BlobStore
    verified: VerifiedBlobs
    copies: OriginalCopies
    variants: VariantCache

    async def original(self, image: Image, requester: str, withheld: Withheld | None) -> Member:
        """The original, without what is withheld.

        Args:
            image: its image.
            requester: whose share of the workers a missing file uses.
            withheld: what the requester must not have of it.

        Raises:
            NotFound: it is missing.
            ImagesvcError: it cannot be had now, or is damaged.
        """
        if withheld is None:
            return await self._stored(image)
        copy = await self.copies.fetch(image, withheld)
        if copy.removal is Removal.NOTHING:
            return await self._stored(image)
        if copy.removal is Removal.UNCLEAR:
            return await self.variant(image, full_size(image.original), requester)
        return _member(image.original.format, copy.fetched)

    async def variant(self, image: Image, transform: Transform, requester: str) -> Member:
        """The variant of a transform.

        Raises:
            InvalidTransform: the image has no such variant.
            ImagesvcError: it cannot be made.
        """
        if transform.auto:
            kind = negotiate(
                Accepted.of(None), image.original, None, preferred=(), max_avif_pixels=0
            )
            transform = with_format(transform, kind)
        wanted = self.variants.identities.identify(image.id, image.original, transform)
        kind_of_plan = wanted.plan.transform.format
        if kind_of_plan is None:
            raise NotFound("This image has no format to show.")
        fetched = await self.variants.fetch(wanted, requester=requester)
        return _member(kind_of_plan, fetched)

    async def _stored(self, image: Image) -> Member:
        name = image.original.name
        size = await self.verified.size(name)
        if size is None:
            raise NotFound("The original is missing.")
        return Member(image.original.format, size, partial(self.blobs.stream, name))


def _member(kind: Format, fetched: Fetched) -> Member:
    content = fetched.content
    if isinstance(content, StoredVariant):
        return Member(kind, content.variant.bytes, content.stream)
    body = content.body

    async def whole(start: int, stop: int) -> AsyncIterator[bytes]:
        yield body[start:stop]

    return Member(kind, len(body), whole)
