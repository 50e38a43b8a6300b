"""Jobs that take long or lose their worker keep the variants that they have made."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.conftest import MakeServer
from tests.crash.pictures import large
from tests.crash.traffic import rows
from tests.http.asking import damaged, noise, picture
from tests.server import Server
from tests.waiting import PATIENCE, until
from tests.workers.processes import busy, is_worker

QUICK = ["w=100", "w=101"]
LONG = "w=1800&h=1440&fit=fill&enlarge=1&format=webp&lossless=1"
"""Seconds of work for any picture."""
SETTINGS = {"workers": 1, "eager_presets": "[]", "retry_delay": "10ms"}


def variants(server: Server) -> dict[str, int]:
    """The variants that have a row, and when the file of each was written.

    The row is written after the file: a file without one may be incomplete still.
    """
    folder = server.data_dir / "variants"
    keys = rows(server.data_dir, "SELECT key FROM variants")
    return {key: (folder / key[:2] / key).stat().st_mtime_ns for key in keys}


def analysed(server: Server) -> str:
    """The id of a new image whose first job has ended."""
    image = server.upload(noise((400, 300)))
    server.finished(image["job"]["id"])
    return str(image["id"])


def begin(server: Server, operations: list[str], image_id: str | None = None) -> str:
    """Start to make variants of an image, or of a new one; returns the job's id."""
    wanted = {"id": image_id or analysed(server), "operations": operations}
    answer = server.client.post("/api/v1/images/actions/process", json=wanted)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()["data"][0]
    return str(job["id"])


def outcomes(job: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The status and the error of each operation of a job."""
    return [(it["status"], it["error"] and it["error"]["code"]) for it in job["operations"]]


@pytest.mark.breadth
def test_a_time_out_ends_one_operation_for_good(make_server: MakeServer) -> None:
    """Three attempts of all operations took three times as long, and lost their results."""
    server = make_server(**SETTINGS, job_timeout="15s")
    job_id = begin(server, [LONG, *QUICK])
    worker = busy(server, 0.3)
    until(lambda: len(variants(server)) == len(QUICK))
    os.kill(worker, signal.SIGSTOP)

    job = server.finished(job_id)

    assert outcomes(job) == [("failed", "timed_out"), ("succeeded", None), ("succeeded", None)]
    assert (job["status"], job["attempts"]) == ("failed", 1)
    assert job["error"]["code"] == "timed_out"
    assert "15 s" in job["error"]["detail"]


def test_a_job_without_operations_fails_with_the_analysis(make_server: MakeServer) -> None:
    """No operation has the error, and the image has no colours."""
    server = make_server(**SETTINGS)

    job = server.finished(server.upload(damaged(1), "a.png")["job"]["id"])

    assert (job["status"], job["attempts"], job["operations"]) == ("failed", 1, [])
    assert job["error"]["code"] == "corrupt_image"


@pytest.mark.breadth
def test_operations_that_are_done_are_not_done_again(make_server: MakeServer) -> None:
    """The worker dies in the third; the next attempt makes that one only."""
    server = make_server(**SETTINGS)
    job_id = begin(server, [*QUICK, LONG])
    made = until(lambda: found if len(found := variants(server)) == len(QUICK) else None)
    os.kill(busy(server, 0.3), signal.SIGKILL)

    job = server.finished(job_id)

    assert outcomes(job) == [("succeeded", None)] * 3
    assert job["attempts"] == 2
    assert made.items() < variants(server).items()


@pytest.mark.breadth
def test_a_kill_of_the_server_loses_no_operation_that_is_done(make_server: MakeServer) -> None:
    """Each call's variants are recorded before the next one."""
    server = make_server(**SETTINGS)
    job_id = begin(server, [*QUICK, LONG])
    made = until(lambda: found if len(found := variants(server)) == len(QUICK) else None)
    worker = busy(server, 0.3)
    server.kill()
    until(lambda: not is_worker(worker))

    job = server.start().finished(job_id)

    assert outcomes(job) == [("succeeded", None)] * 3
    assert made.items() < variants(server).items()


@pytest.mark.breadth
@pytest.mark.parametrize("number_of_workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_long_jobs_leave_a_worker_free(make_server: MakeServer, number_of_workers: int) -> None:
    """Uploads and thumbnails are made while each of several jobs takes many seconds."""
    server = make_server(**SETTINGS | {"workers": number_of_workers})
    images = [analysed(server) for _ in range(4)]
    jobs = [begin(server, [LONG], image_id) for image_id in images]
    until(lambda: server.client.get("/api/v1/jobs?status=processing").json()["data"])

    image = server.upload(picture(1))
    job = server.finished(image["job"]["id"])
    answer = server.client.get(f"/images/{image['id']}?w=99", timeout=PATIENCE)
    ended = [server.client.get(f"/api/v1/jobs/{it}").json()["finished_at"] for it in jobs]

    assert job["status"] == "succeeded"
    assert answer.status_code == 200
    assert not all(ended)


@pytest.mark.breadth
def test_the_margin_of_free_space_is_for_uploads_and_not_for_their_jobs(
    make_server: MakeServer,
) -> None:
    """A disk that becomes nearly full after an upload does not make its job fail."""
    server = make_server(**SETTINGS)
    job_id = server.upload(large(3, 5200, 4000))["job"]["id"]
    server.kill()
    assert not rows(server.data_dir, "SELECT 1 FROM jobs WHERE status = 'succeeded'")
    server.settings["min_free_space"] = "8000TiB"

    server.start("/healthz")

    assert server.finished(job_id)["status"] == "succeeded"
    assert rows(server.data_dir, "SELECT 1 FROM blobs WHERE mezzanine_sha256 IS NOT NULL")
