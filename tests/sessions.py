"""Browsers that have logged in: clients that keep the cookie of a session."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2

from tests.accounts import PASSWORD, client_of
from tests.server import Server

ONE, EVERY = "/api/v1/session", "/api/v1/sessions"
COOKIE = "imagesvc"
"""The name of the cookie over HTTP."""


def log_in(
    client: httpx2.Client, name: str, password: str = PASSWORD, headers: Mapping[str, str] = {}
) -> httpx2.Response:
    """Log in; the client keeps the cookie."""
    answer = client.post(ONE, json={"name": name, "password": password}, headers=dict(headers))
    assert answer.status_code == 200, answer.text
    return answer


def browser_of(server: Server, name: str) -> httpx2.Client:
    """A browser in which a user has logged in."""
    client = client_of(server)
    log_in(client, name)
    return client


def with_cookie(token: str, name: str = COOKIE) -> dict[str, str]:
    """The header of a request with this token."""
    return {"cookie": f"{name}={token}"}


def cookie_of(answer: httpx2.Response) -> tuple[str, str, set[str]]:
    """Name, value and attributes of the only cookie that a response sets."""
    (field,) = answer.headers.get_list("set-cookie")
    pair, *attributes = field.split("; ")
    name, _, value = pair.partition("=")
    return name, value, set(attributes)
