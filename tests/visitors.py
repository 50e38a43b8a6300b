"""Visitors: people without an account who have a link."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.accounts import client_of
from tests.server import Server

SHARES, LINKS = "/api/v1/shares", "/api/v1/upload-links"


def share(client: httpx2.Client, **fields: Any) -> dict[str, Any]:
    """Make a share; returns it with its URL and its `token`."""
    return _made(client, SHARES, fields)


def link(client: httpx2.Client, **fields: Any) -> dict[str, Any]:
    """Make a link for uploads; returns it with its URL and its `token`."""
    return _made(client, LINKS, fields)


def _made(client: httpx2.Client, path: str, fields: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return {**made, "token": made["url"].rpartition("/")[2]}


class Visitor:
    """A browser with a link to a share, which keeps cookies."""

    def __init__(self, server: Server, token: str) -> None:
        self.client = client_of(server)
        self.token = token

    def open(self) -> httpx2.Response:
        """The data of the share."""
        return self.client.get(f"/api/v1/shared/{self.token}")

    def unlock(self, password: str, **headers: str) -> httpx2.Response:
        """Send the password."""
        return self.client.post(
            f"/api/v1/shared/{self.token}/unlock", json={"password": password}, headers=headers
        )

    def images(self, **query: Any) -> httpx2.Response:
        """A page of the images."""
        return self.client.get(f"/api/v1/shared/{self.token}/images", params=query)

    def ids(self) -> list[str]:
        """The ids of all images of the share, page by page."""
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.images(limit=2, **cursor)
            assert page.status_code == 200, page.text
            found += page.json()["ids"]
            if page.json()["next_cursor"] is None:
                return found
            cursor = {"cursor": page.json()["next_cursor"]}

    def picture(self, image_id: str, name: str = "thumbnail", **headers: str) -> httpx2.Response:
        """A preset of an image, or its original."""
        return self.client.get(f"/s/{self.token}/i/{image_id}/{name}", headers=headers)
