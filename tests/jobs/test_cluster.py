"""Jobs of a shared database: real servers, workers and PostgreSQL, which are killed and stopped."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from tests import commands
from tests.conftest import EMPTY
from tests.crash.pictures import png
from tests.crash.test_full_disk import Disk, mounted
from tests.databases import SECRET
from tests.postgres import Postgres, started
from tests.server import Server, Worker, reserve_port
from tests.waiting import PATIENCE, until
from tests.workers.processes import stopped_workers, workers

pytestmark = pytest.mark.cluster
LEASE = {"job_lease": "1500ms", "retry_delay": "100ms"}
LIMITS = dict.fromkeys(("job_timeout", "transform_timeout"), f"{10 * PATIENCE}s")


class Cluster:
    """A server without a worker of its own, and workers beside it."""

    def __init__(self, place: Path, url: str) -> None:
        self.url = url
        self._settings: dict[str, Any] = {
            "database_url": url.replace("+psycopg", ""), "secret_key": SECRET, **LEASE, **LIMITS,
        }  # fmt: skip
        self.server = Server(place / "data", has_worker=False, **self._settings)
        self._workers: list[Worker] = []

    def worker(self, place: Path | None = None, **settings: Any) -> Worker:
        """A worker that is ready, with a data directory of its own or that of the server."""
        name = f"worker{len(self._workers)}"
        folder = place or self.server.data_dir
        worker = Worker(folder, name=name, **{**self._settings, **settings})
        self._workers.append(worker.start())
        until(lambda: worker.lines(action="service.ready"))
        return worker

    def upload(self, *seeds: int) -> list[str]:
        """The ids of the jobs of as many images."""
        with ThreadPoolExecutor(4) as executor:
            images = executor.map(lambda seed: self.server.upload(png(seed), "a.png"), seeds)
            return [image["job"]["id"] for image in images]

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """The rows that a statement returns."""
        with create_engine(self.url, poolclass=NullPool).begin() as connection:
            found = connection.execute(text(statement), values)
            return [tuple(row) for row in found] if found.returns_rows else []

    def jobs(self) -> Counter[tuple[str, int, int]]:
        """How many jobs have each status, number of attempts and number of interruptions."""
        return Counter(self.sql("SELECT status, attempts, interruptions FROM jobs"))

    def is_processing(self, number: int = 1) -> bool:
        """Whether so many jobs are being run."""
        return len(self.sql("SELECT id FROM jobs WHERE status = 'processing'")) == number

    def stop_worker(self, number: int) -> None:
        """Stop a worker."""
        assert self._workers[number].stop() == 0

    def close(self) -> None:
        """End all."""
        for worker in self._workers:
            worker.close()
        self.server.close()


@pytest.fixture
def cluster(postgres: Postgres, tmp_path: Path) -> Iterator[Cluster]:
    """A started server."""
    with postgres.copy_of(EMPTY) as url:
        made = Cluster(tmp_path, url)
        made.server.start()
        yield made
        made.close()


def test_two_workers_share_jobs_and_each_is_run_once(cluster: Cluster) -> None:
    """And nothing is left of them in the queue."""
    job_ids = cluster.upload(*range(100))
    both = cluster.worker(), cluster.worker()

    until(lambda: cluster.jobs() == {("succeeded", 1, 0): 100})

    until(lambda: sum(len(worker.lines(action="job.attempt")) for worker in both) >= 100)
    run = [[line["job"] for line in worker.lines(action="job.attempt")] for worker in both]
    assert sorted(run[0] + run[1]) == sorted(job_ids)
    assert all(run)
    until(lambda: cluster.sql("SELECT count(*) FROM procrastinate_jobs") == [(0,)])
    assert [worker.stop() for worker in both] == [0, 0]
    assert [line for worker in both for line in worker.lines() if line["level"] != "info"] == []


def test_the_jobs_of_a_killed_worker_are_run_by_another(cluster: Cluster) -> None:
    """A crash is an interruption, and not counted as an attempt."""
    first = cluster.worker()
    with stopped_workers(first):
        cluster.upload(*range(5))
        until(lambda: cluster.is_processing(3))
        second = cluster.worker()
        first.send(signal.SIGKILL)

        until(lambda: {status for status, *_ in cluster.jobs()} == {"succeeded"})

    assert cluster.jobs() == {("succeeded", 1, 0): 2, ("succeeded", 1, 1): 3}
    assert sum(line["jobs"] for line in second.lines(action="jobs.rescued")) == 3


def test_a_worker_that_was_stopped_and_wakes_settles_nothing(cluster: Cluster) -> None:
    """Another one has its job by then, and keeps its row in the queue."""
    first = cluster.worker()
    with stopped_workers(first):
        (job_id,) = cluster.upload(1)
        until(cluster.is_processing)
        first.send(signal.SIGSTOP)
        second = cluster.worker()
        with stopped_workers(second):
            until(lambda: cluster.jobs() == {("processing", 1, 1): 1})
            claim = cluster.sql("SELECT claim FROM jobs")
            first.send(signal.SIGCONT)
            for pid in workers(first):
                os.kill(pid, signal.SIGCONT)

            until(lambda: first.lines(action="job.attempt", status="gone", job=job_id))
            assert cluster.sql("SELECT status, claim FROM jobs") == [("processing", *claim[0])]
            assert cluster.sql("SELECT count(*) FROM variants") == [(0,)]

    until(lambda: cluster.jobs() == {("succeeded", 1, 1): 1})
    until(lambda: second.lines(action="job.attempt", status="succeeded", job=job_id))
    assert first.lines(action="job.attempt", status="succeeded") == []
    events = cluster.sql("SELECT type FROM events WHERE type = 'job.succeeded'")
    assert len(events) == 1
    cluster.upload(2)
    until(lambda: cluster.jobs() == {("succeeded", 1, 1): 1, ("succeeded", 1, 0): 1})


def test_cancelling_a_job_stops_its_attempt_in_a_worker(cluster: Cluster) -> None:
    """The process that renders is killed, and the worker goes on."""
    worker = cluster.worker()
    with stopped_workers(worker):
        (job_id,) = cluster.upload(1)
        until(cluster.is_processing)
        before = workers(worker)

        assert cluster.server.client.delete(f"/api/v1/jobs/{job_id}").status_code == 200

        until(lambda: before - workers(worker))

    assert cluster.jobs() == {("cancelled", 1, 0): 1}
    cluster.upload(2)
    until(lambda: cluster.jobs() == {("cancelled", 1, 0): 1, ("succeeded", 1, 0): 1})


def test_an_attempt_is_repeated_later(cluster: Cluster) -> None:
    """The queue has the time, which comes at once here."""
    worker = cluster.worker(retry_delay="10m")

    def is_repeated() -> bool:
        for pid in workers(worker):  # a call is repeated once before that
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return cluster.jobs() == {("pending", 1, 0): 1}

    with stopped_workers(worker):
        cluster.upload(1)
        until(cluster.is_processing)
        until(is_repeated)
    wait = "SELECT scheduled_at > now() + interval '5 minutes' FROM procrastinate_jobs"
    assert cluster.sql(wait) == [(True,)]
    cluster.sql("UPDATE procrastinate_jobs SET scheduled_at = now()")
    until(lambda: cluster.jobs() == {("succeeded", 2, 0): 1})


def test_a_stop_puts_back_what_does_not_end_in_time(cluster: Cluster) -> None:
    """It counts neither as an attempt nor as an interruption."""
    worker = cluster.worker(shutdown_timeout="100ms")
    with stopped_workers(worker):
        cluster.upload(1)
        until(cluster.is_processing)

        assert worker.stop() == 0

    assert cluster.jobs() == {("pending", 0, 0): 1}
    assert worker.lines(action="service.stopped")
    cluster.worker()
    until(lambda: cluster.jobs() == {("succeeded", 1, 0): 1})


def test_a_job_that_the_queue_has_lost_is_run(cluster: Cluster) -> None:
    """The table of jobs is the truth; what has ended is removed from the queue."""
    cluster.upload(1)
    cluster.sql("UPDATE procrastinate_jobs SET status = 'failed'")

    worker = cluster.worker()

    until(lambda: cluster.jobs() == {("succeeded", 1, 0): 1})
    announced = until(lambda: worker.lines(action="jobs.announced"))
    assert [line["jobs"] for line in announced] == [1]
    until(lambda: cluster.sql("SELECT count(*) FROM procrastinate_jobs") == [(0,)])


def test_workers_outlive_a_crash_of_postgresql(tmp_path: Path) -> None:
    """All jobs end; those that ran meanwhile are settled afterwards."""
    with started() as postgres:
        url = postgres.plain_url("postgres")
        settings: dict[str, Any] = {"database_url": url, "secret_key": SECRET}
        migrated = commands.run("migrate", directory=tmp_path, **settings)
        assert migrated.returncode == 0, migrated.stderr
        cluster = Cluster(tmp_path, postgres.url("postgres"))
        cluster.server.start()
        worker = cluster.worker()
        try:
            with stopped_workers(worker):
                cluster.upload(*range(10))
                until(lambda: cluster.is_processing(3))
                postgres.stop()
                until(lambda: worker.lines(action="jobs.claim_failed"))
            until(lambda: worker.lines(action="job.unsettled"))
            postgres.start()

            until(lambda: {status for status, *_ in cluster.jobs()} == {"succeeded"})
            assert cluster.jobs().total() == 10
            assert worker.process is not None
            assert worker.process.poll() is None
            until(lambda: worker.lines(action="jobs.claimed"))
            until(lambda: worker.lines(action="jobs.reconnected"))
            reasons = {line["error"] for line in worker.lines(action="jobs.claim_failed")}
            assert all(reason == reason.strip() != "Database error." for reason in reasons), reasons
        finally:
            cluster.close()


def test_an_attempt_that_loses_the_database_is_not_counted(cluster: Cluster) -> None:
    """Its connection is ended while it reads, as by a stop of PostgreSQL."""
    worker = cluster.worker()
    waiting = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%variants%'"
    waiting += " AND datname = current_database()"
    with create_engine(cluster.url, poolclass=NullPool).begin() as connection:
        connection.execute(text("LOCK TABLE variants IN ACCESS EXCLUSIVE MODE"))
        (job_id,) = cluster.upload(1)
        until(lambda: cluster.is_processing() and cluster.sql(f"SELECT pid {waiting}"))
        cluster.sql(f"SELECT pg_terminate_backend(pid) {waiting}")

    until(lambda: cluster.jobs() == {("succeeded", 1, 0): 1})
    assert [line["status"] for line in worker.lines(action="job.attempt", job=job_id)][:1] == [
        "pending"
    ]


def test_a_worker_with_a_full_disk_leaves_jobs_to_others(cluster: Cluster, tmp_path: Path) -> None:
    """It takes them again when there is room."""
    root = tmp_path / "small"
    root.mkdir()
    with mounted(root), reserve_port() as reserved:
        for name in ("blobs", "variants"):
            (root / name).symlink_to(cluster.server.data_dir / name)
        disk, address = Disk(root), f"127.0.0.1:{reserved.getsockname()[1]}"
        first = cluster.worker(root, worker_metrics=address)

        def has_room() -> float:
            lines = httpx2.get(f"http://{address}/metrics").text.splitlines()
            return next(float(line.split()[1]) for line in lines if "worker_has_room " in line[:30])

        until(lambda: has_room() == 1)
        disk.leave(0)
        until(lambda: has_room() == 0)
        cluster.upload(*range(5))
        cluster.worker()
        until(lambda: cluster.jobs() == {("succeeded", 1, 0): 5})
        assert first.lines(action="job.attempt") == []
        assert [line["error"] for line in first.lines(action="worker.no_room")] == [
            "The disk is full."
        ]

        cluster.stop_worker(1)
        disk.empty()
        cluster.upload(5)
        until(lambda: cluster.jobs() == {("succeeded", 1, 0): 6})
        assert first.lines(action="worker.has_room")
        assert first.stop() == 0


def test_a_worker_needs_a_shared_database(tmp_path: Path) -> None:
    refused = commands.run("worker", directory=tmp_path)

    assert refused.returncode == 2
    assert "database_url" in refused.stderr
    assert list(tmp_path.iterdir()) == []
