"""Changes of images beside those of one image: no other node answers as it was before."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from imagesvc.model.ids import utc_now
from tests.accounts import Account, admin_of, client_of, make_user
from tests.cluster.conftest import Nodes
from tests.cluster.test_invalidation import hot
from tests.conftest import EMPTY
from tests.http.asking import picture
from tests.postgres import Postgres
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.cluster
ACTIONS = "/api/v1/images/actions"
GONE = {401, 404}
ROUNDS = 5


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Nodes]:
    """The servers of this module."""
    place: Path = tmp_path_factory.mktemp("nodes")
    with postgres.copy_of(EMPTY) as url, contextlib.closing(Nodes(place, url)) as made:
        yield made


@pytest.fixture(scope="module")
def pair(shared: Nodes) -> tuple[Server, Server]:
    """Two servers with accounts."""
    return shared.pair(auth="required", rate_limits="off")


@pytest.fixture(scope="module")
def admin(pair: tuple[Server, Server]) -> Account:
    """The admin, at the server that changes images."""
    return admin_of(pair[0])


@pytest.fixture
def second(pair: tuple[Server, Server]) -> Server:
    """The server that a stranger asks."""
    return pair[1]


def uploaded(owner: Account, number: int, visibility: str = "public") -> str:
    """An image."""
    answer = owner.client.post(
        "/api/v1/images",
        files={"file": ("a.jpg", picture(number))},
        data={"visibility": visibility},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def done(answer: httpx2.Response) -> None:
    """Check that a change was made."""
    assert answer.is_success, answer.text


def test_several_images_change_at_once(admin: Account, second: Server) -> None:
    images = [uploaded(admin, number) for number in range(ROUNDS)]
    urls = [hot(image, second) for image in images]
    change = {"ids": images, "visibility": "private"}

    done(admin.client.post(f"{ACTIONS}/update", json=change))

    assert {second.client.get(url).status_code for url in urls} <= GONE


def test_what_is_restored_can_be_seen_everywhere(admin: Account, second: Server) -> None:
    for number in range(ROUNDS):
        image = uploaded(admin, 100 + number)
        url = hot(image, second)
        done(admin.client.post(f"{ACTIONS}/trash", json={"ids": [image]}))
        assert second.client.get(url).status_code in GONE

        done(admin.client.post(f"{ACTIONS}/restore", json={"ids": [image]}))

        assert second.client.get(url).status_code == 200


def test_an_image_expires_everywhere(admin: Account, second: Server) -> None:
    """Images that expire are not kept in memory, also not those that were."""
    image = uploaded(admin, 200)
    url = hot(image, second)
    own = f"/api/v1/images/{image}"
    ends = utc_now() + timedelta(seconds=5)
    match = {"if-match": admin.client.get(own).headers["etag"]}

    done(admin.client.patch(own, json={"expires_at": ends.isoformat()}, headers=match))

    assert second.client.get(url).headers.get("server-timing") != "cache;desc=memory"
    until(lambda: admin.client.get(own).status_code == 404)
    assert second.client.get(url).status_code in GONE


def test_the_images_of_a_user_are_those_of_the_next_owner_everywhere(
    pair: tuple[Server, Server], admin: Account, second: Server
) -> None:
    owner, heir = (make_user(pair[0], admin, name) for name in ("leaving", "heir"))
    there = client_of(second, heir.key)
    urls = [f"/images/{uploaded(owner, 300 + n, 'private')}?w=20" for n in range(ROUNDS)]
    assert {there.get(url).status_code for url in urls} == {404}

    done(admin.client.delete(f"/api/v1/users/{owner.id}", params={"images_to": heir.id}))

    assert {there.get(url).status_code for url in urls} == {200}
