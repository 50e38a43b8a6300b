"""Jobs a second with several workers, and requests a second of two servers behind a proxy.

Each worker, and each server, is confined to a fixed share of a core by a control group, so that one
machine has room for all of them; the ratio is what several cost, not what several machines do.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from benchmarks import client, plan
from benchmarks.photos import distinct
from benchmarks.report import Bench, Row, at_least, take_turns
from benchmarks.servers import ImageService
from imagesvc.store.db.postgres.migrate import migrate
from tests.postgres import Postgres, started
from tests.proxies import haproxy

_GROUPS = Path("/sys/fs/cgroup")
"""Control groups of version 1, with a hierarchy for each controller."""
_PERIOD_US = 10_000
"""Short: a process that has used up its share waits with all its connections."""
_SHARE = 0.2
"""Of a core, for each worker and each server."""
_AT_ONCE = 8
_CONNECTIONS = 32
_SECRET = "5e" * 32


def run(bench: Bench) -> list[Row]:
    """Workers 1, 2 and 4; servers 1 and 2. Nothing where no process can be confined."""
    if not (_GROUPS / "cpu/cpu.cfs_quota_us").exists() or os.geteuid() != 0:
        print("cluster is left out: it needs root and control groups, version 1", file=sys.stderr)
        return []
    with started() as postgres:
        return [*_of_workers(bench, postgres), _of_servers(bench, postgres)]


def _of_workers(bench: Bench, postgres: Postgres) -> list[Row]:
    count = 20 if bench.quick else 60
    with _service(bench, postgres, "jobs", workers="2") as service:

        def rate(workers: int, number: int) -> float:
            photos = [
                distinct(bench.photos.medium, (number * 8 + workers) * 1000 + index)
                for index in range(count * workers)
            ]
            return _jobs_per_second(service, workers, photos)

        rate(1, bench.rounds)  # warm
        rows = []
        for workers in (2, 4):
            turns = take_turns(
                min(bench.rounds, 4),
                lambda number, workers=workers: workers * rate(1, 2 * number),  # type: ignore[misc]
                lambda number, workers=workers: rate(workers, 2 * number + 1),  # type: ignore[misc]
            )
            what = f"jobs with {workers} workers of {_SHARE:g} cores / {workers} x one"
            rows.append(at_least(what, 0.90, turns, "jobs/s"))
    return rows


def _jobs_per_second(service: ImageService, workers: int, photos: list[bytes]) -> float:
    """From the start of the first job to the end of the last; the workers wait for all of them."""
    with contextlib.ExitStack() as stack:
        groups = [stack.enter_context(_worker(service)) for _ in range(workers)]
        for group in groups:
            group.freeze()
        requests = tuple(
            plan.post(f"/api/v1/images?filename={number}.jpg", "image/jpeg", photo)
            for number, photo in enumerate(photos)
        )
        outcome = client.run(plan.Plan(service.port, requests, _AT_ONCE, keep_bodies=True))
        ids = [json.loads(body)["job"]["id"] for body in outcome.expect(201).bodies]
        for group in groups:
            group.thaw()
        jobs = [client.wait_for_job(service.port, job) for job in reversed(ids)]
    began = min(datetime.fromisoformat(job["started_at"]) for job in jobs)
    ended = max(datetime.fromisoformat(job["finished_at"]) for job in jobs)
    return len(jobs) / (ended - began).total_seconds()


def _of_servers(bench: Bench, postgres: Postgres) -> Row:
    folder = bench.fresh("proxied")
    with (
        _service(bench, postgres, "first", workers="1") as first,
        _service(bench, postgres, "second", workers="1", beside=first) as second,
        contextlib.ExitStack() as stack,
    ):
        image = client.ask(
            first.port, "/images", "POST", bench.photos.medium.read_bytes(),
            {"Content-Type": "image/jpeg"},
        ).json()["id"]  # fmt: skip
        hit = plan.get(f"/images/{image}?w=400")
        for service in (first, second):
            stack.enter_context(_confined(service.process.pid, _SHARE))
        ports = []
        for number, upstreams in enumerate(([first.port], [first.port, second.port])):
            place = folder / str(number)
            place.mkdir()
            ports.append(stack.enter_context(haproxy(place, *upstreams)))

        def rate(port: int) -> float:
            requests = (hit,) * (400 if bench.quick else 4000)
            return client.run(plan.Plan(port, requests, _CONNECTIONS)).expect(200).rate

        for port in ports:
            rate(port)  # in the memory of both
        turns = take_turns(bench.rounds, lambda _: 2 * rate(ports[0]), lambda _: rate(ports[1]))
    what = f"hot variant, 2 servers of {_SHARE:g} cores behind HAProxy / 2 x one"
    return at_least(what, 0.90, turns, "requests/s")


class _Group:
    """The control groups of one process with its children: a share of a core, and a stop."""

    def __init__(self, share: float) -> None:
        name = f"imagesvc-bench-{uuid4().hex}"
        self._cpu, self._freezer = _GROUPS / "cpu" / name, _GROUPS / "freezer" / name
        for folder in (self._cpu, self._freezer):
            folder.mkdir()
        (self._cpu / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (self._cpu / "cpu.cfs_quota_us").write_text(str(round(share * _PERIOD_US)))

    def enter(self, pid: int) -> None:
        """Confine a process, and those that it starts from now on."""
        for folder in (self._cpu, self._freezer):
            (folder / "cgroup.procs").write_text(str(pid))

    def freeze(self) -> None:
        """Stop all processes."""
        (self._freezer / "freezer.state").write_text("FROZEN")

    def thaw(self) -> None:
        """Let them go on."""
        (self._freezer / "freezer.state").write_text("THAWED")

    def leave(self) -> None:
        """Remove the groups; what still is in them goes back to where it was."""
        self.thaw()
        for folder in (self._cpu, self._freezer):
            for pid in (folder / "cgroup.procs").read_text().split():
                with contextlib.suppress(OSError):
                    (folder.parent / "cgroup.procs").write_text(pid)
            folder.rmdir()


@contextlib.contextmanager
def _confined(pid: int, share: float) -> Iterator[None]:
    """A process that runs, with its children, in a share of a core."""
    group = _Group(share)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for each in (str(pid), *children):
        group.enter(int(each))
    try:
        yield
    finally:
        group.leave()


@contextlib.contextmanager
def _worker(service: ImageService) -> Iterator[_Group]:
    """`imagesvc worker` with one process, which is ready, in its share of a core."""
    log_path = service.folder / f"worker-{uuid4().hex}.log"
    environment = os.environ | service.environment() | {"IMAGESVC_WORKERS": "1"}
    command = [
        sys.executable,
        "-m",
        "imagesvc",
        "worker",
        "--data-dir",
        str(service.folder / "data"),
    ]
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    group = _Group(_SHARE)
    try:
        while '"action":"service.ready"' not in log_path.read_text():
            if process.poll() is not None:
                raise RuntimeError(f"the worker ended:\n{log_path.read_text()[-2000:]}")
            time.sleep(0.05)
        for pid in (str(process.pid), *_descendants(process.pid)):
            group.enter(int(pid))
        yield group
    finally:
        group.thaw()
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        group.leave()


def _descendants(pid: int) -> list[str]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [*children, *(each for child in children for each in _descendants(int(child)))]


@contextlib.contextmanager
def _service(
    bench: Bench,
    postgres: Postgres,
    name: str,
    *,
    workers: str,
    beside: ImageService | None = None,
) -> Iterator[ImageService]:
    """A server with a database of its own, or beside another one with the same files."""
    folder = bench.fresh(name)
    if beside is None:
        postgres.make(name, migrate)
        url = postgres.plain_url(name)
    else:
        url = beside.settings["database_url"]
        data = folder / "data"
        data.mkdir()
        for each in ("blobs", "variants"):
            (data / each).symlink_to(beside.folder / "data" / each)
    with ImageService(
        folder, database_url=url, secret_key=_SECRET, workers=workers, job_lease="600s",
        log_format="json",
    ) as service:  # fmt: skip
        yield service
