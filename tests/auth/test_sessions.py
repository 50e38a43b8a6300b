"""Sessions by the clock: they end after a time, and earlier without requests."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.auth.sessions.cookies import NAME, CookiePlace, set_cookie
from imagesvc.auth.sessions.sessions import Sessions
from imagesvc.auth.users import made_user
from imagesvc.model.accounts import User
from imagesvc.model.ids import utc_now
from imagesvc.store.accounts import UserStore
from imagesvc.store.db.database import Database
from imagesvc.store.sessions.sessions import SessionStore
from imagesvc.syntax.url_bases import BASE, ORIGIN

LIFETIME, IDLE = timedelta(days=90), timedelta(days=7)
INSTANT = timedelta(microseconds=1)

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        """The time that it shows."""
        return self.now


def request(token: str | None = None, **scope: str) -> Request:
    """A request with the cookie of a session."""
    headers = [] if token is None else [(b"cookie", f"imagesvc={token}".encode())]
    return Request({"type": "http", "scheme": "http", "headers": headers, "client": None, **scope})


@pytest.fixture
def clock() -> Clock:
    """The clock of the sessions."""
    return Clock()


@pytest.fixture
def sessions(database: Database, clock: Clock) -> Sessions:
    """Sessions of an empty database."""
    return Sessions(SessionStore(database), LIFETIME, IDLE, clock)


@pytest.fixture
async def user(database: Database) -> User:
    """The user who logs in."""
    made = made_user("ada", "a hash", is_admin=False, now=utc_now())
    await UserStore(database).add(made)
    return made


async def test_a_session_ends_without_requests(
    sessions: Sessions, clock: Clock, user: User
) -> None:
    """Each request defers the end, also before its time has been stored."""
    token = (await sessions.begin(user, request())).token

    clock.now += IDLE - INSTANT
    assert await sessions.of(request(token)) is not None
    clock.now += IDLE - INSTANT
    assert await sessions.of(request(token)) is not None
    clock.now += IDLE

    assert await sessions.of(request(token)) is None


async def test_the_last_request_is_stored_for_the_next_start(
    sessions: Sessions, clock: Clock, user: User
) -> None:
    """Once a minute; a later request stays in memory until the next time."""
    token = (await sessions.begin(user, request())).token
    clock.now += IDLE - INSTANT
    await sessions.of(request(token))

    await sessions.store_seen()

    restarted = Sessions(sessions.store, LIFETIME, IDLE, clock)
    assert sessions.seen == {}
    clock.now += IDLE - INSTANT
    assert await restarted.of(request(token)) is not None
    found, _ = await restarted.store.page(user.id, restarted.valid, limit=1, after=None)
    assert restarted.shown(found[0]).last_seen_at == clock.now


async def test_a_session_ends_however_often_it_is_used(
    sessions: Sessions, clock: Clock, user: User
) -> None:
    """A stolen cookie does not last longer than its log-in."""
    token = (await sessions.begin(user, request())).token
    began = clock.now

    while clock.now + IDLE / 2 < began + LIFETIME:
        clock.now += IDLE / 2
        assert await sessions.of(request(token)) is not None
    clock.now = began + LIFETIME - INSTANT
    assert await sessions.of(request(token)) is not None
    clock.now = began + LIFETIME

    assert await sessions.of(request(token)) is None
    await sessions.store_seen()
    assert (await sessions.store.page(user.id, sessions.valid, limit=9, after=None)).items == []


@pytest.mark.parametrize(
    ("scope", "name", "path"),
    [
        ({}, "imagesvc", "/"),
        ({"scheme": "https"}, "__Host-imagesvc", "/"),
        ({BASE: "/photos", "scheme": "https"}, "__Secure-imagesvc", "/photos"),
        ({BASE: "https://example.org"}, "__Host-imagesvc", "/"),
        ({BASE: "https://example.org/photos"}, "__Secure-imagesvc", "/photos"),
        ({BASE: "http://nas.lan/photos", "scheme": "https"}, "imagesvc", "/photos"),
        ({ORIGIN: "https://example.org", BASE: "/a/b"}, "__Secure-imagesvc", "/a/b"),
    ],
)
async def test_public_url_decides_the_name_of_the_cookie(
    scope: dict[str, str], name: str, path: str
) -> None:
    """It is the URL that browsers use, also where TLS ends at a proxy that is not trusted."""
    place, response = CookiePlace.of(request(**scope)), Response()

    set_cookie(request(**scope), response, NAME, "x", LIFETIME)

    assert (place.name_of(NAME), place.path) == (name, path)
    is_secure = "; Secure" in response.headers["set-cookie"]
    assert is_secure == name.startswith("__")
