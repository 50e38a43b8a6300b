"""Hostile webhook receivers and identity providers: other users are served meanwhile."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from imagesvc.auth.provider.jwks import KeySet
from imagesvc.errors import Unavailable
from imagesvc.outbound.requests import Outbound
from imagesvc.service.outbound import operator_rules
from tests.accounts import admin_of, make_user
from tests.attack.test_hostile_sources import ENDLESS, MAX_SLICE, MAX_TOTAL, Ticker
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.http.people import upload
from tests.receiver import Receiver
from tests.remote import Remote, answered, redirected
from tests.server import Server
from tests.waiting import until

HOOKS = "/api/v1/webhooks"


@pytest.fixture
def hostile() -> Iterator[Remote]:
    """A server with incorrect responses."""
    remote = Remote()
    yield remote
    remote.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An honest receiver."""
    receiver = Receiver()
    yield receiver
    receiver.close()


def mute(connection: socket.socket) -> None:
    """Receive data, and send nothing until the client disconnects."""
    connection.settimeout(None)
    while connection.recv(65536):
        pass


def test_hanging_receivers_of_one_user_delay_no_other_user(
    make_server: MakeServer, hostile: Remote, receiver: Receiver
) -> None:
    """They occupy a part of the concurrent deliveries, for any number of webhooks."""
    server = make_server(
        auth="required", rate_limits="off", workers=1, webhook_timeout="250s",
        webhook_allow='["127.0.0.1/32"]',
    )  # fmt: skip
    admin = admin_of(server)
    ann, bob = (make_user(server, admin, name) for name in ("ann", "bob"))
    for number in range(20):
        hung = ann.client.post(HOOKS, json={"url": hostile.url(f"/{number}", mute)})
        assert hung.status_code == 201, hung.text
    made = bob.client.post(HOOKS, json={"url": receiver.url("/bob")})
    assert made.status_code == 201, made.text
    upload(ann.client, 1)
    until(lambda: len(hostile.requests) >= 6)

    image = upload(bob.client, 2)

    until(lambda: any(image["id"].encode() in body for _, body in receiver.at("/bob")))
    assert len(hostile.requests) == 6
    server.kill()  # a stop would wait for the receivers


def test_endless_answers_fail_only_their_deliveries(
    make_server: MakeServer, hostile: Remote, receiver: Receiver
) -> None:
    """Each is a failed attempt with a reason; the honest receiver gets its deliveries meanwhile."""
    server = make_server(workers=1, webhook_timeout="100s", webhook_allow='["127.0.0.1/32"]')
    hooks = []
    for number, answer in enumerate(ENDLESS.values()):
        url = hostile.url(f"/{number}", answer)
        made = server.client.post(HOOKS, json={"url": url, "event_types": ["image.created"]})
        hooks.append(made.json()["id"])
    server.client.post(HOOKS, json={"url": receiver.url("/honest")})

    server.upload(picture(3))

    until(lambda: receiver.at("/honest"))
    for hook in hooks:
        until(partial(is_tried, server, hook))
        assert "longer than" not in (first_delivery(server, hook)["error"] or "")


def first_delivery(server: Server, hook_id: str) -> dict[str, Any]:
    """The oldest delivery of a webhook, or None."""
    page = server.client.get(f"{HOOKS}/{hook_id}/deliveries").json()["data"]
    found: dict[str, Any] = page[-1] if page else {}
    return found


def is_tried(server: Server, hook_id: str) -> bool:
    """Whether the oldest delivery of a webhook has been tried."""
    return bool(first_delivery(server, hook_id).get("attempts"))


def bomb(connection: socket.socket) -> None:
    """A response that inflates to 200 MiB."""
    body = gzip.compress(bytes(200 << 20), 9)
    connection.sendall(answered(body, "Content-Encoding: gzip", "Content-Type: application/json"))


HOSTILE_KEYS: dict[str, bytes | Callable[[socket.socket], None]] = {
    **ENDLESS,
    "a bomb": bomb,
    "deep JSON": answered(b"[" * 200_000),
    "a redirect": redirected("/a redirect"),
}


@pytest.mark.parametrize("answer", HOSTILE_KEYS.values(), ids=HOSTILE_KEYS.keys())
def test_a_provider_with_endless_answers_blocks_nothing(
    hostile: Remote, answer: bytes | Callable[[socket.socket], None]
) -> None:
    """Tokens cannot be verified, which is 503; the rest of the service continues."""

    async def work() -> Ticker:
        keys = KeySet(hostile.url("/keys", answer), Outbound(operator_rules("provider")).get)
        async with Ticker() as ticker:
            with pytest.raises(Unavailable):
                await keys.key("a")
        return ticker

    ticker = asyncio.run(work())

    assert ticker.longest < MAX_SLICE
    assert ticker.total < MAX_TOTAL
