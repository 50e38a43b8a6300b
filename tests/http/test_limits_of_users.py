"""What single users may do and keep: quotas, rates, and keys that never meet."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.accounts import PASSWORD, Account, admin_of, make_key, make_user
from tests.http.asking import assert_problem, damaged, orphans, picture, send_raw
from tests.limited import at, limited_server
from tests.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with accounts, where users may keep five images and strangers ask rarely."""
    with limited_server(
        tmp_path_factory.mktemp("users") / "data",
        default_visibility="public",
        quota_images=5,
        quota_bytes="1MiB",
        rate_limit="1/s burst 80",
        rate_limit_anonymous="1/h burst 5",
        rate_limit_login="1/h burst 3",
        rate_limit_render="1/h burst 2",
    ) as shared:
        yield shared


@pytest.fixture(scope="module")
def admin(server: Server) -> Account:
    """The admin whom the first start made."""
    return admin_of(server)


def upload(requester: Account, seed: int, **headers: str) -> httpx2.Response:
    """Upload a picture."""
    return requester.client.post(
        "/images", files={"file": ("a.jpg", picture(seed))}, headers=headers
    )


def usage_of(requester: Account) -> dict[str, int]:
    """What someone keeps, as they see it themselves."""
    usage: dict[str, int] = requester.client.get("/api/v1/users/me").json()["usage"]
    return usage


def test_sixteen_uploads_at_once_stop_exactly_at_the_quota(server: Server, admin: Account) -> None:
    """One too many must not slip in between the check and the commit; nothing is kept of it."""
    ann = make_user(server, admin, "ann")
    before = server.blobs()

    with ThreadPoolExecutor(16) as executor:
        answers = list(executor.map(lambda seed: upload(ann, 100 + seed), range(16)))

    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [429] * 11
    for answer in answers:
        if answer.status_code == 429:
            assert_problem(answer, 429, "quota_exceeded")
    kept = {answer.json()["sha256"] for answer in answers if answer.status_code == 201}
    assert kept <= server.blobs() - before
    refused = {picture(100 + seed) for seed in range(16)}
    assert len(refused) == 16
    assert orphans(server) == []
    used = usage_of(ann)
    assert used["image_count"] == used["quota_images"] == 5
    assert used["image_bytes"] == sum(
        answer.json()["bytes"] for answer in answers if answer.status_code == 201
    )


def test_a_deleted_image_makes_room(server: Server, admin: Account) -> None:
    """And the counters are back where they were."""
    bob = make_user(server, admin, "bob")
    images = [upload(bob, 200 + number).json()["id"] for number in range(5)]
    assert_problem(upload(bob, 206), 429, "quota_exceeded")

    for image_id in images:
        assert bob.client.delete(f"/api/v1/images/{image_id}").status_code == 204

    assert usage_of(bob)["image_count"] == usage_of(bob)["image_bytes"] == 0
    assert upload(bob, 206).status_code == 201


def test_failed_uploads_are_not_charged(server: Server, admin: Account) -> None:
    """Refused, cut off, or turned down in the very transaction; and what a failed job left."""
    kim = make_user(server, admin, "kim")
    nowhere = {"collection_id": "01900000-0000-7000-8000-000000000000"}
    files = {"file": ("a.jpg", picture(250))}
    assert kim.client.post("/images", content=b"no picture").status_code == 415
    assert kim.client.post("/images", files=files, data=nowhere).status_code == 400
    head = (
        "POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
        f"Authorization: Bearer {kim.key}\r\nContent-Length: 5000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode() + picture(251)[:1000])
    assert orphans(server) == []
    assert usage_of(kim)["image_count"] == usage_of(kim)["image_bytes"] == 0

    image = kim.client.post("/images", files={"file": ("a.png", damaged(1))}).json()
    assert usage_of(kim)["image_bytes"] == image["bytes"]
    assert kim.client.delete(f"/api/v1/images/{image['id']}").status_code == 204

    assert usage_of(kim)["image_count"] == usage_of(kim)["image_bytes"] == 0


def test_a_declared_excess_is_refused_unread(server: Server, admin: Account) -> None:
    """The client learns it before it has sent anything."""
    carl = make_user(server, admin, "carl")
    head = (
        "POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
        f"Authorization: Bearer {carl.key}\r\nContent-Length: 1048577\r\n"
        "Expect: 100-continue\r\n\r\n"
    )

    answer = send_raw(server, head.encode())

    assert answer is not None
    assert answer.status == 429
    assert b"quota_exceeded" in answer.body


def test_an_admin_sets_the_quota_of_one_user(server: Server, admin: Account) -> None:
    """Instead of that in the settings, and at once."""
    dora = make_user(server, admin, "dora")
    url = f"/api/v1/users/{dora.id}"
    assert admin.client.patch(url, json={"quota_images": 1}).json()["quota_images"] == 1
    assert upload(dora, 300).status_code == 201

    assert_problem(upload(dora, 301), 429, "quota_exceeded")
    assert_problem(dora.client.patch(url, json={"quota_images": 9}), 403, "forbidden")
    assert_problem(admin.client.patch(url, json={"quota_images": -1}), 400, "invalid_request")
    assert usage_of(dora)["quota_images"] == 1

    assert admin.client.patch(url, json={"quota_images": None}).json()["quota_images"] is None
    assert usage_of(dora)["quota_images"] == 5
    assert upload(dora, 302).status_code == 201


def test_keys_of_different_users_never_meet(server: Server, admin: Account) -> None:
    """Both may count from one, and neither sees the other's answer."""
    emil, finn = make_user(server, admin, "emil"), make_user(server, admin, "finn")

    first = upload(emil, 400, **{"idempotency-key": "1"})
    other = upload(finn, 400, **{"idempotency-key": "1"})
    again = upload(emil, 400, **{"idempotency-key": "1"})

    assert first.status_code == other.status_code == 201
    assert other.json()["id"] != first.json()["id"]
    assert "idempotent-replayed" not in other.headers
    assert again.content == first.content


def test_all_keys_of_a_user_draw_on_one_bucket(server: Server, admin: Account) -> None:
    """A thousand keys would otherwise be a thousand times the rate."""
    gina = make_user(server, admin, "gina")
    clients = [make_key(server, admin, gina.id, ["read"])[1] for _ in range(2)]

    with ThreadPoolExecutor(8) as executor:
        statuses = list(
            executor.map(
                lambda number: clients[number % 2].get("/api/v1/images?limit=1").status_code,
                range(120),
            )
        )

    assert statuses[0] == 200
    assert 429 in statuses
    assert int(gina.client.get("/api/v1/users/me").headers["ratelimit-remaining"]) < 40
    assert int(admin.client.get("/api/v1/users/me").headers["ratelimit-remaining"]) > 40


def test_invalid_credentials_are_counted_by_address(server: Server, admin: Account) -> None:
    """Guessing is limited, and does not lock out the owner of the key."""
    wrong = {"authorization": f"Bearer isk_{'0' * 32}_{'0' * 64}", "x-forwarded-for": "192.0.2.1"}

    statuses = [server.client.get("/api/v1/images", headers=wrong).status_code for _ in range(8)]

    assert statuses == [401] * 5 + [429] * 3
    right = admin.client.get("/api/v1/images", headers=at("192.0.2.1"))
    assert right.status_code == 200


def login(server: Server, name: str, address: str, password: str = "wrong") -> httpx2.Response:
    """Try a password."""
    return server.client.post(
        "/api/v1/auth/token",
        data={"username": name, "password": password},
        headers=at(address),
    )


def test_passwords_are_tried_seldom_from_one_address(server: Server, admin: Account) -> None:
    """The limit applies to all names together."""
    names = [f"name{number}" for number in range(5)]
    for name in names:
        make_user(server, admin, name, password=PASSWORD)

    statuses = [login(server, name, "192.0.2.2").status_code for name in names]

    assert statuses == [401] * 3 + [429] * 2


def test_users_have_variants_made_without_the_limit_of_strangers(
    server: Server, admin: Account
) -> None:
    """Strangers at one address may have two made; a user any number."""
    ida = make_user(server, admin, "ida")
    image_id = upload(ida, 500).json()["id"]
    stranger = at("192.0.2.3")

    mine = [ida.client.get(f"/images/{image_id}?w={w}").status_code for w in range(50, 56)]
    theirs = [
        server.client.get(f"/images/{image_id}?w={w}", headers=stranger).status_code
        for w in range(60, 64)
    ]

    assert mine == [200] * 6
    assert theirs == [200, 200, 429, 429]
