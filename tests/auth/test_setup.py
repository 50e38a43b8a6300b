"""The set-up link by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from starlette.requests import Request

from imagesvc.auth.passwords import Passwords
from imagesvc.auth.sessions.sessions import Sessions
from imagesvc.auth.sessions.setup import LIFETIME, Setup
from imagesvc.auth.users import made_user
from imagesvc.errors import SetupClosed
from imagesvc.model.ids import utc_now
from imagesvc.store.accounts import UserStore
from imagesvc.store.db.database import Database
from imagesvc.store.sessions.sessions import SessionStore
from imagesvc.store.sessions.setup_links import SetupLinkStore

BEGAN = utc_now()
REQUEST = Request({"type": "http", "scheme": "http", "headers": [], "client": None})


@pytest.mark.anyio
async def test_a_link_expires(database: Database) -> None:
    """After half an hour, to the microsecond, and nothing changes."""
    times = iter([BEGAN, BEGAN + LIFETIME, BEGAN + LIFETIME - timedelta(microseconds=1)])
    now = next(times)

    def clock() -> datetime:
        return now

    passwords, users = Passwords(), UserStore(database)
    sessions = Sessions(SessionStore(database), timedelta(1), timedelta(1), clock)
    setup = Setup(SetupLinkStore(database), passwords, sessions, clock)
    await users.add(made_user("admin", None, is_admin=True, now=BEGAN))
    token = await setup.renew()

    now = next(times)
    with pytest.raises(SetupClosed, match="has expired"):
        await setup.complete(token, "ada", "correct horse", REQUEST)
    assert await users.named("ada") is None

    now = next(times)
    admin, opened = await setup.complete(token, "ada", "correct horse", REQUEST)
    assert (admin.name, opened.session.user_id) == ("ada", admin.id)
    passwords.close()
