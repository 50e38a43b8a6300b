"""What logs and metrics say about servers and workers."""

from __future__ import annotations

import json

import pytest

from tests.cluster.conftest import Nodes
from tests.http.asking import picture
from tests.waiting import until

pytestmark = pytest.mark.cluster


def test_each_line_and_the_metrics_name_the_node(nodes: Nodes) -> None:
    server = nodes.node(node_name="left").start()
    image = server.upload(picture(1))
    server.finished(image["job"]["id"])
    for _ in range(2):  # the second is a hit of the memory
        assert server.client.get(f"/images/{image['id']}?w=20").status_code == 200
    until(lambda: len(server.lines(route="variant")) == 2)
    with server.client.stream("GET", "/x", headers={"x": "y" * 100_000}) as refused:
        assert refused.status_code == 431
    until(lambda: server.lines(action="connection.refused"))
    assert server.worker is not None
    until(lambda: server.runner.lines(action="job.attempt"))

    for lines in (server.lines(), server.worker.lines()):
        assert {line.get("node") for line in lines} == {"left"}, json.dumps(lines)
    assert 'imagesvc_build_info{node="left"' in server.client.get("/metrics").text
