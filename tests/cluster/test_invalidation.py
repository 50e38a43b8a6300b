"""What one node has changed, no other answers as it was before, from the moment it has answered."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.cluster.conftest import Nodes
from tests.conftest import EMPTY
from tests.http.asking import picture
from tests.postgres import Postgres
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.cluster
ROUNDS = 34
CHANGES = ("delete", "private", "trash")
LEASE_SECONDS = 2.0
LOCK = "SELECT pg_advisory_xact_lock(hashtext('imagesvc events'))"
OF_DATABASE = (
    "SELECT pid FROM pg_stat_activity JOIN pg_locks USING (pid) "
    "WHERE datname = current_database() AND locktype = 'advisory' "
    "AND query LIKE 'UPDATE images SET%title%' "
)
WAITING = OF_DATABASE + "AND NOT granted"
HOLDING = OF_DATABASE + "AND granted AND state = 'idle in transaction'"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Nodes]:
    """The servers of this module."""
    place: Path = tmp_path_factory.mktemp("nodes")
    with postgres.copy_of(EMPTY) as url:
        made = Nodes(place, url)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def pair(shared: Nodes) -> tuple[Server, Server]:
    """Two servers without accounts of users."""
    first, second = shared.pair(auth="required")
    key = (first.data_dir / "admin.key").read_text().strip()
    first.client.headers["authorization"] = f"Bearer {key}"
    return first, second


@pytest.fixture
def first(pair: tuple[Server, Server]) -> Server:
    """The one that changes images, as its admin."""
    return pair[0]


@pytest.fixture
def second(pair: tuple[Server, Server]) -> Server:
    """The one that a stranger asks."""
    return pair[1]


def hot(image: str, *servers: Server) -> str:
    """A URL that these servers answer from memory."""
    url = f"/images/{image}?w=20"
    for server in servers:

        def is_hot(server: Server = server) -> bool:
            answer = server.client.get(url)
            assert answer.status_code == 200, answer.text
            return answer.headers.get("server-timing") == "cache;desc=memory"

        until(is_hot)
    return url


def change(server: Server, image: str, kind: str) -> None:
    """Have a stranger lose an image."""
    url = f"/api/v1/images/{image}"
    if kind == "private":
        etag = server.client.get(url).headers["etag"]
        answer = server.client.patch(url, json={"visibility": kind}, headers={"if-match": etag})
    elif kind == "trash":
        answer = server.client.post("/api/v1/images/actions/trash", json={"ids": [image]})
    else:
        answer = server.client.delete(url)
    assert answer.is_success, answer.text


def _processed(server: Server, number: int) -> str:
    """An image whose job has ended, so that nothing else changes it."""
    image = server.upload(picture(number), visibility="public")
    server.finished(image["job"]["id"])
    return str(image["id"])


def test_a_change_on_one_node_is_known_on_the_other(first: Server, second: Server) -> None:
    for number in range(ROUNDS):
        for kind in CHANGES:
            image = first.upload(picture(number), visibility="public")["id"]
            url = hot(image, first, second)
            change(first, image, kind)
            answer = second.client.get(url)
            assert answer.status_code in {401, 404}, (number, kind)


def test_a_node_that_was_stopped_does_not_answer_what_was_deleted(
    first: Server, second: Server
) -> None:
    """The deletion waits for its lease, and not longer."""
    image = first.upload(picture(200), visibility="public")["id"]
    url = hot(image, first, second)
    os.kill(second.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        change(first, image, "delete")
        assert time.monotonic() - began > LEASE_SECONDS / 4
    finally:
        os.kill(second.pid, signal.SIGCONT)
    for _ in range(20):
        assert second.client.get(url).status_code == 404


def test_a_node_that_is_stopped_in_a_transaction_holds_up_no_other(
    first: Server, second: Server, shared: Nodes
) -> None:
    """PostgreSQL ends its session, which holds what all changes of images lock."""
    image, edited = (_processed(first, 210 + number) for number in range(2))
    key = {"authorization": first.client.headers["authorization"]}
    url = f"/api/v1/images/{edited}"
    match = {"if-match": second.client.get(url, headers=key).headers["etag"]}
    with ThreadPoolExecutor(1) as threads:
        with shared.transaction() as connection:
            connection.execute(text(LOCK))
            edit = threads.submit(
                second.client.patch, url, json={"title": "A"}, headers={**key, **match}
            )
            until(lambda: shared.sql(WAITING))
            os.kill(second.pid, signal.SIGSTOP)
        try:
            until(lambda: shared.sql(HOLDING))
            change(first, image, "delete")
        finally:
            os.kill(second.pid, signal.SIGCONT)
        assert edit.result().status_code == 503
    until(lambda: second.client.get("/readyz").status_code == 200)
    change(first, edited, "delete")


def test_lost_connections_do_not_hide_a_deletion(
    first: Server, second: Server, shared: Nodes
) -> None:
    for number in range(5):
        image = first.upload(picture(300 + number), visibility="public")["id"]
        url = hot(image, first, second)
        shared.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND query LIKE '%image_changes%' AND state = 'idle'"
        )
        change(first, image, "delete")
        assert second.client.get(url).status_code == 404
