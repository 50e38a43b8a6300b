"""Servers on one database behave as one: first starts, repeated uploads, events and webhooks."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from imagesvc.auth.secrets import new_key
from imagesvc.auth.users import made_first_admin
from imagesvc.model.ids import new_id, utc_now
from imagesvc.store.accounts import UserStore
from imagesvc.store.db.postgres.database import PostgresDatabase
from tests.cluster.conftest import Nodes
from tests.conftest import EMPTY
from tests.http.asking import picture
from tests.postgres import Postgres
from tests.receiver import Receiver
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.cluster
EVENTS = 100


def test_two_first_starts_at_once_make_one_admin(nodes: Nodes) -> None:
    """The server whose key is not in the database keeps none."""
    servers = [nodes.node(auth="required") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Server.start, servers))
    assert nodes.sql("SELECT name FROM users") == ["admin"]
    assert nodes.sql("SELECT count(*) FROM api_keys") == [1]
    until(lambda: sum((server.data_dir / "admin.key").exists() for server in servers) == 1)


@pytest.mark.anyio
async def test_of_first_admins_made_at_once_one_stays(postgres: Postgres) -> None:
    with postgres.copy_of(EMPTY) as url:
        nodes = [PostgresDatabase(url) for _ in range(4)]
        admins = [made_first_admin(new_key(new_id()), utc_now()) for _ in nodes]
        adding = (
            UserStore(node).add_first(*made) for node, made in zip(nodes, admins, strict=True)
        )
        assert sorted(await asyncio.gather(*adding)) == [False, False, False, True]
        for node in nodes:
            await node.close()


def test_one_idempotency_key_makes_one_image(nodes: Nodes) -> None:
    first, second = nodes.pair()
    content = picture(1)

    def upload(server: Server, key: str) -> httpx2.Response:
        return server.client.post(
            "/api/v1/images",
            files={"file": ("a.jpg", content)},
            headers={"idempotency-key": key},
        )

    with ThreadPoolExecutor(2) as pool:
        for number in range(5):
            key = f"key-{number}"
            answers = list(pool.map(upload, (first, second), (key, key)))
            assert all(answer.status_code in {201, 409} for answer in answers), answers
            again = [upload(server, key) for server in (first, second)]
            assert {answer.status_code for answer in again} == {201}
            assert len({answer.json()["id"] for answer in again}) == 1
            assert nodes.sql("SELECT count(*) FROM images") == [number + 1]


def test_a_stream_of_one_node_has_the_events_of_both_in_order(nodes: Nodes) -> None:
    first, second = nodes.pair()
    with second.client.stream("GET", "/api/v1/events?types=image.created") as answer:
        lines = answer.iter_lines()
        until(lambda: next(lines).startswith("id:"))
        made = [
            (first, second)[number % 2].upload(picture(number))["id"]
            for number in range(EVENTS // 5)
        ]
        got: list[str] = []
        while len(got) < len(made):
            line = next(lines)
            if line.startswith("data: {"):
                got.append(json.loads(line.removeprefix("data: "))["data"]["image_id"])
    assert got == made


def test_a_reader_that_changes_servers_gets_each_event_once_in_order(nodes: Nodes) -> None:
    """While both servers commit events at the same time."""
    servers = nodes.pair()
    got: list[int] = [0]
    with ThreadPoolExecutor(4) as pool:
        uploads = [
            pool.submit(servers[number % 2].upload, picture(number))
            for number in range(EVENTS // 2)
        ]
        for turn in range(EVENTS // 5):
            got += _next_events(servers[turn % 2], got[-1], 5)
        for upload in uploads:
            upload.result()
    assert got[1:] == nodes.sql("SELECT id FROM events ORDER BY id")[: len(got) - 1]


def _next_events(server: Server, last: int, count: int) -> list[int]:
    """The ids of the first events of a stream after another event."""
    found: list[int] = []
    after = {"last-event-id": str(last)}
    with server.client.stream("GET", "/api/v1/events", headers=after) as answer:
        lines = answer.iter_lines()
        while len(found) < count:
            line = next(lines)
            if line.startswith("data: {"):
                found.append(int(json.loads(line.removeprefix("data: "))["id"]))
    return found


def test_each_event_is_sent_to_a_webhook_once(nodes: Nodes, receiver: Receiver) -> None:
    """Both servers run, one sends; when it is killed, the other one goes on."""
    first, second = nodes.pair(webhook_allow='["127.0.0.0/8"]')
    hook = {"url": receiver.url("/events"), "event_types": ["image.created"]}
    answer = first.client.post("/api/v1/webhooks", json=hook)
    assert answer.status_code == 201, answer.text
    made = [(first, second)[number % 2].upload(picture(number))["id"] for number in range(EVENTS)]
    until(lambda: len(receiver.at("/events")) >= EVENTS)
    until(
        lambda: nodes.sql("SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'") == [0]
    )
    first.kill()
    made.append(second.upload(picture(EVENTS))["id"])
    until(lambda: len(receiver.at("/events")) > EVENTS)
    got = Counter(json.loads(body)["data"]["image_id"] for _, body in receiver.at("/events"))
    assert got == Counter(made)
