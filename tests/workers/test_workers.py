"""Workers that hang, grow or die: only one job is affected (invariant 5)."""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeServer
from tests.crash.pictures import jpeg, large
from tests.server import Server
from tests.waiting import until
from tests.workers.processes import is_worker, metric, workers

SLOW = {
    "presets": '{"slow": "w=2000&format=avif", "thumbnail": "w=16"}',
    "eager_presets": '["slow"]',
    "retry_delay": "50ms",
}
"""Jobs of `big()` take a worker a second or more; those of small pictures are quick."""
SMALL = jpeg(2)


@functools.cache
def big() -> bytes:
    """A picture that keeps a worker busy."""
    return large(1, 4000, 3000)


def still_works(server: Server) -> None:
    """An upload is accepted, and its job succeeds."""
    image = server.upload(SMALL)
    assert server.finished(image["job"]["id"])["status"] == "succeeded"


def stand_still(server: Server) -> tuple[str, int]:
    """The id of a running job whose worker is stopped, and that worker; others start later."""
    image = server.upload(SMALL)
    server.finished(image["job"]["id"])
    while len(alive := workers(server)) > 1:
        os.kill(alive.pop(), signal.SIGKILL)
        until(lambda: workers(server) == alive)
    (worker,) = alive
    os.kill(worker, signal.SIGSTOP)
    wanted = {"id": image["id"], "operations": ["w=20"]}
    answer = server.client.post("/api/v1/images/actions/process", json=wanted)
    until(lambda: metric(server.client, "imagesvc_renders_running") > 0)
    job_id: str = answer.json()["data"][0]["id"]
    return job_id, worker


def test_a_hanging_worker_is_killed_at_its_time_limit(make_server: MakeServer) -> None:
    """Only its own job fails, with the reason; others are done meanwhile."""
    server = make_server(workers=2, job_timeout="10s", eager_presets="[]")
    job_id, hanging = stand_still(server)

    other = server.finished(server.upload(SMALL)["job"]["id"])
    job = server.finished(job_id)

    assert other["status"] == "succeeded"
    assert other["finished_at"] < job["finished_at"]

    assert (job["status"], job["error"]["code"]) == ("failed", "timed_out")
    assert job["attempts"] == 1
    assert job["operations"][0]["error"]["code"] == "timed_out"
    until(lambda: not is_worker(hanging))
    until(lambda: len(workers(server)) == 2)


def test_a_job_whose_worker_is_killed_continues_in_another(make_server: MakeServer) -> None:
    """The system's out-of-memory killer is the cause."""
    server = make_server(workers=1, eager_presets="[]", retry_delay="50ms")
    job_id, worker = stand_still(server)

    os.kill(worker, signal.SIGKILL)

    assert server.finished(job_id)["status"] == "succeeded"


def test_a_job_that_kills_every_worker_fails_in_the_end(make_server: MakeServer) -> None:
    """It ends after `max_attempts`, with the reason in the job."""
    server = make_server(workers=1, max_attempts=2, **SLOW)
    job_id = server.upload(big())["job"]["id"]
    url = f"/api/v1/jobs/{job_id}"

    while (job := server.client.get(url).json())["status"] != "failed":
        for worker in workers(server):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    assert (job["status"], job["attempts"]) == ("failed", 2)
    assert job["error"]["code"] == "worker_died"
    still_works(server)


def test_a_worker_lives_under_its_memory_limit(make_server: MakeServer) -> None:
    """The kernel enforces the limit: no decoder can exceed it."""
    server = make_server(workers=1, worker_memory="700MiB")
    (worker,) = workers(server)

    assert resource.prlimit(worker, resource.RLIMIT_AS) == (700 << 20, 700 << 20)
    assert resource.prlimit(worker, resource.RLIMIT_CORE) == (0, 0)


def test_a_worker_that_reaches_its_memory_limit_fails_one_job(make_server: MakeServer) -> None:
    """Costs are predicted and kept far below the limit; so the limit is lowered here."""
    server = make_server(workers=1, max_attempts=1, **SLOW)
    (worker,) = workers(server)
    size = int(Path(f"/proc/{worker}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(worker, resource.RLIMIT_AS, (size + (4 << 20), size + (4 << 20)))

    job = server.finished(server.upload(big())["job"]["id"])

    assert job["status"] == "failed"
    assert job["error"]["code"]
    os.kill(worker, signal.SIGKILL)  # the lowered limit was ours
    still_works(server)


def test_an_idle_worker_that_died_is_replaced_unnoticed(make_server: MakeServer) -> None:
    """Neither the upload's identification nor its job uses the dead one."""
    server = make_server(workers=1)
    for worker in workers(server):
        os.kill(worker, signal.SIGKILL)

    still_works(server)


def test_cancelling_a_running_job_ends_its_worker(make_server: MakeServer) -> None:
    """Work that is no longer needed costs no processor time."""
    server = make_server(workers=1, eager_presets="[]")
    job_id, worker = stand_still(server)

    answer = server.client.delete(f"/api/v1/jobs/{job_id}")

    assert answer.json()["status"] == "cancelled"
    until(lambda: not is_worker(worker))
    still_works(server)
    assert server.client.get(f"/api/v1/jobs/{job_id}").json()["status"] == "cancelled"


def test_workers_die_with_a_server_that_is_killed(make_server: MakeServer) -> None:
    """Otherwise each crash would leave processes that occupy memory and files."""
    server = make_server(workers=2, eager_presets="[]")
    _, standing = stand_still(server)
    still_works(server)  # in a further worker, which is idle then
    orphans = workers(server)
    assert orphans > {standing}

    server.kill()

    try:
        until(lambda: not any(is_worker(pid) for pid in orphans))
    finally:
        for pid in filter(is_worker, orphans):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "settings", [pytest.param({"worker_jobs": 1}, marks=pytest.mark.long), {"worker_jobs": 3}]
)
def test_workers_are_replaced_after_their_calls(
    make_server: MakeServer, settings: dict[str, Any]
) -> None:
    """Memory that a library keeps is freed with its process."""
    server = make_server(workers=1, **settings)
    before = workers(server)

    for _ in range(3):
        still_works(server)

    until(lambda: len(workers(server)) == 1)
    assert workers(server).isdisjoint(before)
