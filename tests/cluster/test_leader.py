"""What only one node does: another takes over when it dies, hangs or loses its session."""

from __future__ import annotations

import os
import signal

import pytest

from tests.cluster.conftest import Nodes
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.cluster
ELECTED = {"action": "leader.elected"}


def leads(server: Server) -> bool:
    """Whether a server has been elected since its first start."""
    return bool(server.lines(**ELECTED))


def led_by_first(nodes: Nodes) -> tuple[Server, Server]:
    """Two servers, of which the first leads."""
    first = nodes.node().start()
    until(lambda: leads(first))
    second = nodes.node().start()
    until(lambda: second.lines(action="service.ready"))
    return first, second


def test_another_node_takes_over_from_one_that_was_killed(nodes: Nodes) -> None:
    """Only the leader collects orphans; after its death, the other one does."""
    first, second = led_by_first(nodes)
    until(lambda: first.lines(action="gc.done"))
    assert not leads(second)
    assert not second.lines(action="gc.done")
    first.kill()
    until(lambda: leads(second))
    until(lambda: second.lines(action="gc.done"))


def test_another_node_takes_over_from_one_that_hangs(nodes: Nodes) -> None:
    """PostgreSQL ends the session of a leader that is silent; awake again, it has lost the lead."""
    first, second = led_by_first(nodes)
    os.kill(first.pid, signal.SIGSTOP)
    until(lambda: leads(second))
    os.kill(first.pid, signal.SIGCONT)
    until(lambda: first.lines(action="leader.lost"))
    assert len(first.lines(**ELECTED)) == 1
