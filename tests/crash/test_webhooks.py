"""A kill between an event and its delivery."""

from __future__ import annotations

from tests.conftest import MakeServer
from tests.crash.pictures import jpeg
from tests.http.test_webhooks import HOOKS
from tests.receiver import Receiver, until


def test_what_was_not_delivered_is_sent_after_a_restart(make_server: MakeServer) -> None:
    """The delivery, or the event it is made of, was committed with the change."""
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
