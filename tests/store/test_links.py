"""Links of shares and for uploads, in the store."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from imagesvc.errors import Conflict
from imagesvc.model.ids import ShareId, UploadLinkId, UserId, new_id
from imagesvc.model.images import Viewer
from imagesvc.model.sharing import Share, ShareTarget, UploadLink
from imagesvc.store.collections import CollectionStore
from imagesvc.store.db.database import Database
from imagesvc.store.sharing.shares import ShareStore
from imagesvc.store.sharing.upload_links import UploadLinkStore
from tests.store.rows import NOON, add_user, collection

pytestmark = pytest.mark.anyio


def share_of(owner_id: UserId | None) -> Share:
    """A share of a search."""
    token = secrets.token_hex(32)
    return Share(ShareId(new_id()), owner_id, token, ShareTarget.SEARCH, NOON, q="sea")


async def test_an_owner_has_as_many_links_as_there_may_be(database: Database) -> None:
    """Also if many are made at once; each owner is counted alone, and so is each kind of link."""
    ann = await add_user(database, "ann")
    place = collection()
    await CollectionStore(database).add(place)
    shares, links = ShareStore(database, 3), UploadLinkStore(database, 3)
    for owner_id in (ann, None):
        many = [shares.add(share_of(owner_id)) for _ in range(5)]

        done = await asyncio.gather(*many, return_exceptions=True)

        refused = [error for error in done if error is not None]
        assert [type(error) for error in refused] == [Conflict, Conflict]
        assert "3 of these links" in str(refused[0])
    oldest = (await shares.page(Viewer(ann), limit=9, after=None))[0][-1]
    await shares.remove(oldest.id)
    await shares.add(share_of(ann))
    for _ in range(3):
        token = secrets.token_hex(32)
        await links.add(
            UploadLink(UploadLinkId(new_id()), ann, token, "", place.id, 9, 9, NOON, None)
        )
