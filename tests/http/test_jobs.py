"""Jobs as JSON: what one says, the list and its filters, cancel and retry."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.crash.pictures import large
from tests.http.asking import assert_problem, damaged, picture
from tests.server import Server
from tests.waiting import until
from tests.workers.processes import busy


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one worker."""
    single = Server(tmp_path_factory.mktemp("jobs") / "data", workers=1).start()
    yield single
    single.close()


@pytest.fixture(scope="module")
def done(server: Server) -> dict[str, Any]:
    """A job that has succeeded."""
    return server.finished(server.upload(picture(1))["job"]["id"])


@pytest.fixture(scope="module")
def failed(server: Server) -> dict[str, Any]:
    """A job that has failed."""
    return server.finished(server.upload(damaged(2), "damaged.png")["job"]["id"])


@contextlib.contextmanager
def waiting(server: Server, seed: int) -> Iterator[str]:
    """The id of a job that waits during the context: the worker stands still in another one."""
    image = server.upload(picture(seed))
    server.finished(image["job"]["id"])
    slow = slow_job(server, seed)
    worker = busy(server.runner)
    os.kill(worker, signal.SIGSTOP)
    try:
        yield process(server, image, "w=20")
    finally:
        os.kill(worker, signal.SIGCONT)
        server.client.delete(f"/api/v1/jobs/{slow}")


def slow_job(server: Server, seed: int) -> str:
    """The id of a job that takes seconds."""
    image = server.upload(large(seed, 4000, 3000))
    server.finished(image["job"]["id"])
    return process(server, image, "w=4000&h=3000&format=avif")


def process(server: Server, image: dict[str, Any], transform: str) -> str:
    """The id of a new job that makes a variant."""
    wanted = {"id": image["id"], "operations": [transform]}
    answer = server.client.post("/api/v1/images/actions/process", json=wanted)
    job_id: str = answer.json()["data"][0]["id"]
    return job_id


def jobs(server: Server, **query: str) -> list[dict[str, Any]]:
    """The jobs that a query lists."""
    answer = server.client.get("/api/v1/jobs", params={"limit": "200", **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_a_job_lists_its_results_with_their_urls(server: Server, done: dict[str, Any]) -> None:
    """Operations with their URLs, attempts, and when it all happened."""
    assert done["status"] == "succeeded"
    assert done["attempts"] == 1
    assert done["error"] is None
    assert [operation["name"] for operation in done["operations"]] == ["thumbnail", "preview"]
    for operation in done["operations"]:
        assert operation["status"] == "succeeded"
        assert operation["error"] is None
        assert server.client.get(operation["url"]).status_code == 200
    assert done["created_at"] <= done["started_at"] <= done["finished_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z", done["finished_at"])


def test_a_failed_job_has_a_reason(server: Server, failed: dict[str, Any]) -> None:
    """In the job and in each operation; a corrupt image is not tried again."""
    image = server.client.get(f"/api/v1/images/{failed['image_id']}").json()

    assert failed["status"] == "failed"
    assert failed["attempts"] == 1
    assert failed["error"]["code"] == "corrupt_image"
    assert failed["error"]["detail"]
    assert {item["status"] for item in failed["operations"]} == {"failed"}
    assert {item["error"]["code"] for item in failed["operations"]} == {"corrupt_image"}
    assert image["status"] == "failed"


def test_the_newest_job_is_first(
    server: Server, done: dict[str, Any], failed: dict[str, Any]
) -> None:
    """As with images; listed it reads the same as alone."""
    found = jobs(server)

    ids = [job["id"] for job in found]
    assert ids == sorted(ids, reverse=True)
    assert done in found
    assert failed in found


def test_jobs_are_filtered(server: Server, done: dict[str, Any], failed: dict[str, Any]) -> None:
    """By status, image and time of creation, and by all of these together."""
    noon = done["created_at"]

    assert done in jobs(server, status="succeeded")
    assert failed not in jobs(server, status="succeeded")
    assert jobs(server, image=done["image_id"]) == [done]
    assert jobs(server, image=done["image_id"], status="failed") == []
    assert done in jobs(server, created_from=noon)
    assert done not in jobs(server, created_to="2020-01-31")
    assert jobs(server, created_from="2999-01-01T00:00:00+05:00") == []
    assert jobs(server, image=done["image_id"], created_from="2020-01-01T00:00:00Z") == [done]


def test_the_ends_of_the_calendar_are_instants(server: Server, done: dict[str, Any]) -> None:
    """Nothing is added to them that a calendar has no date for."""
    assert done in jobs(server, created_from="0001-01-01", created_to="9999-12-31T23:59:59.999999Z")
    assert jobs(server, created_to="0001-01-01") == []
    assert jobs(server, created_from="9999-12-31T23:59:59.999999Z") == []


def test_a_filter_is_kept_in_the_link(server: Server, done: dict[str, Any]) -> None:
    """The next page is of the same list."""
    for seed in range(3, 6):
        server.finished(server.upload(picture(seed))["job"]["id"])
    since = quote("2020-01-01T00:00:00+01:00")
    answer = server.client.get(f"/api/v1/jobs?status=succeeded&created_from={since}&limit=2")

    again = server.client.get(answer.links["next"]["url"])

    assert len(answer.json()["data"]) == 2
    assert {job["status"] for job in again.json()["data"]} == {"succeeded"}
    assert answer.links["next"]["url"].count("created_from=") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "done"),
        ("status", ""),
        ("image", "1"),
        ("image", "0190C0DE-0000-7000-8000-000000000000"),
        ("created_from", "yesterday"),
        ("created_to", "2026-02-30"),
        ("created_from", "9999-12-31T23:59:59-23:00"),
        ("created_from", ""),
        ("owner", "me"),
    ],
)
def test_a_filter_that_cannot_be_is_named(server: Server, name: str, value: str) -> None:
    """Rather than answered with an empty list, or with everything."""
    answer = server.client.get("/api/v1/jobs", params={name: value})

    document = assert_problem(answer, 400, "invalid_request")
    assert [fault["loc"] for fault in document["errors"]] == [name]


@pytest.mark.breadth
def test_a_waiting_job_can_be_cancelled_and_retried(server: Server) -> None:
    """Cancelled it makes nothing; retried it makes everything."""
    with waiting(server, 10) as job_id:
        cancelled = server.client.delete(f"/api/v1/jobs/{job_id}")

        assert cancelled.status_code == 200
        assert cancelled.json()["status"] == "cancelled"
        assert {item["status"] for item in cancelled.json()["operations"]} == {"cancelled"}
        assert cancelled.json()["finished_at"]
        assert server.client.get(f"/api/v1/jobs/{job_id}").json() == cancelled.json()

        retried = server.client.post(f"/api/v1/jobs/{job_id}/retry")

    assert retried.status_code == 202
    assert retried.json()["status"] == "pending"
    assert retried.json()["finished_at"] is None
    assert server.finished(job_id)["status"] == "succeeded"


def test_a_running_job_can_be_cancelled(server: Server) -> None:
    """Its work is stopped, and the service goes on with the next."""
    job_id = slow_job(server, 11)
    os.kill(busy(server.runner), signal.SIGSTOP)  # it does not end before it is cancelled

    cancelled = server.client.delete(f"/api/v1/jobs/{job_id}")

    assert cancelled.json()["status"] == "cancelled"
    assert server.finished(server.upload(picture(11))["job"]["id"])["status"] == "succeeded"
    assert server.client.get(f"/api/v1/jobs/{job_id}").json()["status"] == "cancelled"


def test_a_failed_job_can_be_retried(server: Server, failed: dict[str, Any]) -> None:
    """It is tried again, and fails again for the same reason."""
    retried = server.client.post(f"/api/v1/jobs/{failed['id']}/retry")

    assert retried.status_code == 202
    assert retried.json()["error"] is None
    assert server.finished(failed["id"])["error"] == failed["error"]


def test_a_job_that_has_ended_can_be_deleted(server: Server) -> None:
    """What it made stays, and its image shows no job; a cancelled one can be deleted too."""
    image = server.upload(picture(21))
    server.finished(image["job"]["id"])
    with waiting(server, 22) as cancelled:
        server.client.delete(f"/api/v1/jobs/{cancelled}")

    for job_id in (image["job"]["id"], cancelled):
        answer = server.client.delete(f"/api/v1/jobs/{job_id}")
        assert (answer.status_code, answer.content) == (204, b"")
        assert_problem(server.client.get(f"/api/v1/jobs/{job_id}"), 404, "not_found")
        assert_problem(server.client.delete(f"/api/v1/jobs/{job_id}"), 404, "not_found")

    after = server.client.get(f"/api/v1/images/{image['id']}").json()
    assert (after["status"], after["job"]) == ("succeeded", None)
    assert server.client.get(f"/images/{image['id']}/thumbnail").status_code == 200


def test_a_job_that_has_succeeded_is_not_retried(server: Server, done: dict[str, Any]) -> None:
    """There is nothing left to do."""
    assert_problem(server.client.post(f"/api/v1/jobs/{done['id']}/retry"), 409, "conflict")


@pytest.mark.breadth
def test_a_job_that_waits_or_hangs_can_be_retried(server: Server) -> None:
    """One call takes it out of the hands of a worker that stands still, and queues it again."""
    with waiting(server, 12) as waits:
        assert server.client.post(f"/api/v1/jobs/{waits}/retry").status_code == 202
    assert server.finished(waits)["status"] == "succeeded"
    until(lambda: not jobs(server, status="pending") and not jobs(server, status="processing"))

    hangs = slow_job(server, 23)
    os.kill(busy(server.runner), signal.SIGSTOP)
    retried = server.client.post(f"/api/v1/jobs/{hangs}/retry")

    assert retried.status_code == 202
    assert retried.json()["attempts"] == 0
    job = server.finished(hangs)
    assert (job["status"], job["attempts"]) == ("succeeded", 1)
