"""Shares: made, changed and withdrawn by their owners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from imagesvc.auth.passwords import Passwords
from imagesvc.auth.permissions import check_may_change
from imagesvc.auth.principals import Principal
from imagesvc.auth.visitors.tokens import new_token, sha256_of
from imagesvc.library.edit import not_accepted
from imagesvc.library.expiry import check_expiry
from imagesvc.model.ids import CollectionId, ImageId, ShareId, UserId, new_id, utc_now
from imagesvc.model.sharing import Share, ShareTarget
from imagesvc.store.collections import CollectionStore
from imagesvc.store.images import ImageStore
from imagesvc.store.removal.trash import in_trash
from imagesvc.store.sharing.contents import shareable
from imagesvc.store.sharing.shares import ShareStore


@dataclass(frozen=True, slots=True)
class ShareTerms:
    """What a share permits, as its owner wants it."""

    title: str = ""
    password: str | None = None
    expires_at: datetime | None = None
    max_views: int | None = None
    allow_download: bool = False
    show_metadata: bool = False


@dataclass(frozen=True, slots=True)
class Shares:
    """Makes and changes shares."""

    store: ShareStore
    images: ImageStore
    collections: CollectionStore
    passwords: Passwords
    clock: Callable[[], datetime] = utc_now

    async def of_image(
        self, requester: Principal, image_id: ImageId, terms: ShareTerms
    ) -> tuple[Share, str]:
        """Share an image; returns the share and its token, which is not stored.

        Raises:
            NotFound, Forbidden: the requester may not change the image.
            Conflict: it is in the trash or has not been accepted, or its owner has as many shares
                as there may be.
            InvalidRequest: the share would have expired already.
        """
        image = await self.images.get(image_id)
        check_may_change(requester, image)
        if image.is_trashed:
            raise in_trash()
        if image.awaits_review:
            raise not_accepted()
        target = {"target": ShareTarget.IMAGE, "image_id": image_id}
        return await self._made(image.owner_id, terms, target)

    async def of_collection(
        self, requester: Principal, collection_id: CollectionId, terms: ShareTerms
    ) -> tuple[Share, str]:
        """Share a collection, which gives the share its title if it has none; see `of_image`.

        Raises:
            NotFound, Forbidden: the requester may not change the collection.
            Conflict: its owner has as many shares as there may be.
            InvalidRequest: the share would have expired already.
        """
        collection = await self.collections.get(collection_id)
        check_may_change(requester, collection)
        titled = replace(terms, title=terms.title or collection.title)
        target = {"target": ShareTarget.COLLECTION, "collection_id": collection_id}
        return await self._made(collection.owner_id, titled, target)

    async def of_search(self, requester: Principal, q: str, terms: ShareTerms) -> tuple[Share, str]:
        """Share the requester's images that a search finds, also later ones; see `of_image`.

        Raises:
            InvalidQuery: the search cannot be shared.
            Conflict: the requester has as many shares as there may be.
            InvalidRequest: the share would have expired already.
        """
        shareable(q)
        return await self._made(requester.user_id, terms, {"target": ShareTarget.SEARCH, "q": q})

    async def edit(self, share: Share, changes: Mapping[str, Any]) -> Share:
        """Change what a share permits; `password` is hashed, and None removes it.

        A new password ends the visits that have begun.

        Raises:
            NotFound: the share was withdrawn meanwhile.
            InvalidRequest: the new time of expiry has passed.
        """
        values = dict(changes)
        check_expiry(values.get("expires_at"), self.clock())
        if "password" in values:
            values["password_hash"] = await self._hashed(values.pop("password"))
        return await self.store.edit(share.id, lambda current: replace(current, **values))

    async def _made(
        self, owner_id: UserId | None, terms: ShareTerms, target: Mapping[str, Any]
    ) -> tuple[Share, str]:
        check_expiry(terms.expires_at, self.clock())
        token = new_token()
        share = Share(
            id=ShareId(new_id()),
            owner_id=owner_id,
            token_sha256=sha256_of(token),
            created_at=self.clock(),
            title=terms.title,
            password_hash=await self._hashed(terms.password),
            expires_at=terms.expires_at,
            max_views=terms.max_views,
            allow_download=terms.allow_download,
            show_metadata=terms.show_metadata,
            **target,
        )
        await self.store.add(share)
        return share, token

    async def _hashed(self, password: str | None) -> str | None:
        return None if password is None else await self.passwords.hash(password)
