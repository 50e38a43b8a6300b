"""Uploads of guests: people without an account who have a link for uploads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from imagesvc.auth.permissions import check_may_change
from imagesvc.auth.principals import Principal
from imagesvc.auth.visitors.tokens import new_token, sha256_of
from imagesvc.cancellation import run_to_end
from imagesvc.errors import Gone, NotFound, QuotaExceeded, UsedUp
from imagesvc.library.accept import Acceptor, UploadFields
from imagesvc.library.expiry import check_expiry
from imagesvc.model.ids import CollectionId, UploadLinkId, new_id, utc_now
from imagesvc.model.images import Visibility
from imagesvc.model.sharing import UploadLink
from imagesvc.store.collections import CollectionStore
from imagesvc.store.files.incoming import ReceivedFile
from imagesvc.store.sharing.upload_links import UploadLinkStore


@dataclass(frozen=True, slots=True)
class LinkTerms:
    """What a link permits, as its owner wants it."""

    max_files: int
    max_bytes: int
    title: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Guests:
    """Makes links for uploads, and accepts files of guests."""

    store: UploadLinkStore
    collections: CollectionStore
    acceptor: Acceptor
    clock: Callable[[], datetime] = utc_now

    async def add(
        self, requester: Principal, collection_id: CollectionId, terms: LinkTerms
    ) -> tuple[UploadLink, str]:
        """Make a link for uploads into a collection; returns it and its token, which is not stored.

        Raises:
            NotFound, Forbidden: the requester may not change the collection.
            Conflict: its owner has as many links as there may be.
            InvalidRequest: the link would have expired already.
        """
        collection = await self.collections.get(collection_id)
        check_may_change(requester, collection)
        check_expiry(terms.expires_at, self.clock())
        token = new_token()
        link = UploadLink(
            id=UploadLinkId(new_id()),
            owner_id=collection.owner_id,
            token_sha256=sha256_of(token),
            title=terms.title,
            collection_id=collection_id,
            max_files=terms.max_files,
            max_bytes=terms.max_bytes,
            created_at=self.clock(),
            expires_at=terms.expires_at,
        )
        await self.store.add(link)
        return link, token

    async def edit(self, link: UploadLink, changes: Mapping[str, Any]) -> UploadLink:
        """Change what a link permits.

        Raises:
            NotFound: the link was withdrawn meanwhile.
            InvalidRequest: the new time of expiry has passed.
        """
        check_expiry(changes.get("expires_at"), self.clock())
        return await self.store.edit(link.id, lambda current: replace(current, **changes))

    async def find(self, token: str) -> UploadLink:
        """The link of a token, if it accepts files.

        Raises:
            NotFound: there is none.
            Gone: it has expired.
            UsedUp: it accepts no more files.
        """
        link = await self.store.of_token(sha256_of(token))
        if link is None:
            raise NotFound("There is no such link; it may have been withdrawn.")
        if link.expires_at is not None and link.expires_at <= self.clock():
            raise Gone("This link has expired.")
        if link.files >= link.max_files or link.bytes >= link.max_bytes:
            raise UsedUp("This link accepts no more files.")
        return link

    async def accept(self, link: UploadLink, name: str, file: ReceivedFile) -> None:
        """Make a private image of a file, in the collection of the link and of its owner.

        No share shows it before its owner has accepted it.

        It is counted before it is accepted, so that concurrent guests do not exceed the limits.

        Raises:
            UsedUp: the link accepts no more such files.
            Rejected: it is not an accepted image, or the owner may keep no more.
            Unavailable: it cannot be accepted now.
        """
        if not await self.store.charge(link.id, file.bytes, now=self.clock()):
            raise UsedUp("This link accepts no more files, or none as large as this one.")
        is_accepted = False
        try:
            await self._accept(link, name, file)
            is_accepted = True
        finally:
            if not is_accepted:
                await run_to_end(self.store.refund(link.id, file.bytes))

    async def _accept(self, link: UploadLink, name: str, file: ReceivedFile) -> None:
        fields = UploadFields(
            filename=name,
            visibility=Visibility.PRIVATE,
            collection_id=link.collection_id,
            owner_id=link.owner_id,
            awaits_review=True,
        )
        try:
            await self.acceptor.accept(file, fields)
        except QuotaExceeded as error:  # its text has the owner's numbers
            raise QuotaExceeded("There is no more room for this file.") from error
