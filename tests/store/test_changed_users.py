"""What nobody gets any more whose user changes between a check and the transaction after it."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest

from imagesvc.auth.users import made_user
from imagesvc.errors import Forbidden
from imagesvc.model.accounts import Login, User
from imagesvc.model.ids import ImageId, LoginId, UploadLinkId, new_id
from imagesvc.model.sharing import UploadLink
from imagesvc.model.uploads import PendingUpload
from imagesvc.store.accounts import UserChange, UserStore
from imagesvc.store.collections import CollectionStore
from imagesvc.store.credentials import LoginStore
from imagesvc.store.db.database import Database
from imagesvc.store.pending_uploads import PendingUploadStore
from imagesvc.store.sharing.upload_links import UploadLinkStore
from tests.store.rows import NOON, collection

pytestmark = pytest.mark.anyio
LATER = NOON + timedelta(days=1)
DISABLED = UserChange(is_disabled=True)


async def added_user(database: Database) -> User:
    """A user in the database."""
    user = made_user("ada", "a hash", is_admin=False, now=NOON)
    await UserStore(database).add(user)
    return user


@pytest.mark.parametrize("change", [UserChange(password_hash="another hash"), DISABLED])
async def test_no_login_begins_with_what_was_true_before(
    database: Database, change: UserChange
) -> None:
    """Comparing a password takes long, and a login lasts for weeks."""
    store, user = LoginStore(database), await added_user(database)
    before, after = (
        Login(LoginId(new_id()), user.id, secrets.token_hex(32), ("read",), NOON, LATER)
        for _ in range(2)
    )
    assert await store.add(before, user)
    await UserStore(database).change(user.id, change)

    assert not await store.add(after, user)
    assert await store.with_user(before.id) is None
    assert await store.with_user(after.id) is None


@pytest.mark.parametrize("change", [UserChange(password_hash="another hash"), DISABLED])
async def test_upload_urls_end_with_logins(database: Database, change: UserChange) -> None:
    """Those who had a stolen key may have made many, which no list shows."""
    store, user = PendingUploadStore(database), await added_user(database)
    pending = PendingUpload(ImageId(new_id()), user.id, "a.jpg", None, 1, {}, NOON, LATER)
    await store.add(pending)
    assert await store.find(pending.id) == pending

    await UserStore(database).change(user.id, change)

    assert await store.find(pending.id) is None


async def test_no_upload_url_is_made_for_a_disabled_user(database: Database) -> None:
    """Disabling removes those that exist, so one that is made a moment later would stay."""
    store, user = PendingUploadStore(database), await added_user(database)
    pending = PendingUpload(ImageId(new_id()), user.id, "a.jpg", None, 1, {}, NOON, LATER)
    await UserStore(database).change(user.id, DISABLED)

    with pytest.raises(Forbidden, match="disabled"):
        await store.add(pending)
    assert await store.find(pending.id) is None


async def test_no_file_of_a_guest_is_accepted_for_a_disabled_user(database: Database) -> None:
    """The link was found before its guest sent the file, which may take hours."""
    store, user, place = UploadLinkStore(database, 9), await added_user(database), collection()
    await CollectionStore(database).add(place)
    token = secrets.token_hex(32)
    link = UploadLink(UploadLinkId(new_id()), user.id, token, "", place.id, 9, 9, NOON, None)
    await store.add(link)
    assert await store.charge(link.id, 1, now=NOON)
    await UserStore(database).change(user.id, DISABLED)

    assert not await store.charge(link.id, 1, now=NOON)
    assert (await store.get(link.id)).files == 1
