"""Rows of sessions: which are kept, and when none is made."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from imagesvc.auth.users import made_user
from imagesvc.model.accounts import Session, User
from imagesvc.model.ids import SessionId, new_id, utc_now
from imagesvc.store.accounts import UserChange, UserStore
from imagesvc.store.db.database import Database
from imagesvc.store.sessions.sessions import MAX_OF_USER, SessionStore, Valid

NOW = utc_now()
VALID = Valid(NOW, NOW - timedelta(days=7))

pytestmark = pytest.mark.anyio


async def added_user(database: Database) -> User:
    """A user in the database."""
    user = made_user("ada", "a hash", is_admin=False, now=NOW)
    await UserStore(database).add(user)
    return user


def made(user: User, token: str) -> Session:
    """A valid session."""
    lasting = NOW + timedelta(days=90)
    return Session(SessionId(new_id()), user.id, token, NOW, NOW, lasting, "browser", "192.0.2.1")


async def tokens_of(store: SessionStore, user: User) -> list[str]:
    """The tokens of the valid sessions of a user, the newest first."""
    found, _ = await store.page(user.id, VALID, limit=200, after=None)
    return [session.token_sha256 for session in found]


async def test_the_oldest_session_of_a_user_makes_room(database: Database) -> None:
    """A program that logs in again and again does not fill the table."""
    store, user = SessionStore(database), await added_user(database)

    for number in range(MAX_OF_USER + 2):
        assert await store.add(made(user, f"{number}"), user, VALID, None)

    tokens = await tokens_of(store, user)
    assert (len(tokens), tokens[0], tokens[-1]) == (MAX_OF_USER, f"{MAX_OF_USER + 1}", "2")


async def test_a_log_in_deletes_what_has_expired_and_what_it_replaces(database: Database) -> None:
    """Of all users; other sessions stay."""
    store, user = SessionStore(database), await added_user(database)
    old = replace(made(user, "old"), expires_at=NOW)
    idle = replace(made(user, "idle"), last_seen_at=VALID.seen_after)
    for session in (old, idle, made(user, "kept"), made(user, "replaced")):
        await store.add(session, user, Valid(NOW - timedelta(1), NOW - timedelta(30)), None)

    await store.add(made(user, "new"), user, VALID, "replaced")

    assert await tokens_of(store, user) == ["new", "kept"]
    for token in ("old", "idle", "replaced"):
        assert await store.with_user(token) is None


@pytest.mark.parametrize(
    "change", [UserChange(password_hash="another hash"), UserChange(is_disabled=True)]
)
async def test_no_session_begins_with_what_was_true_before(
    database: Database, change: UserChange
) -> None:
    """The password is checked before the transaction, and the user may change in between."""
    store, user = SessionStore(database), await added_user(database)
    await UserStore(database).change(user.id, change)

    assert not await store.add(made(user, "new"), user, VALID, None)
    assert await tokens_of(store, user) == []
