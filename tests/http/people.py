"""Two users and an admin of a server with accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.accounts import Account, admin_of, make_user
from tests.http.asking import picture
from tests.server import Server


@dataclass(frozen=True, slots=True)
class People:
    """The users of a server, each with a client."""

    server: Server
    admin: httpx2.Client
    ann: httpx2.Client
    bob: httpx2.Client


def people_of(server: Server) -> People:
    """The people of a new server."""
    admin: Account = admin_of(server)
    ann, bob = (make_user(server, admin, name).client for name in ("ann", "bob"))
    return People(server, admin.client, ann, bob)


def upload(client: httpx2.Client, seed: int = 0, **fields: str) -> dict[str, Any]:
    """Upload one picture that must be accepted; returns the image."""
    files = {"file": (f"{seed}.jpg", picture(seed))}
    answer = client.post("/api/v1/images", files=files, data=fields)
    assert answer.status_code == 201, answer.text
    image: dict[str, Any] = answer.json()
    return image
