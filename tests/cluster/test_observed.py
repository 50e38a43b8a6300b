"""What logs and metrics say about servers and workers."""

from __future__ import annotations

import json

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import commands
from tests.cluster.conftest import Nodes
from tests.http.asking import picture
from tests.monitoring.test_ops import OF_WORKERS
from tests.server import reserve_port
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


def test_a_worker_serves_its_metrics_and_is_counted(nodes: Nodes) -> None:
    with reserve_port() as reserved:
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        server = nodes.node(node_name="left", worker_metrics=address).start()
        image = server.upload(picture(1))
        server.finished(image["job"]["id"])

        def samples() -> dict[str, float]:
            text = httpx2.get(f"http://{address}/metrics").text
            families = text_string_to_metric_families(text)
            found = (sample for family in families for sample in family.samples)
            return {" ".join([one.name, *one.labels.values()]): one.value for one in found}

        until(lambda: samples()["imagesvc_job_attempts_total succeeded"] == 1)
        found = samples()
        assert found["imagesvc_job_attempt_seconds_count"] == 1
        assert any("left" in name for name in found if name.startswith("imagesvc_build_info "))
        assert found["process_resident_memory_bytes"] > 0
        assert {name: found[name] for name in OF_WORKERS} == {"imagesvc_worker_has_room": 1}
        worker = server.worker
        assert worker is not None
        examine = ("doctor", "--data-dir", str(worker.data_dir))
        assert "jobs: 1 running" in commands.run(*examine, **worker.settings).stdout
        assert worker.stop() == 0
        assert "jobs: no worker runs" in commands.run(*examine, **worker.settings).stdout
