"""A body that contains a request stays a body, also on connections that a proxy shares."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.accounts import Account
from tests.breadth import represented
from tests.http.asking import picture
from tests.proxies import PROXIES
from tests.server import Server, new_client

PADDINGS = (200, 70_000, 100_000, 140_000, 300_000)
UPGRADES = ("foo", "websocket", "h2c", "TLS/1.0", "foo, websocket")


@pytest.fixture(scope="module", params=sorted(PROXIES))
def proxy(
    request: pytest.FixtureRequest, guarded: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The URL of a proxy in front of the server with accounts."""
    folder = tmp_path_factory.mktemp(request.param)
    with PROXIES[request.param](folder, guarded.port) as port:
        yield f"http://127.0.0.1:{port}"


def private_image(admin: Account, seed: int) -> str:
    """The id of an image that only the admin may see or delete."""
    made = admin.client.post(
        "/api/v1/images",
        files={"file": ("a.jpg", picture(seed))},
        data={"visibility": "private"},
    )
    assert made.status_code == 201, made.text
    image_id: str = made.json()["id"]
    return image_id


@pytest.mark.parametrize(
    ("upgrade", "padding"),
    represented(
        itertools.product(UPGRADES, PADDINGS), *((upgrade, 70_000) for upgrade in UPGRADES),
        *(("h2c", padding) for padding in PADDINGS),
    ),
)  # fmt: skip
def test_a_body_that_contains_a_delete_request_deletes_nothing(
    guarded: Server, admin: Account, proxy: str, upgrade: str, padding: int
) -> None:
    """The smuggled header has no end, so the next request would add its credentials to it."""
    image_id = private_image(admin, padding % 251 + UPGRADES.index(upgrade))
    smuggled = f"DELETE /api/v1/images/{image_id} HTTP/1.1\r\nHost: a\r\nX-Padding: "
    body = b"\r\n" * (padding // 2) + smuggled.encode()
    headers = {"connection": "upgrade", "upgrade": upgrade, "content-type": "image/jpeg"}
    with new_client(base_url=proxy) as stranger:
        stranger.post("/api/v1/images", content=body, headers=headers)
        stranger.post("/no-such", content=body, headers=headers)

    with new_client(base_url=proxy, headers=admin.client.headers) as client:
        answers = [client.get("/api/v1/users/me") for _ in range(3)]

    assert admin.client.get(f"/api/v1/images/{image_id}").status_code == 200
    assert [answer.json().get("id") for answer in answers] == [admin.id] * 3
