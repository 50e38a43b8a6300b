"""Images in the trash and expired ones, requested while that happens, by those who may not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.accounts import Account, admin_of, client_of, make_user
from tests.breadth import represented
from tests.conftest import MakeServer
from tests.crash.traffic import rows
from tests.http.asking import picture
from tests.http.people import upload
from tests.http.test_expiry import expire_soon
from tests.http.test_trash import EMPTY, TRASH, listed, moved, show
from tests.server import Server
from tests.waiting import until
from tests.workers.processes import stopped_rendering

URLS = ("/images/{}?w=50", "/images/{}/thumbnail", "/images/{}", "/blurred-images/{}?sigma=2")


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """The owner."""
    return make_user(guarded, admin, "ada")


def uploaded(client: httpx2.Client, content: bytes, **fields: str) -> str:
    """The id of a new image."""
    answer = client.post("/images", files={"file": ("a.jpg", content)}, data=fields)
    assert answer.status_code == 201, answer.text
    image_id: str = answer.json()["id"]
    return image_id


def settled(client: httpx2.Client, image_id: str) -> str:
    """Wait for the job of an image, so that the workers are idle; returns the id."""
    until(lambda: show(client, image_id)["status"] == "succeeded")
    return image_id


def in_memory(server: Server, ada: Account, image_id: str) -> list[str]:
    """The transforms of an image's variants in memory."""
    data = ada.client.get(f"/api/v1/images/{image_id}/variants").json()["data"]
    return [item["transform"] for item in data if "memory" in item["tiers"]]


def test_a_picture_in_the_making_is_not_sent_when_its_image_is_in_the_trash(
    guarded: Server, ada: Account, admin: Account
) -> None:
    """It was begun when everyone could see it; afterwards it is neither sent nor remembered."""
    image_id = settled(ada.client, uploaded(ada.client, picture(20)))
    url = f"/images/{image_id}?w=40"

    with stopped_rendering(guarded, url, admin.client) as answer:
        assert moved(ada.client, "trash", image_id) == [204]

    assert answer.result().status_code == 404
    stranger = client_of(guarded)
    assert [stranger.get(url).status_code for _ in range(2)] == [404, 404]
    assert in_memory(guarded, ada, image_id) == []
    moved(ada.client, "restore", image_id)
    assert stranger.get(url).status_code == 200


@pytest.mark.breadth
def test_a_picture_in_the_making_is_not_sent_when_its_image_has_expired(
    guarded: Server, ada: Account, admin: Account
) -> None:
    """A rendering may take longer than the image exists."""
    image_id = settled(ada.client, uploaded(ada.client, picture(20)))
    url = f"/images/{image_id}?w=41"

    with stopped_rendering(guarded, url, admin.client) as answer:
        ends = expire_soon_of(ada.client, image_id)
        until(lambda: datetime.now(UTC) > ends)
        assert not answer.done()

    assert answer.result().status_code == 404


@pytest.mark.breadth
def test_a_picture_in_the_making_is_not_sent_when_its_image_is_private(
    guarded: Server, ada: Account, admin: Account
) -> None:
    """Nor does a cache keep it for a year, with the header fields of before."""
    image_id = settled(ada.client, uploaded(ada.client, picture(20)))
    url = f"/images/{image_id}?w=42"

    with stopped_rendering(guarded, url, admin.client) as answer:
        edit = ada.client.patch(f"/api/v1/images/{image_id}", json={"visibility": "private"})
        assert (edit.status_code, answer.done()) == (200, False)

    assert answer.result().status_code == 404


def expire_soon_of(client: httpx2.Client, image_id: str) -> datetime:
    """As `expire_soon`, by a user."""
    return expire_soon(_Requester(client), image_id)  # type: ignore[arg-type]  # only its client


class _Requester:
    def __init__(self, client: httpx2.Client) -> None:
        self.client = client


@contextmanager
def hammering(*requests: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Each request again and again in a thread of its own; the errors of their checks."""
    ends, wrong = threading.Event(), list[BaseException]()

    def repeat(request: Callable[[], object]) -> None:
        try:
            while not ends.is_set():
                request()
        except BaseException as error:  # noqa: BLE001  # told to the test
            wrong.append(error)

    threads = [threading.Thread(target=repeat, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        ends.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("path", represented(URLS, "/images/{}?w=50"))
def test_no_request_that_begins_after_the_trashing_is_answered(
    guarded: Server, ada: Account, path: str
) -> None:
    """Other strangers keep the picture in memory all the time, and conditions are met."""
    image_id = settled(ada.client, uploaded(ada.client, picture(21)))
    url, stranger = path.format(image_id), client_of(guarded)
    etag = stranger.get(url).headers["etag"]
    others = [client_of(guarded) for _ in range(3)]

    def ask(client: httpx2.Client) -> None:
        assert client.get(url).status_code in {200, 404}

    with hammering(*(lambda one=one: ask(one) for one in others)) as wrong:
        for _ in range(15):
            assert moved(ada.client, "trash", image_id) == [204]
            for headers in ({}, {"if-none-match": etag}, {"range": "bytes=0-9"}):
                answer = stranger.get(url, headers=headers)
                assert answer.status_code == 404
                assert "etag" not in answer.headers
            assert moved(ada.client, "restore", image_id) == [204]
            assert stranger.get(url).status_code == 200
            assert stranger.get(url, headers={"if-none-match": etag}).status_code == 304
    assert not wrong, wrong


def test_moves_and_deletes_at_once_leave_each_image_in_one_place(
    guarded: Server, ada: Account
) -> None:
    """Listed, in the trash, or gone; its collection counts it in the first case only."""
    collection = ada.client.post("/api/v1/collections", json={"title": "x"}).json()
    into = {"collection_id": collection["id"]}
    ids = [upload(ada.client, 30 + n % 4, **into)["id"] for n in range(16)]
    clients = [client_of(guarded, ada.key) for _ in range(5)]

    def move(client: httpx2.Client, action: str) -> None:
        answer = client.post(f"/api/v1/images/actions/{action}", json={"ids": ids})
        statuses = {entry["status"] for entry in answer.json()["data"]}
        assert statuses <= {204, 404}

    def delete(client: httpx2.Client, left: list[str]) -> None:
        if len(left) > 4:
            status = client.delete(f"/api/v1/images/{left.pop()}").status_code
            assert status in {204, 404}
            assert client.post(EMPTY).status_code == 200

    with hammering(
        lambda: move(clients[0], "trash"), lambda: move(clients[1], "restore"),
        lambda: move(clients[2], "trash"), lambda: move(clients[3], "restore"),
    ) as wrong:  # fmt: skip
        left = list(ids)
        while len(left) > 4 and not wrong:
            delete(clients[4], left)
    assert not wrong, wrong

    shown = set(listed(ada.client, collection["links"]["images"]))
    trashed = set(listed(ada.client, TRASH)) & set(ids)
    found = {one for one in ids if ada.client.get(f"/api/v1/images/{one}").status_code == 200}
    counted = ada.client.get(f"/api/v1/collections/{collection['id']}").json()["image_count"]
    assert not shown & trashed
    assert shown | trashed == found
    assert counted == len(shown)
    assert shown <= set(listed(ada.client, "/api/v1/images?limit=200"))
    until(lambda: guarded.blobs() == rows(guarded.data_dir, "SELECT sha256 FROM blobs"))
    assert guarded.cli("check").returncode == 0


def test_no_proxy_is_told_to_send_what_is_in_the_trash(make_server: MakeServer) -> None:
    """With sendfile, a proxy sends the file that a header field names."""
    server = make_server(auth="required", sendfile="x-accel-redirect", default_visibility="public")
    owner, stranger = admin_of(server).client, client_of(server)
    image_id = settled(owner, uploaded(owner, picture(41)))
    url, field = f"/images/{image_id}", "x-accel-redirect"
    assert stranger.get(url).headers[field]

    moved(owner, "trash", image_id)

    hidden = stranger.get(url)
    assert (hidden.status_code, field in hidden.headers) == (404, False)
    assert owner.get(url).headers[field]


def test_another_image_of_the_same_bytes_is_not_affected(
    guarded: Server, ada: Account, admin: Account
) -> None:
    """Neither by the trash nor by what becomes of it; and it does not keep the other reachable."""
    bob = make_user(guarded, admin, "bob-with-the-same-bytes")
    hers, his = (uploaded(it.client, picture(40)) for it in (ada, bob))
    stranger = client_of(guarded)
    before: dict[str, Any] = show(bob.client, settled(bob.client, his))
    settled(ada.client, hers)

    def check() -> None:
        for path in URLS:
            assert stranger.get(path.format(his)).status_code == 200
            assert stranger.get(path.format(hers)).status_code == 404
        assert show(bob.client, his) == before

    moved(ada.client, "trash", hers)
    check()
    ada.client.post(EMPTY)
    check()
