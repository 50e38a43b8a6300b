"""Requests that begin before a credential or a role is withdrawn, and end after it."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import pytest

from imagesvc.auth.tokens import AccessTokens
from imagesvc.errors import InvalidToken
from imagesvc.http.bodies.slow_bodies import SECONDS
from imagesvc.model.accounts import Login
from imagesvc.model.ids import LoginId, UserId, new_id
from tests.accounts import PASSWORD, Account, log_in, make_key, make_user
from tests.databases import run_sql
from tests.http.asking import RawAnswer, connected, picture, read_raw
from tests.server import Server
from tests.sessions import browser_of
from tests.waiting import until

ME = "/api/v1/users/me"


class Slow:
    """A request that a server has admitted, and whose body it waits for."""

    def __init__(self, connection: socket.socket, head: str, body: bytes) -> None:
        self._connection, self._body = connection, body
        fields = f"Host: a\r\nExpect: 100-continue\r\nContent-Length: {len(body)}"
        connection.sendall(f"{head}\r\n{fields}\r\n\r\n".encode())
        going_on = read_raw(connection)
        assert going_on is not None
        assert going_on.status == 100
        self._began_at = time.monotonic()

    def finish(self) -> RawAnswer:
        """Send the body when it is a slow one; returns the response."""
        until(lambda: time.monotonic() - self._began_at > SECONDS)
        self._connection.sendall(self._body)
        answer = read_raw(self._connection)
        assert answer is not None
        return answer


@contextlib.contextmanager
def slow(
    server: Server, request: str, credential: str, body: bytes, kind: str = "application/json"
) -> Iterator[Slow]:
    """A request that is admitted, and has not ended."""
    head = f"{request} HTTP/1.1\r\n{credential}\r\nContent-Type: {kind}"
    with connected(server) as connection:
        yield Slow(connection, head, body)


def bearer(key: str) -> str:
    """The field with a key or token."""
    return f"Authorization: Bearer {key}"


def test_a_demoted_admin_does_not_regain_the_role(guarded: Server, admin: Account) -> None:
    user = make_user(guarded, admin, "deputy", is_admin=True)
    key, _ = make_key(guarded, admin, user.id, ["read", "manage", "admin"])
    path = f"/api/v1/users/{user.id}"
    body = json.dumps({"is_admin": True}).encode()
    with slow(guarded, f"PATCH {path}", bearer(key), body) as request:
        admin.client.patch(path, json={"is_admin": False}).raise_for_status()

        assert request.finish().status == 403

    assert admin.client.get(path).json()["is_admin"] is False


Withdrawal = Callable[[Account, Account], httpx2.Response]


def disabled(admin: Account, user: Account) -> httpx2.Response:
    """The user may do nothing."""
    return admin.client.patch(f"/api/v1/users/{user.id}", json={"is_disabled": True})


def renewed(admin: Account, user: Account) -> httpx2.Response:
    """The user has another password, so that tokens and sessions have ended."""
    return admin.client.patch(f"/api/v1/users/{user.id}", json={"password": "another password"})


def unlocked(admin: Account, user: Account) -> httpx2.Response:
    """The user has no key."""
    (key,) = user.client.get("/api/v1/api-keys").json()["data"]
    return admin.client.delete(f"/api/v1/api-keys/{key['id']}")


@pytest.mark.parametrize(
    ("name", "kind", "withdraw"),
    [
        ("disabled", "key", disabled),
        ("unlocked", "key", unlocked),
        ("renewed", "token", renewed),
        ("logged-out", "session", renewed),
    ],
)
def test_an_upload_that_ends_after_its_credential_is_refused(
    guarded: Server, admin: Account, name: str, kind: str, withdraw: Withdrawal
) -> None:
    """As a file, whose client can read the response, and as JSON of an idle connection."""
    user = make_user(guarded, admin, name, password=PASSWORD)
    credential = bearer(user.key)
    if kind == "token":
        credential = bearer(log_in(guarded, name)["access_token"])
    elif kind == "session":
        cookie = browser_of(guarded, name).cookies["imagesvc"]
        credential = f"Cookie: imagesvc={cookie}\r\nSec-Fetch-Site: same-origin"
    collection = json.dumps({"title": "late"}).encode()
    with (
        slow(guarded, "POST /api/v1/images", credential, picture(7), "image/jpeg") as upload,
        slow(guarded, "POST /api/v1/collections", credential, collection) as made,
    ):
        withdraw(admin, user).raise_for_status()

        assert [upload.finish().status, made.finish().status] == [401, 401]

    usage = admin.client.get(f"/api/v1/users/{user.id}").json()
    assert usage["image_count"] == 0


def test_an_upload_may_last_longer_than_its_key(guarded: Server, admin: Account) -> None:
    """Large files take their time, and an expiry withdraws nothing."""
    user = make_user(guarded, admin, "expires")
    head, change = "POST /api/v1/images", "UPDATE api_keys SET expires_at = :now WHERE id = :key"
    with slow(guarded, head, bearer(user.key), picture(8), "image/jpeg") as upload:
        now = int(time.time() * 1_000_000)
        run_sql(guarded.data_dir, change, now=now, key=UUID(user.key.split("_")[1]).hex)
        assert user.client.get(ME).status_code == 401

        assert upload.finish().status == 201


def test_tokens_that_have_just_expired_can_be_read() -> None:
    """For the same reason."""
    now = datetime.now(UTC)
    login = Login(LoginId(new_id()), UserId(new_id()), "", ("upload",), now, now)
    tokens = AccessTokens(b"k" * 32, timedelta(seconds=-20))
    expired = tokens.issue(login, ("upload",))

    with pytest.raises(InvalidToken, match="expired"):
        tokens.read(expired, 10.0)
    assert tokens.read(expired, 60.0).user_id == login.user_id


def test_no_event_is_sent_after_the_credential_has_ended(guarded: Server, admin: Account) -> None:
    """An open stream ends at the next event, and otherwise within seconds."""
    user = make_user(guarded, admin, "listens")
    files = {"file": picture(9)}
    image = user.client.post("/api/v1/images", files=files).json()
    job = f"/api/v1/jobs/{image['job']['id']}"
    until(lambda: user.client.get(job).json()["status"] == "succeeded")
    with user.client.stream("GET", "/api/v1/events") as stream:
        lines = stream.iter_lines()
        while next(lines):
            pass  # up to the end of the first piece
        unlocked(admin, user).raise_for_status()
        etag = {"if-match": "*"}
        admin.client.patch(
            f"/api/v1/images/{image['id']}", json={"title": "a secret"}, headers=etag
        ).raise_for_status()

        assert not [line for line in lines if line.startswith("data:")]
