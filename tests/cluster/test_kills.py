"""Servers, workers, PostgreSQL and the bucket fail in turn under uploads: nothing is lost."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import commands
from tests.crash.pictures import jpeg
from tests.cut_proxy import CutProxy, cut_proxy
from tests.databases import SECRET
from tests.postgres import Postgres, started
from tests.radosgw import Radosgw
from tests.server import Server, new_client
from tests.waiting import until

pytestmark = pytest.mark.cluster

CLIENTS = 4
BETWEEN_FAULTS = 12
"""Acknowledged uploads."""


@dataclass(slots=True)
class Cluster:
    """Two servers, each with a worker, on what may fail."""

    postgres: Postgres
    bucket: CutProxy
    servers: list[Server]


@pytest.fixture
def cluster(tmp_path: Path, radosgw: Radosgw) -> Iterator[Cluster]:
    """Both servers are ready."""
    with started() as postgres, cut_proxy(radosgw.port) as bucket:
        settings: dict[str, Any] = {
            "database_url": postgres.plain_url("postgres"), "secret_key": SECRET,
            "blob_url": radosgw.new_url(endpoint=bucket.address), "job_lease": "3s",
        }  # fmt: skip
        assert commands.run("migrate", directory=tmp_path, **settings).returncode == 0
        servers = [Server(tmp_path / name, **settings) for name in ("a", "b")]
        try:
            for server in servers:
                server.start()
            yield Cluster(postgres, bucket, servers)
        finally:
            for server in servers:
                server.close()


@dataclass(slots=True)
class Uploads:
    """Clients that upload one picture after the other, each until it is acknowledged."""

    servers: list[Server]
    known: dict[str, bytes] = field(default_factory=dict)
    """What was acknowledged, by id."""
    is_over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, client: int) -> None:
        """Upload until it is over."""
        number = 0
        while not self.is_over:
            content = jpeg(1000 * client + number)
            image = self._acknowledged(content, f"{client}-{number}")
            with self.lock:
                self.known[image["id"]] = content
            number += 1

    def _acknowledged(self, content: bytes, key: str) -> dict[str, Any]:
        """Repeat an upload at either server; the key lets it be made once."""
        attempt = 0
        while True:
            server = self.servers[attempt % 2]
            attempt += 1
            try:
                with new_client(timeout=30) as client:
                    answer = client.post(
                        f"http://127.0.0.1:{server.port}/images", content=content,
                        headers={"idempotency-key": key},
                    )  # fmt: skip
            except httpx2.TransportError:
                continue
            if answer.status_code == 201:
                return dict(answer.json())
            assert answer.status_code in {409, 503}, answer.text

    def wait_for_more(self) -> None:
        """Return when some more were acknowledged."""
        wanted = len(self.known) + BETWEEN_FAULTS
        until(lambda: len(self.known) >= wanted)


def test_nothing_is_lost_when_each_part_fails_in_turn(cluster: Cluster) -> None:
    """Every image is read from the other server, every job ends, each event is there once."""
    uploads = Uploads(cluster.servers)
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(uploads.run, client) for client in range(CLIENTS)]
        try:
            for fail in (kill_worker, kill_server, stop_postgres, cut_bucket, kill_server):
                uploads.wait_for_more()
                fail(cluster)
            uploads.wait_for_more()
        finally:
            uploads.is_over = True
            for server in cluster.servers:  # or clients would wait without an end
                if server.process is None or server.process.poll() is not None:
                    server.start()
        for each in running:
            each.result()

    first, second = cluster.servers
    until(lambda: open_jobs(first) == 0)
    assert statuses_of_jobs(first) == {"succeeded"}
    for number, (image_id, content) in enumerate(uploads.known.items()):
        answer = cluster.servers[number % 2].client.get(f"/images/{image_id}")
        assert (answer.status_code, answer.content == content) == (200, True)
    created = created_in_order(first)
    assert created_in_order(second)[: len(created)] == created
    assert Counter(created).keys() >= uploads.known.keys()
    assert set(Counter(created).values()) == {1}


def kill_worker(cluster: Cluster) -> None:
    """Kill a worker; another one is started later."""
    worker = cluster.servers[0].worker
    assert worker is not None
    worker.close()
    worker.start()


def kill_server(cluster: Cluster) -> None:
    """Kill a server with its worker, and start both again."""
    server = cluster.servers.pop(0)
    cluster.servers.append(server)
    server.kill()
    server.start()


def stop_postgres(cluster: Cluster) -> None:
    """Stop PostgreSQL as a crash does, until a request has noticed it."""
    cluster.postgres.stop()
    until(lambda: cluster.servers[0].client.get("/readyz").status_code == 503)
    cluster.postgres.start()


def cut_bucket(cluster: Cluster) -> None:
    """Break all connections to the bucket, until a request has noticed it."""
    cluster.bucket.refuse()
    until(lambda: cluster.servers[0].client.get("/readyz").status_code == 503)
    cluster.bucket.heal()


def open_jobs(server: Server) -> int:
    """Jobs that have not ended."""
    return sum(
        len(server.client.get("/api/v1/jobs", params={"status": status}).json()["data"])
        for status in ("pending", "processing")
    )


def statuses_of_jobs(server: Server) -> set[str]:
    """The statuses of the newest jobs."""
    jobs = server.client.get("/api/v1/jobs", params={"limit": 200}).json()["data"]
    return {job["status"] for job in jobs}


def created_in_order(server: Server) -> list[str]:
    """The images of all events until now, in the order of the stream."""
    newest = server.upload(jpeg(999_999))["id"]
    found: list[str] = []
    query = {"types": "image.created"}
    with server.client.stream(
        "GET", "/api/v1/events", params=query, headers={"last-event-id": "0"}
    ) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                found.append(json.loads(line.removeprefix("data: "))["data"]["image_id"])
                if found[-1] == newest:
                    return found
    raise AssertionError("the stream ended")
