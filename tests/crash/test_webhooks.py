"""Kills at any moment of events and their deliveries."""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import threading
import time
from collections import defaultdict
from contextlib import closing

import httpx2
import pytest

from tests.conftest import MakeServer
from tests.crash.pictures import jpeg
from tests.crash.traffic import LONG_KILLS, rows
from tests.http.test_webhooks import HOOKS
from tests.receiver import Receiver
from tests.server import Server, new_client
from tests.waiting import LONG_PATIENCE, PATIENCE, until

KILLS = [3, pytest.param(min(30, LONG_KILLS), marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
LANES = 3
TYPES = ["image.created", "image.deleted"]
UNENDED = "SELECT id FROM webhook_deliveries WHERE status = 'pending'"
NOT_TOLD = """
    SELECT id FROM events WHERE type IN ('image.created', 'image.deleted')
    AND id NOT IN (SELECT event_id FROM webhook_deliveries WHERE status = 'succeeded')
"""


def test_undelivered_events_are_sent_after_a_restart(make_server: MakeServer) -> None:
    """The delivery, or the event of which it is made, was committed with the change."""
    receiver = Receiver()
    server = make_server(workers=1, webhook_allow='["127.0.0.1/32"]', webhook_retry_delay="1s")
    body = {"url": receiver.url("/late", 500), "event_types": ["image.created"]}
    server.client.post(HOOKS, json=body).raise_for_status()

    server.upload(jpeg(1))
    server.kill()
    server.start()

    until(lambda: len([1 for _ in receiver.at("/late")]) >= 1 and not receiver.statuses["/late"])
    until(lambda: len(receiver.at("/late")) >= 2)
    assert len({headers["webhook-id"] for headers, _ in receiver.at("/late")}) == 1
    receiver.close()


def change_until(server: Server, chance: random.Random, stopping: threading.Event) -> None:
    """Upload and delete until the server is killed."""
    with (
        contextlib.suppress(httpx2.TransportError),
        new_client(base_url=server.client.base_url) as client,
    ):
        while not stopping.is_set():
            content = jpeg(chance.randrange(1000))
            answer = client.post("/api/v1/images?filename=a.jpg", content=content)
            if chance.random() < 0.5:
                client.delete(f"/api/v1/images/{answer.json()['id']}")


def hold_one(receiver: Receiver) -> None:
    """Wait for a delivery that gets no response."""
    receiver.released.clear()
    held = len(receiver.got)
    until(lambda: len(receiver.got) > held)


@pytest.mark.breadth
@pytest.mark.parametrize("kills", KILLS)
def test_kills_lose_no_delivery(make_server: MakeServer, kills: int) -> None:
    """Every event is delivered at least once, repeats have one id, and the log has it once."""
    receiver, chance = Receiver(), random.Random(11)
    server = make_server(
        workers=1, webhook_allow='["127.0.0.1/32"]', webhook_retry_delay="50ms",
        webhook_timeout=f"{PATIENCE}s",
    )  # fmt: skip
    url = receiver.url("/held", *([204, 204, 500] * 20))
    server.client.post(HOOKS, json={"url": url, "event_types": TYPES}).raise_for_status()

    for number in range(kills):
        receiver.released.set()
        stopping = threading.Event()
        lanes = [
            threading.Thread(
                target=change_until, args=(server, random.Random(chance.random()), stopping)
            )
            for _ in range(LANES)
        ]
        for priority in lanes:
            priority.start()
        more = len(receiver.got) + chance.randrange(1, 8)
        until(lambda: len(receiver.got) >= more)  # noqa: B023  # is called here
        if number % 2 == 0:  # between a delivery and its end
            hold_one(receiver)
        else:
            time.sleep(chance.uniform(0.0, 0.1))
        server.kill()
        stopping.set()
        for priority in lanes:
            priority.join()
        server.start()

    receiver.released.set()
    until(lambda: not rows(server.data_dir, NOT_TOLD), LONG_PATIENCE)
    until(lambda: not rows(server.data_dir, UNENDED), LONG_PATIENCE)
    ids: dict[str, set[str]] = defaultdict(set)
    repeats = 0
    for headers, body in receiver.at("/held"):
        event = json.loads(body)["id"]
        repeats += headers["webhook-id"] in ids[event]
        ids[event].add(headers["webhook-id"])
    with closing(sqlite3.connect(server.data_dir / "imagesvc.db")) as connection:
        log = connection.execute("SELECT event_id, status FROM webhook_deliveries").fetchall()
    told = rows(server.data_dir, f"SELECT id FROM events WHERE type IN {tuple(TYPES)}")
    assert len(told) > kills
    assert set(ids) == told
    assert all(len(of_one) == 1 for of_one in ids.values())
    assert sorted(log) == [(int(event), "succeeded") for event in sorted(told, key=int)]
    assert repeats
    receiver.close()
