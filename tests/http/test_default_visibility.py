"""Uploads without a visibility are private with accounts, and public without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.accounts import admin_of, client_of, make_user
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.remote import Remote, answered

WAYS = ("form", "raw", "presigned", "url", "collection")


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    """The source of imported images."""
    remote = Remote()
    yield remote
    remote.close()


def made_by(way: str, client: httpx2.Client, source: str, **fields: str) -> dict[str, Any]:
    """An image or a collection, made in one of the ways, without a visibility unless given."""
    images = "/api/v1/images"
    if way == "form":
        answer = client.post(images, files={"file": ("a.jpg", picture(1))}, data=fields)
    elif way == "raw":
        answer = client.post(images, content=picture(1), params=fields)
    elif way == "presigned":
        slot = client.get(f"{images}/actions/upload-url", params=fields).json()
        answer = client.put(slot["url"], content=picture(1))
    elif way == "url":
        answer = client.post(images, json={"url": source, **fields})
    else:
        answer = client.post("/api/v1/collections", json={"title": "Summer", **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.mark.parametrize(
    ("auth", "default", "expected"),
    [
        ("required", None, "private"),
        pytest.param("off", None, "public", marks=pytest.mark.breadth),
        pytest.param("required", "unlisted", "unlisted", marks=pytest.mark.breadth),
        pytest.param("off", "private", "private", marks=pytest.mark.long),
    ],
)
def test_each_kind_of_upload_has_the_default(
    make_server: MakeServer, remote: Remote, auth: str, default: str | None, expected: str
) -> None:
    """A photograph must not become public by default."""
    given = {} if default is None else {"default_visibility": default}
    server = make_server(
        auth=auth, rate_limits="off", workers=1, allow_url_import="true",
        url_import_allow='["127.0.0.1/32"]', url_import_ports=f"[{remote.port}]", **given,
    )  # fmt: skip
    client, stranger = server.client, client_of(server)
    if auth == "required":
        client = make_user(server, admin_of(server), "ann").client
    source = remote.url("/a.jpg", answered(picture(2)))

    found = {way: made_by(way, client, source)["visibility"] for way in WAYS}
    named = {way: made_by(way, client, source, visibility="public")["visibility"] for way in WAYS}

    assert found == dict.fromkeys(WAYS, expected)
    assert named == dict.fromkeys(WAYS, "public")
    if auth == "required":
        image = made_by("raw", client, source)
        seen = stranger.get(f"/images/{image['id']}").status_code
        assert seen == (404 if expected == "private" else 200)
