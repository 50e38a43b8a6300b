"""Users of a server with accounts, each with a client that sends a key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.http.asking import assert_problem
from tests.server import Server, new_client

PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of a server, with a client that sends the user's credential."""

    id: str
    key: str
    client: httpx2.Client


def client_of(server: Server, credential: str | None = None) -> httpx2.Client:
    """A client with this key or token; without one, a client of a stranger."""
    headers = {} if credential is None else {"authorization": f"Bearer {credential}"}
    client = new_client(base_url=server.client.base_url, headers=headers)
    server.clients.append(client)
    return client


def printed_keys(server: Server) -> list[str]:
    """The keys that the server has printed over all its starts."""
    line = (
        r'^    curl -H "Authorization: Bearer (isk_[0-9a-f]{32}_[0-9a-f]{64})" -F file=@photo.jpg '
    )
    return re.findall(line, server.log(), re.MULTILINE)


def admin_of(server: Server) -> Account:
    """The admin that the first start made."""
    (key,) = printed_keys(server)
    client = client_of(server, key)
    return Account(client.get("/api/v1/users/me").json()["id"], key, client)


def make_user(server: Server, admin: Account, name: str, **fields: Any) -> Account:
    """A user with a key with all scopes of users; only users that log in need a password."""
    made = admin.client.post("/api/v1/users", json={"name": name, **fields})
    assert made.status_code == 201, made.text
    user_id = made.json()["id"]
    return Account(user_id, *make_key(server, admin, user_id, ["read", "upload", "manage"]))


def make_key(
    server: Server, admin: Account, user_id: str, scopes: list[str], **fields: Any
) -> tuple[str, httpx2.Client]:
    """A key of a user, and a client that sends it."""
    made = admin.client.post(
        "/api/v1/api-keys",
        json={"name": "for a test", "scopes": scopes, "user_id": user_id, **fields},
    )
    assert made.status_code == 201, made.text
    key: str = made.json()["key"]
    return key, client_of(server, key)


def log_in(server: Server, name: str, password: str = PASSWORD, **fields: str) -> dict[str, Any]:
    """The tokens of a new login."""
    answer = server.client.post(
        "/api/v1/auth/token", data={"username": name, "password": password, **fields}
    )
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


def refused(answer: httpx2.Response, word: str = "") -> None:
    """Check that the response says that the credential is invalid (RFC 6750, section 3.1)."""
    document = assert_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="imagesvc", error="invalid_token"'
    assert word in document["detail"]
