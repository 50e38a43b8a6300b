"""A delivery is sent by one node, also when the lead changes while it is sent."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from tests.cluster.conftest import Nodes
from tests.http.asking import picture
from tests.receiver import Receiver
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.cluster


def _hook(server: Server, url: str) -> None:
    hook = {"url": url, "event_types": ["image.created"]}
    answer = server.client.post("/api/v1/webhooks", json=hook)
    assert answer.status_code == 201, answer.text


def test_what_a_leader_was_sending_when_it_hung_is_not_sent_by_the_next(
    nodes: Nodes, receiver: Receiver
) -> None:
    settings = {"webhook_allow": '["127.0.0.0/8"]', "webhook_timeout": "120s"}
    first = nodes.node(**settings).start()
    until(lambda: first.lines(action="leader.elected"))
    second = nodes.node(**settings).start()
    _hook(first, receiver.url("/held"))
    first.upload(picture(1))
    second.upload(picture(2))
    until(lambda: len(receiver.at("/held")) == 2)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        until(lambda: second.lines(action="leader.elected"))
        _hook(second, receiver.url("/later"))
        second.upload(picture(3))
        until(lambda: receiver.at("/later"))
        receiver.released.set()
    finally:
        os.kill(first.pid, signal.SIGCONT)
    waiting = "SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'"
    until(lambda: nodes.sql(waiting) == [0])
    sent = Counter(headers["webhook-id"] for _, headers, _ in receiver.got)
    assert sorted(sent.values()) == [1, 1, 1, 1]
