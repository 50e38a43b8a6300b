"""Servers, workers, PostgreSQL and the bucket fail in turn under uploads: nothing is lost."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests import commands
from tests.cluster.storage import Storage
from tests.crash.pictures import jpeg
from tests.crash.traffic import LONG_KILLS
from tests.cut_proxy import CutProxy, cut_proxy
from tests.databases import SECRET
from tests.postgres import USER, Postgres, started
from tests.radosgw import Gateway, Radosgw
from tests.server import Server, Worker, new_client, reserve_port
from tests.waiting import until

pytestmark = pytest.mark.cluster

CLIENTS = 4
BETWEEN_FAULTS = 12
"""Acknowledged uploads."""
SEED = 15


@dataclass(slots=True)
class Cluster:
    """Two servers, each with a worker, on what may fail."""

    postgres: Postgres
    gateway: Gateway
    to_postgres: CutProxy
    to_bucket: CutProxy
    servers: list[Server]
    storage: Storage

    def turn(self) -> Server:
        """The server that is to fail: another one each time."""
        self.servers.append(self.servers.pop(0))
        return self.servers[-1]

    def is_refused(self) -> bool:
        """Whether a request has noticed that a service fails."""
        return self.servers[0].client.get("/readyz").status_code == 503


@pytest.fixture
def cluster(tmp_path: Path, radosgw: Radosgw) -> Iterator[Cluster]:
    """Both servers are ready."""
    with contextlib.ExitStack() as stack:
        port: int = stack.enter_context(reserve_port()).getsockname()[1]
        postgres = stack.enter_context(started(port))
        gateway = stack.enter_context(radosgw.gateway())
        to_postgres = stack.enter_context(cut_proxy(port))
        to_bucket = stack.enter_context(cut_proxy(gateway.port))
        settings: dict[str, Any] = {
            "database_url": f"postgresql://{USER}@127.0.0.1:{to_postgres.port}/postgres",
            "secret_key": SECRET, "blob_url": radosgw.new_url(endpoint=to_bucket.address),
            "job_lease": "3s",
        }  # fmt: skip
        assert commands.run("migrate", directory=tmp_path, **settings).returncode == 0
        servers = [Server(tmp_path / name, **settings) for name in ("a", "b")]
        for server in servers:
            stack.callback(server.close)
            server.start()
        storage = Storage(tmp_path / "beside", settings)
        yield Cluster(postgres, gateway, to_postgres, to_bucket, servers, storage)


@dataclass(slots=True)
class Uploads:
    """Clients that upload one picture after the other, each until it is acknowledged."""

    servers: tuple[Server, ...]
    known: dict[str, bytes] = field(default_factory=dict)
    """What was acknowledged, by id."""
    is_over: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, client: int) -> None:
        """Upload until it is over."""
        number = 0
        while not self.is_over:
            content = jpeg(1000 * client + number)
            image = self._acknowledged(content, f"{client}-{number}", client)
            with self.lock:
                self.known[image["id"]] = content
            number += 1

    def _acknowledged(self, content: bytes, key: str, client: int) -> dict[str, Any]:
        """Repeat an upload at either server; the key lets it be made once."""
        attempt = client
        while True:
            server = self.servers[attempt % 2]
            attempt += 1
            try:
                with new_client(timeout=30) as browser:
                    answer = browser.post(
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


Fault = Callable[[Cluster, Uploads], None]


def kill_worker(cluster: Cluster, _uploads: Uploads) -> None:
    """Kill a worker, and start it again."""
    worker = worker_of(cluster.turn())
    worker.close()
    worker.start()


def kill_server(cluster: Cluster, _uploads: Uploads) -> None:
    """Kill a server with its worker, and start both again."""
    server = cluster.turn()
    server.kill()
    server.start()


def stop_postgres(cluster: Cluster, _uploads: Uploads) -> None:
    """Stop PostgreSQL as a crash does, until a request has noticed it."""
    cluster.postgres.stop()
    until(cluster.is_refused)
    cluster.postgres.start()


def kill_gateway(cluster: Cluster, _uploads: Uploads) -> None:
    """Kill the service of the bucket, until a request has noticed it."""
    cluster.gateway.kill()
    until(cluster.is_refused)
    cluster.gateway.start()


def suspend_server(cluster: Cluster, uploads: Uploads) -> None:
    """Stop a server; the other one goes on, and continues after the lease of the first."""
    with stopped(cluster.turn().pid):
        until(lambda: cluster.storage.count("nodes WHERE lease_until > clock_timestamp()") == 1)
        uploads.wait_for_more()


def suspend_worker(cluster: Cluster, uploads: Uploads) -> None:
    """Stop a worker until others may have its jobs."""
    with stopped(worker_of(cluster.turn()).pid):
        until(lambda: cluster.storage.count(LIVE_WORKERS) == 1)
        uploads.wait_for_more()


LIVE_WORKERS = "procrastinate_workers WHERE last_heartbeat > clock_timestamp() - interval '3 s'"


def refuse_bucket(cluster: Cluster, _uploads: Uploads) -> None:
    """Break all connections to the bucket, until a request has noticed it."""
    fail(cluster, cluster.to_bucket.refuse)


def hang_bucket(cluster: Cluster, _uploads: Uploads) -> None:
    """The same in the middle of a body, without the end of a connection."""
    fail(cluster, lambda: cluster.to_bucket.hang_up_after(2000))


def cut_bucket(cluster: Cluster, _uploads: Uploads) -> None:
    """Cut each body that is sent to the bucket."""
    fail(cluster, lambda: cluster.to_bucket.cut_up_after(0))


def hang_postgres(cluster: Cluster, _uploads: Uploads) -> None:
    """Keep the connections to PostgreSQL, and pass nothing on."""
    fail(cluster, cluster.to_postgres.hang)


def cut_postgres(cluster: Cluster, _uploads: Uploads) -> None:
    """Cut what PostgreSQL answers, such as to a commit."""
    fail(cluster, lambda: cluster.to_postgres.cut_down_after(0))


def fail(cluster: Cluster, harm: Callable[[], None]) -> None:
    """Harm a network, until a request has noticed it."""
    harm()
    until(cluster.is_refused)
    cluster.to_bucket.heal()
    cluster.to_postgres.heal()


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process, not its children, does not run meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def worker_of(server: Server) -> Worker:
    """The worker that was started with a server."""
    assert server.worker is not None
    return server.worker


ONCE: list[Fault] = [
    kill_worker, kill_server, stop_postgres, kill_gateway, suspend_worker, suspend_server,
    refuse_bucket, kill_server,
]  # fmt: skip
ALL: list[Fault] = [*ONCE, hang_bucket, cut_bucket, hang_postgres, cut_postgres]
OFTEN = random.Random(SEED).choices(ALL, k=LONG_KILLS)


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(ONCE, id="once"),
        pytest.param(OFTEN, id="often", marks=[pytest.mark.long, pytest.mark.timeout(7200)]),
    ],
)
def test_nothing_is_lost_when_parts_fail_in_turn(cluster: Cluster, schedule: list[Fault]) -> None:
    """Images are read from the other server, jobs end, and events and objects are there once."""
    uploads = Uploads(tuple(cluster.servers))
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(uploads.run, client) for client in range(CLIENTS)]
        try:
            for fault in schedule:
                uploads.wait_for_more()
                fault(cluster, uploads)
            uploads.wait_for_more()
        finally:
            uploads.is_over = True
            mend(cluster)
        for each in running:
            each.result()

    first = cluster.servers[0]
    until(lambda: open_jobs(first) == 0)
    assert statuses_of_jobs(first) == {"succeeded"}
    for number, (image_id, content) in enumerate(uploads.known.items()):
        answer = cluster.servers[number % 2].client.get(f"/images/{image_id}")
        assert (answer.status_code, answer.content == content) == (200, True)
    check_events(cluster, uploads)
    cluster.storage.collect()
    assert cluster.storage.objects() == cluster.storage.rows()


def mend(cluster: Cluster) -> None:
    """Let all parts run again, or clients would wait without an end after a failed test."""
    cluster.to_bucket.heal()
    cluster.to_postgres.heal()
    for server in cluster.servers:
        if server.process is None or server.process.poll() is not None:
            server.start()


def check_events(cluster: Cluster, uploads: Uploads) -> None:
    """Each is there once, and both servers send them in one order."""
    first, second = cluster.servers
    created = created_in_order(first)
    until(lambda: open_jobs(first) == 0)
    assert created_in_order(second)[: len(created)] == created
    until(lambda: open_jobs(first) == 0)
    assert Counter(created).keys() >= uploads.known.keys()
    assert set(Counter(created).values()) == {1}
    settled = cluster.storage.count("events WHERE type = 'job.succeeded'")
    assert settled == cluster.storage.count(SETTLED_JOBS) == cluster.storage.count("jobs")


SETTLED_JOBS = "(SELECT DISTINCT subject_id FROM events WHERE type = 'job.succeeded') AS settled"


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
